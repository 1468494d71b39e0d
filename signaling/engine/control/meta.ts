/**
 * `source|bytes|protocol|address|port|time`: the six tokens that go with every SIP message to an application. The time is UTC
 * without a date, `HH:MM:SS.uuuuuu`; a drachtio-srf program only copies it.
 */
import type { Envelope } from '../core/app';

/** @param text the message; its length counts when the envelope says no other */
export function meta(envelope: Envelope, text: string, wall: Date): string {
  const bytes = envelope.bytes ?? Buffer.byteLength(text);
  return `${envelope.source}|${bytes}|${envelope.protocol}|${envelope.address}|${envelope.port}|${timeOfDay(wall)}`;
}

let second = NaN;
let hhmmss = '';

/** `HH:MM:SS.uuuuuu`, UTC. */
export function timeOfDay(wall: Date): string {
  const time = wall.getTime();
  const ms = ((time % 1000) + 1000) % 1000;
  // Thousands of frames leave in a second.
  if (time - ms !== second) {
    second = time - ms;
    hhmmss = wall.toISOString().slice(11, 19);
  }
  return `${hhmmss}.${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}000`;
}
