/**
 * Answers that need no state: OPTIONS (RFC 3261 §11.2), and 405 to methods that nobody handles (§8.2.1).
 *
 * OPTIONS is answered 200 whatever it is for, also inside a dialog: phones and monitors use it to see that the system is
 * there, and asking costs less than the 407 would.
 */
import type { IncomingRequest, Responder } from './exchange';

export interface Abilities {
  /** Methods in the Allow header, in order. */
  allow: readonly string[];
  /** Option tags in Supported. */
  supported: readonly string[];
  /** Body types in Accept. */
  accept: readonly string[];
  /** Event packages that can be subscribed to, in Allow-Events (RFC 6665 §8.2.2). */
  events: readonly string[];
}

export const defaultAbilities: Abilities = {
  allow: ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'REGISTER', 'INFO', 'UPDATE', 'MESSAGE', 'SUBSCRIBE', 'PUBLISH', 'REFER'],
  supported: ['path', 'timer', 'replaces', 'norefersub'],
  accept: ['application/sdp'],
  events: [],
};

export type Handler = (req: IncomingRequest, res: Responder) => void;

/** Handlers for `srf.options`, a dialog's `options` event, and the methods left over; `headers`: what others may say of us, in the 200 to a REGISTER. */
export function stateless(abilities: Abilities = defaultAbilities): { options: Handler; unsupported: Handler; headers: Readonly<Record<string, string>> } {
  const allow = abilities.allow.join(', ');
  const common = { Allow: allow, Supported: abilities.supported.join(', '), ...(abilities.events.length > 0 && { 'Allow-Events': abilities.events.join(', ') }) };
  const headers = { ...common, Accept: abilities.accept.join(', ') };
  return {
    headers: common,
    options: (_req, res) => res.send(200, 'OK', { headers: { ...headers } }),
    unsupported: (req, res) => {
      // an ACK is never answered
      if (req.method !== 'ACK') res.send(405, 'Method Not Allowed', { headers: { Allow: allow } });
    },
  };
}
