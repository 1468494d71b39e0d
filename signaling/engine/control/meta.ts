/**
 * `source|bytes|protocol|address|port|time`: the six tokens that go with every SIP message to an application. The time is UTC
 * without a date, `HH:MM:SS.uuuuuu`; a drachtio-srf program only copies it.
 */
import type { Envelope } from '../core/app';

export function meta(envelope: Envelope, wall: Date): string {
  return `${envelope.source}|${envelope.bytes}|${envelope.protocol}|${envelope.address}|${envelope.port}|${wall.toISOString().slice(11, 23)}000`;
}
