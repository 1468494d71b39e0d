/**
 * The sound card by ear, on a PulseAudio of the test's own: what is played into one null sink is captured, what is played is heard on the
 * other, through each back end; and what happens when the card or the sound server goes away.
 */
import { listDevices, openDevice, systemBackends } from '../../client/node/audio/open';
import { need } from '../support/peers';
import { Pulse } from '../support/pulse';
import { soonHears } from '../support/soon-hears';
import { staged, type Stage } from '../support/stage';
import { AUDIO_CHILD, Talker } from '../support/talker';

const backends = ['portaudio', 'pulse', 'alsa'] as const;
type Name = (typeof backends)[number];

/** As each back end calls the null sinks and their monitors. */
const names: Record<Name, { spk: string; mic: string }> = {
  portaudio: { spk: 'to_spk', mic: 'from_mic' },
  pulse: { spk: 'spk', mic: 'mic.monitor' },
  alsa: { spk: 'to_spk', mic: 'from_mic' },
};

const SAID = 1100;
const PLAYED = 700;

const open = (stage: Stage, pulse: Pulse, backend: Name, which: { input?: string; output?: string } = {}): Promise<Talker> =>
  Talker.open(stage, pulse, SAID, { backend, input: names[backend].mic, output: names[backend].spk, ...which });

/** From now on, by the tone of the other. What the sound server lets wait is through after half a second. */
async function bothHear(talker: Talker, pulse: Pulse, sink = 'spk'): Promise<void> {
  const ear = pulse.record(`${sink}.monitor`);
  await Promise.all([soonHears(talker, PLAYED, { not: [SAID], waitMs: 15_000 }), soonHears(ear, SAID, { not: [PLAYED], waitMs: 15_000 })]);
}

/** Hangs up, and has left nothing behind. */
async function cleanly(talker: Talker): Promise<void> {
  await talker.close();
  expect(talker.strays).toEqual([]);
  expect(talker.crashed).toBe(false);
}

need('pulseaudio', 'pactl', 'pacat', 'parec', 'aplay', 'arecord', 'alsa-pulse')('a sound card', () => {
  test.each(backends)(
    'by %s: both directions at once, by ear',
    ...staged(async (stage: Stage, backend: Name) => {
      const pulse = await Pulse.start(stage);
      pulse.play('mic', PLAYED);
      const talker = await open(stage, pulse, backend);
      expect(talker.all('open')[0]).toMatchObject({ backend, input: names[backend].mic, output: names[backend].spk });
      await bothHear(talker, pulse);
      await cleanly(talker);
      expect(talker.all('problem')).toEqual([]);
    }, { seconds: 60 }),
  );

  test.each(backends)(
    'by %s: devices are listed, and chosen by name or refused with a sentence',
    ...staged(async (stage: Stage, backend: Name) => {
      const pulse = await Pulse.start(stage);
      const options = { backends: systemBackends({ variables: pulse.variables, childArgs: AUDIO_CHILD }) };
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
      pulse.play('mic', PLAYED);
      const talker = await open(stage, pulse, backend);
      await bothHear(talker, pulse);
      await pulse.kill();
      const problems = await talker.news(2, 'problem');
      expect(problems.map(({ problem }) => /^the (microphone|speaker) is gone: .+; it is used again as soon as it is back$/.exec(problem)?.[1]).sort()).toEqual(['microphone', 'speaker']);
      await pulse.start();
      const back = await talker.news(2, 'recovered');
      expect(back.at(-1)).toMatchObject({ input: names[backend].mic, output: names[backend].spk });
      pulse.play('mic', PLAYED);
      await bothHear(talker, pulse);
      await cleanly(talker);
    }, { seconds: 90 }),
  );

  test(
    'by pulse: a speaker that was asked for by name is pulled out and put in again; the microphone goes on',
    ...staged(async (stage) => {
      // Not the default sink: when that comes back, the server moves everybody there.
      const pulse = await Pulse.start(stage, { sinks: ['spk', 'usb', 'mic'] });
      pulse.play('mic', PLAYED);
      const talker = await open(stage, pulse, 'pulse', { output: 'usb' });
      await bothHear(talker, pulse, 'usb');
      await pulse.unload('usb');
      const [gone] = await talker.news(1, 'problem');
      expect(gone).toMatchObject({ problem: expect.stringMatching(/^the speaker is gone: "usb" was unplugged/), input: 'mic.monitor', output: null });
      await soonHears(talker, PLAYED, { not: [SAID], settleMs: 0 });
      await pulse.load('usb');
      await talker.news(1, 'recovered');
      await bothHear(talker, pulse, 'usb');
      expect(talker.all('problem')).toHaveLength(1);
      await cleanly(talker);
    }, { seconds: 90 }),
  );

  test.each(['portaudio', 'alsa'] as const)(
    'by %s: the speaker is pulled out and put in again, which the sound server makes up for',
    ...staged(async (stage: Stage, backend: Name) => {
      const pulse = await Pulse.start(stage, { sinks: ['spk', 'usb', 'mic'] });
      pulse.play('mic', PLAYED);
      const talker = await open(stage, pulse, backend);
      await bothHear(talker, pulse);
      await pulse.unload('spk');
      // Where it has gone to, in the meantime, may be any: also where it is heard by the microphone
      await pulse.load('spk');
      await bothHear(talker, pulse);
      await cleanly(talker);
    }, { seconds: 90 }),
  );

  test(
    'no sound server at all: one sentence that says what to do instead',
    ...staged(async (stage) => {
      const variables = { PULSE_SERVER: 'unix:/nonexistent', PULSE_RUNTIME_PATH: stage.folder, ALSA_CONFIG_PATH: '/nonexistent', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' };
      const events = { problem: () => undefined, recovered: () => undefined };
      await expect(openDevice({ backend: 'auto' }, events, { backends: systemBackends({ variables, childArgs: AUDIO_CHILD }) })).rejects.toMatchObject({ code: 'no-device', message: expect.stringMatching(/--play.*--record.*--tone/) });
    }, { seconds: 40 }),
  );
});
