/**
 * The sound card by ear, on a PulseAudio of the test's own: what is played into one null sink is captured, what is played is heard on the
 * other, through each back end; and what happens when the card or the sound server goes away.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEVICE_FRAME, DEVICE_RATE, type AudioDevice } from '../../client/node/audio/device';
import { listDevices, openDevice, systemBackends } from '../../client/node/audio/open';
import { hears } from '../support/ears';
import { need } from '../support/peers';
import { Pulse } from '../support/pulse';
import { staged, type Stage } from '../support/stage';
import { eventually } from '../support/wait';
import type { Recording } from '../support/wav';

const root = join(__dirname, '../..');
const childArgs = ['--require', join(root, 'test/support/register-ts.cjs'), join(root, 'client/node/audio/portaudio-child.ts')];
const backends = ['portaudio', 'pulse', 'alsa'] as const;
type Name = (typeof backends)[number];

/** As each back end calls the null sinks and their monitors. */
const names: Record<Name, { spk: string; mic: string }> = {
  portaudio: { spk: 'to_spk', mic: 'from_mic' },
  pulse: { spk: 'spk', mic: 'mic.monitor' },
  alsa: { spk: 'to_spk', mic: 'from_mic' },
};

/** Somebody on the phone: says a tone into `play`, keeps what `capture` gives. */
class Talker {
  readonly name = 'the microphone';
  readonly problems: string[] = [];
  recovered = 0;
  device!: AudioDevice;
  private readonly frames: Int16Array[] = [];
  private timer: NodeJS.Timeout | undefined;

  static async open(stage: Stage, pulse: Pulse, backend: Name, hz: number, which: { input?: string; output?: string } = {}): Promise<Talker> {
    const talker = new Talker();
    const events = { problem: (text: string) => void talker.problems.push(text), recovered: () => void talker.recovered++ };
    talker.device = await openDevice({ backend, input: names[backend].mic, output: names[backend].spk, ...which }, events, { backends: systemBackends({ variables: pulse.variables, childArgs }) });
    talker.talk(hz);
    return stage.own(talker);
  }

  private talk(hz: number): void {
    const start = performance.now();
    const frame = new Int16Array(DEVICE_FRAME);
    let tick = 0;
    this.timer = setInterval(() => {
      for (; start + tick * 20 <= performance.now(); tick++) {
        const heard = new Int16Array(DEVICE_FRAME);
        this.device.capture(heard);
        this.frames.push(heard);
        for (let i = 0; i < DEVICE_FRAME; i++) frame[i] = Math.round(12_000 * Math.sin((2 * Math.PI * hz * (tick * DEVICE_FRAME + i)) / DEVICE_RATE));
        this.device.play(frame);
      }
    }, 10);
  }

  heard(): Recording {
    const samples = new Float32Array(this.frames.length * DEVICE_FRAME);
    this.frames.forEach((frame, n) => frame.forEach((sample, i) => (samples[n * DEVICE_FRAME + i] = sample / 32768)));
    return { samples, rate: DEVICE_RATE };
  }

  report(): string {
    return `problems: ${this.problems.join(' | ')}; recovered ${this.recovered}; ${JSON.stringify(this.device.stats())}`;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.device.close();
  }
}

const now = ({ samples, rate }: Recording): number => samples.length / rate;

need('pulseaudio', 'pactl', 'pacat', 'parec', 'aplay', 'arecord', 'alsa-pulse')('a sound card', () => {
  test.each(backends)(
    'by %s: both directions at once, by ear',
    ...staged(async (stage: Stage, backend: Name) => {
      const pulse = await Pulse.start(stage);
      pulse.play('mic', 700);
      const ear = pulse.record('spk.monitor');
      const talker = await Talker.open(stage, pulse, backend, 1100);
      expect(talker.device.backend).toBe(backend);
      await Promise.all([hears(talker, 700, { not: [1100], from: 1, waitMs: 15_000 }), hears(ear, 1100, { not: [700], from: 1, waitMs: 15_000 })]);
      await talker.close();
      expect(talker.problems).toEqual([]);
      expect(existsSync(join(tmpdir(), 'crash.log'))).toBe(false);
    }, { seconds: 40 }),
  );

  test.each(backends)(
    'by %s: devices are listed, and chosen by name or refused with a sentence',
    ...staged(async (stage: Stage, backend: Name) => {
      const pulse = await Pulse.start(stage);
      const options = { backends: systemBackends({ variables: pulse.variables, childArgs }) };
      const devices = await listDevices(backend, options);
      expect(devices.map(({ name }) => name)).toEqual(expect.arrayContaining([names[backend].spk, names[backend].mic]));
      const events = { problem: () => undefined, recovered: () => undefined };
      await expect(openDevice({ backend, input: null, output: 'trumpet' }, events, options)).rejects.toMatchObject({ code: 'unknown-device', message: expect.stringContaining(names[backend].spk) });
    }, { seconds: 30 }),
  );

  test.each(backends)(
    'by %s: the sound server dies and comes back, and so does the sound',
    ...staged(async (stage: Stage, backend: Name) => {
      const pulse = await Pulse.start(stage);
      const talker = await Talker.open(stage, pulse, backend, 1100);
      await pulse.kill();
      await eventually('both halves to be missed', () => talker.problems.length >= 2, 10_000);
      await pulse.start();
      await eventually('both to be back', () => talker.recovered >= 2, 20_000);
      pulse.play('mic', 700);
      const ear = pulse.record('spk.monitor');
      const from = now(talker.heard()) + 0.5;
      await Promise.all([hears(talker, 700, { not: [1100], from, waitMs: 15_000 }), hears(ear, 1100, { not: [700], from: 1, waitMs: 15_000 })]);
    }, { seconds: 60 }),
  );

  test(
    'a speaker is pulled out and put in again; the microphone goes on',
    ...staged(async (stage) => {
      // Not the default sink: when that comes back, the server moves everybody there.
      const pulse = await Pulse.start(stage, { sinks: ['spk', 'mic', 'usb'] });
      const talker = await Talker.open(stage, pulse, 'pulse', 1100, { output: 'usb' });
      pulse.play('mic', 700);
      await pulse.unload('usb');
      await eventually('the speaker to be missed', () => talker.problems.length === 1, 10_000);
      expect(talker.problems[0]).toMatch(/speaker.*"usb" was unplugged/);
      expect(talker.device.output).toBeNull();
      expect(talker.device.input).toBe('mic.monitor');
      await pulse.load('usb');
      await eventually('it to be back', () => talker.recovered === 1, 20_000);
      const ear = pulse.record('usb.monitor');
      const from = now(talker.heard()) + 0.5;
      await Promise.all([hears(talker, 700, { not: [1100], from, waitMs: 15_000 }), hears(ear, 1100, { not: [700], from: 1, waitMs: 15_000 })]);
    }, { seconds: 60 }),
  );

  test(
    'no sound server at all: one sentence that says what to do instead',
    ...staged(async () => {
      const variables = { PULSE_SERVER: 'unix:/nonexistent', ALSA_CONFIG_PATH: '/nonexistent', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' };
      const events = { problem: () => undefined, recovered: () => undefined };
      await expect(openDevice({ backend: 'auto' }, events, { backends: systemBackends({ variables, childArgs }) })).rejects.toMatchObject({ code: 'no-device', message: expect.stringMatching(/--play.*--record.*--tone/) });
    }, { seconds: 40 }),
  );
});
