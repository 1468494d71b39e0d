/** What cannot be sent is refused before it comes to a worker. @throws MediaError 'setting' */
import type { AudioSetup } from '../audio-types';
import { TONE_COUNTRIES } from '../audio/tones';
import { MediaError } from '../errors';
import type { RelayDirection } from '../node/relay';
import type { MediaPlaneOptions } from '../plane-types';

const LONGEST_PTIME_MS = 200;

export function checkOptions({ portMin, portMax, toneCountry = 'us' }: MediaPlaneOptions): void {
  if (![portMin, portMax].every((port) => Number.isInteger(port) && port > 0 && port < 65536)) {
    throw new MediaError('setting', `media.portMin ${portMin} and media.portMax ${portMax}: a port is a number from 1 to 65535`);
  }
  if (!TONE_COUNTRIES.includes(toneCountry)) {
    throw new MediaError('setting', `speech.tones: the telephone tones of '${toneCountry}' are not known; known are ${TONE_COUNTRIES.join(', ')}`);
  }
}

export function checkPayloadTypes(direction: RelayDirection): void {
  for (const [as, to] of Object.entries(direction.payloadMap ?? {})) {
    const valid = Number(as) >= 0 && Number(as) < 128 && Number.isInteger(to) && to >= -1 && to < 128;
    if (!valid) throw new MediaError('setting', `payload types are 0 to 127 (-1 drops), not ${as} to ${to}`);
  }
}

export function checkAudio({ send, receive, telephoneEvent, comfortNoise }: AudioSetup): void {
  const types = [send?.payloadType, ...receive.map(({ payloadType }) => payloadType), telephoneEvent?.send?.payloadType, ...(telephoneEvent?.receive ?? []).map(({ payloadType }) => payloadType), comfortNoise?.send, comfortNoise?.receive];
  for (const type of types) if (type != null && !(Number.isInteger(type) && type >= 0 && type < 128)) throw new MediaError('setting', `payload types are 0 to 127, not ${type}`);
  for (const clock of [telephoneEvent?.send?.clockRate, ...(telephoneEvent?.receive ?? []).map(({ clockRate }) => clockRate)]) {
    if (clock !== undefined && !(clock >= 8000 && clock <= 192_000)) throw new MediaError('setting', `a telephone-event's clock is 8000 to 192000 Hz, not ${clock}`);
  }
  if (send && !(send.ptimeMs > 0 && send.ptimeMs <= LONGEST_PTIME_MS)) throw new MediaError('setting', `packets of ${send.ptimeMs} ms cannot be sent`);
}

export function checkDigits(digits: string): void {
  if (!/^[0-9*#A-D]{1,64}$/.test(digits)) throw new MediaError('setting', `key presses are up to 64 of 0-9 * # A-D, not ${JSON.stringify(digits.slice(0, 80))}`);
}
