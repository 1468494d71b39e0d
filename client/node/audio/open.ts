/** The sound card's one door: which back end, and the sentence when there is none. */
import { systemClock, type Clock } from '../../clock';
import { Alsa } from './alsa';
import type { Backend } from './backend';
import type { Variables } from './child-environment';
import { AudioDeviceError, type AudioDevice, type DeviceEvents, type DeviceInfo, type DeviceRequest } from './device';
import { noDevice } from './no-device';
import { PortAudio } from './portaudio';
import { PulseAudio } from './pulse';
import { SoundCard } from './sound-card';

/** For tests, and for whoever knows better. */
export interface OpenOptions {
  /** In order of preference. */
  backends?: readonly Backend[];
  clock?: Clock;
}

/** `variables`: for the programs that are started. `childArgs`: see PortAudioOptions. */
export function systemBackends(options: { variables?: Variables | undefined; childArgs?: readonly string[] | undefined } = {}): Backend[] {
  return [new PortAudio(options), new PulseAudio(options), new Alsa(options)];
}

function candidates(name: DeviceRequest['backend'], options: OpenOptions): readonly Backend[] {
  const all = options.backends ?? systemBackends();
  return name === 'auto' ? all : all.filter((backend) => backend.name === name);
}

const NO_DEVICE = 'there is no sound device here: use --play, --record or --tone, or connect one';

/** What to say when no back end could do it: the one that found devices but not the one asked for knows best. */
function worst(errors: readonly unknown[]): unknown {
  const audio = errors.filter((err) => err instanceof AudioDeviceError);
  const other = errors.find((err) => !(err instanceof AudioDeviceError));
  if (other !== undefined) return other;
  const telling = audio.find((err) => err.code === 'unknown-device');
  if (telling) return telling;
  if (audio.length === 1) return audio[0];
  // Where nobody found anything, that is all there is to say; a device that is there and cannot be had has a reason
  const said = [...new Set(audio.filter(({ code }) => code === 'failed').map(({ message }) => message))].join('; ');
  return new AudioDeviceError('no-device', said === '' ? NO_DEVICE : `${NO_DEVICE} (${said})`);
}

/** See `OpenDevice`. Errors: AudioDeviceError. */
export async function openDevice(request: DeviceRequest, events: DeviceEvents, options: OpenOptions = {}): Promise<AudioDevice> {
  if (request.backend === 'none' || (request.input === null && request.output === null)) return noDevice();
  const errors: unknown[] = [];
  for (const backend of candidates(request.backend, options)) {
    try {
      return await SoundCard.open(backend, request, events, options.clock ?? systemClock);
    } catch (err) {
      errors.push(err);
    }
  }
  throw worst(errors);
}

/** Of the back end named, or of the first that has any. Errors: AudioDeviceError when none can look. */
export async function listDevices(name: DeviceRequest['backend'], options: OpenOptions = {}): Promise<DeviceInfo[]> {
  if (name === 'none') return [];
  const errors: unknown[] = [];
  let found = false;
  for (const backend of candidates(name, options)) {
    try {
      const devices = await backend.list();
      if (devices.length > 0) return devices;
      found = true;
    } catch (err) {
      errors.push(err);
    }
  }
  if (found) return [];
  throw worst(errors);
}
