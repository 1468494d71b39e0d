/**
 * What the receiver of a request writes into its top Via: where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4).
 *
 *     Via: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1        from 192.0.2.7:40312 becomes
 *     Via: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1;received=192.0.2.7;rport=40312
 *
 * `rport` is filled in whether asked for or not, as drachtio does: answers go to the source address anyway. Only the top element is
 * touched, and its text otherwise kept as it was written.
 */
import { splitList } from '../wire/headers';
import type { SipRequest } from '../wire/message';
import { formatVia, parseVia, type Via } from '../wire/via';
import type { Endpoint } from './types';

/** @throws SipParseError when the request has no Via that can be read */
export function stampVia(request: SipRequest, source: Endpoint): void {
  const line = request.headers.get('via') ?? '';
  const text = line.includes(',') ? (splitList(line)[0] ?? line) : line;
  const via = parseVia(text);
  const zone = source.address.indexOf('%');
  const address = zone < 0 ? source.address : source.address.slice(0, zone);
  const stamped = stamp(text, via, via.host.toLowerCase() === address ? undefined : address, source.port);
  request.setTopVia(via, stamped);
}

/** Changes `via`, and gives the text that says the same. */
function stamp(text: string, via: Via, received: string | undefined, port: number): string {
  const asked = via.rport !== undefined;
  const guessed = via.received !== undefined;
  via.rport = port;
  if (received === undefined) delete via.received;
  else via.received = received;
  // Rewriting inside quoted parameters needs the whole grammar: format anew.
  if (text.includes('"')) return formatVia(via);
  let out = text;
  // A `received` that the client wrote itself is a guess or a trap.
  if (guessed) out = out.replace(/;\s*received\s*=[^;]*/gi, '');
  if (!asked) return `${out}${received === undefined ? '' : `;received=${received}`};rport=${port}`;
  out = out.replace(/;\s*rport\s*(=[^;]*)?(?=;|$)/i, `;rport=${port}`);
  return received === undefined ? out : `${out};received=${received}`;
}
