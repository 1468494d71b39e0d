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

/** `HH:MM:SS.uuuuuu`, UTC. */
export function timeOfDay(wall: Date): string {
  const two = (n: number): string => (n < 10 ? `0${n}` : String(n));
  const ms = wall.getUTCMilliseconds();
  return `${two(wall.getUTCHours())}:${two(wall.getUTCMinutes())}:${two(wall.getUTCSeconds())}.${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}000`;
}
