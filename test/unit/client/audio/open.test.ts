/** What a person is told when no back end has a device to give, and which back end it is when one has. */
import type { Backend } from '../../../../client/node/audio/backend';
import { AudioDeviceError, type DeviceInfo } from '../../../../client/node/audio/device';
import { parseNames } from '../../../../client/node/audio/alsa';
import { listDevices, openDevice } from '../../../../client/node/audio/open';

const silent = { problem: () => undefined, recovered: () => undefined };
const fails = (name: Backend['name'], code: AudioDeviceError['code'], message: string): Backend => {
  const no = (): Promise<never> => Promise.reject(new AudioDeviceError(code, message));
  return { name, list: no, open: no };
};
const card: DeviceInfo = { number: 0, name: 'card', inputs: 1, outputs: 1, isDefaultInput: true, isDefaultOutput: true, backend: 'pulse' };
const works = (name: Backend['name']): Backend => ({ name, list: () => Promise.resolve([card]), open: () => Promise.resolve({ device: 'card', rate: 48_000, close: () => Promise.resolve() }) });
const failure = (backends: Backend[], backend: 'auto' | 'pulse' = 'auto'): Promise<AudioDeviceError> => openDevice({ backend }, silent, { backends }).then(() => Promise.reject(new Error('it opened')), (err: AudioDeviceError) => err);

const NOTHING = 'there is no sound device here: use --play, --record or --tone, or connect one';

test('where nobody has anything there is one sentence, and nothing behind it', async () => {
  const all = [fails('portaudio', 'no-device', 'there is no microphone here'), fails('pulse', 'no-device', 'no PulseAudio server runs here'), fails('alsa', 'not-installed', 'the program arecord is not installed')];
  expect((await failure(all)).message).toBe(NOTHING);
});

test('a device that is there and cannot be had has its reason told', async () => {
  const err = await failure([fails('portaudio', 'no-device', 'nothing'), fails('alsa', 'failed', '"hw:0" is busy')]);
  expect(err.message).toBe(`${NOTHING} ("hw:0" is busy)`);
});

test('a name that only one back end could look for: its list of names is told', async () => {
  const err = await failure([fails('portaudio', 'no-device', 'nothing'), fails('pulse', 'unknown-device', 'there is no "trumpet"; there are: card')]);
  expect(err).toMatchObject({ code: 'unknown-device', message: 'there is no "trumpet"; there are: card' });
});

test('a back end asked for by name tells its own reason', async () => {
  expect((await failure([works('portaudio'), fails('pulse', 'no-device', 'no PulseAudio server runs here')], 'pulse')).message).toBe('no PulseAudio server runs here');
});

test('the first that can is taken', async () => {
  const device = await openDevice({ backend: 'auto' }, silent, { backends: [fails('portaudio', 'failed', 'x'), works('pulse'), works('alsa')] });
  expect(device).toMatchObject({ backend: 'pulse', input: 'card', output: 'card' });
  await device.close();
  expect(await listDevices('auto', { backends: [fails('portaudio', 'failed', 'x'), works('pulse')] })).toEqual([card]);
});

test('the names that ALSA lists without any card are left out', () => {
  const text = 'null\n    Discard all samples\nlavrate\n    Rate Converter\nsamplerate\n    Rate Converter\njack\n    JACK\noss\n    OSS\nspeex:1\n    x\nhw:CARD=PCH,DEV=0\n    HDA Intel, Direct\ndefault\n    Default\n';
  expect(parseNames(text)).toEqual([{ id: 'hw:CARD=PCH,DEV=0', description: 'HDA Intel, Direct' }, { id: 'default', description: 'Default' }]);
});
