/** Which device a person means. */
import { AudioDeviceError, type DeviceInfo } from './device';
import type { Side } from './backend';

/** `id`: what the back end calls it; may be given, too. */
export type KnownDevice = DeviceInfo & { id: string };

const able = (side: Side, device: DeviceInfo): boolean => (side === 'input' ? device.inputs : device.outputs) > 0;

const listed = (devices: readonly DeviceInfo[]): string => devices.map((d) => `${d.number} "${d.name}"`).join(', ');

/**
 * By number, by name, by a part of it that only one has (case does not matter), or the system's own choice.
 * Errors: AudioDeviceError `no-device`, `unknown-device`; the sentence names the candidates.
 */
export function chooseDevice<D extends DeviceInfo & { id?: string }>(devices: readonly D[], side: Side, wanted: string | undefined): D {
  const kind = side === 'input' ? 'microphone' : 'speaker';
  const candidates = devices.filter((d) => able(side, d));
  if (candidates.length === 0) throw new AudioDeviceError('no-device', `there is no ${kind} here: connect one, or use --play, --record or --tone instead of a sound card`);
  if (wanted === undefined) return candidates.find((d) => (side === 'input' ? d.isDefaultInput : d.isDefaultOutput)) ?? (candidates[0] as D);

  const text = wanted.trim();
  if (/^\d+$/.test(text)) {
    const found = devices.find((d) => d.number === Number(text));
    if (found && able(side, found)) return found;
    const why = found ? `device ${text} "${found.name}" is no ${kind}` : `there is no device ${text}`;
    throw new AudioDeviceError('unknown-device', `${why}; choose one of: ${listed(candidates)}`);
  }
  const exact = candidates.filter((d) => d.name === text || d.id === text);
  const same = exact.length > 0 ? exact : candidates.filter((d) => d.name.toLowerCase() === text.toLowerCase());
  if (same[0]) return same[0];
  const parts = candidates.filter((d) => text !== '' && d.name.toLowerCase().includes(text.toLowerCase()));
  if (parts.length === 1) return parts[0] as D;
  if (parts.length > 1) throw new AudioDeviceError('unknown-device', `"${text}" may be any of: ${listed(parts)}; say more of the name, or the number`);
  throw new AudioDeviceError('unknown-device', `there is no ${kind} called "${text}"; choose one of: ${listed(candidates)}`);
}
