/** The sound card on a PulseAudio of the test's own, through each back end: what there is, and what cannot be had. */
import { join } from 'node:path';
import { listDevices, openDevice, systemBackends } from '../../client/node/audio/open';
import { need } from '../support/peers';
import { Pulse } from '../support/pulse';
import { staged, type Stage } from '../support/stage';

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

need('pulseaudio', 'pactl', 'pacat', 'parec', 'aplay', 'arecord', 'alsa-pulse')('a sound card', () => {
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

  test(
    'no sound server at all: one sentence that says what to do instead',
    ...staged(async () => {
      const variables = { PULSE_SERVER: 'unix:/nonexistent', ALSA_CONFIG_PATH: '/nonexistent', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' };
      const events = { problem: () => undefined, recovered: () => undefined };
      await expect(openDevice({ backend: 'auto' }, events, { backends: systemBackends({ variables, childArgs }) })).rejects.toMatchObject({ code: 'no-device', message: expect.stringMatching(/--play.*--record.*--tone/) });
    }, { seconds: 40 }),
  );
});
