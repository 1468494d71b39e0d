/**
 * Our own address in the messages. sip.js is told that we live at PLACEHOLDER_HOST, for good; on the way out that becomes the host and port of the
 * channel that is open just now (Via: RFC 3261 §18.1.1; Contact: §8.1.1.8), on the way in it becomes the placeholder again, since sip.js drops
 * answers whose Via names anything else, and looks for its own Contact in the answer to REGISTER. Over WebSockets the placeholder itself is
 * what goes out (RFC 7118 §5: a client has no address there that anybody could reach).
 */
import type { HostPort, Protocol } from './channel';
import { findHeader, firstOfList, hostPortText, sameHost, topVia, type Edit, type MessageHead, type Via } from './message-text';

/** RFC 2606 §2: never anybody's. */
export const PLACEHOLDER_HOST = 'phone.invalid';

/** What our Via says on the wire. */
export interface SentBy {
  protocol: Protocol;
  /** undefined: the placeholder. */
  address: HostPort | undefined;
}

const URI_AT_PLACEHOLDER = /(sips?:(?:[^@<>"\s]{0,512}@)?)phone\.invalid((?:;[^<>"\s,?]{0,512})?)/i;
const TRANSPORT_PARAM = /;transport=([^;>?\s]*)/i;
const VIA_SENT_BY = /^(\s*SIP\s*\/\s*2\.0\s*\/\s*[A-Za-z0-9-]+\s+)(?:\[[^\]]*\]|[^\s;:,]+)(?:[ \t]*:[ \t]*\d+)?/i;
const CONTACT_URI = /(sips?:(?:[^@<>"\s]{0,512}@)?)(\[[0-9A-Fa-f:.]{2,60}\]|[A-Za-z0-9_.-]{1,255})(?::(\d{1,5}))?((?:;[^<>"\s,?]{0,512})?)/i;

/** Addresses of ours that answers may still name: those of connections that were replaced, too. */
const MAX_USED = 32;

export class OwnAddress {
  /** Sent-by values, the one that was used longest ago first. */
  private readonly used = new Set<string>();
  /** How sip.js wrote `transport` into its Contact, which it wants to read again: what was taken off going out. */
  private transport: string | undefined;

  /** We are reached there, from now on and for a while after another one took its place. */
  use(address: HostPort): void {
    const key = sentByKey(address.host, address.port);
    this.used.delete(key);
    this.used.add(key);
    for (const oldest of this.used) {
      if (this.used.size <= MAX_USED) break;
      this.used.delete(oldest);
    }
  }

  /** The edits that put our address into a message that goes out; `sentBy` for the Via of a request, `contact` for Contact. */
  out(head: MessageHead, sentBy: SentBy, contact: SentBy): Edit[] {
    const edits: Edit[] = [];
    if (head.method !== undefined) {
      const via = topVia(head);
      if (via && sameHost(via.host, PLACEHOLDER_HOST)) edits.push({ start: via.start, end: via.end, text: ` ${viaText(head.text.slice(via.start, via.end), sentBy)}` });
    }
    const field = findHeader(head, 'contact');
    if (field) {
      const value = head.text.slice(field.start, field.end);
      const match = URI_AT_PLACEHOLDER.exec(value);
      if (match) {
        const params = match[2] as string;
        this.transport = TRANSPORT_PARAM.exec(params)?.[1];
        const host = contact.address ? hostPortText(contact.address) : PLACEHOLDER_HOST;
        const text = `${match[1]}${host};transport=${contactTransport(contact.protocol)}${params.replace(TRANSPORT_PARAM, '')}`;
        edits.push({ start: field.start + match.index, end: field.start + match.index + match[0].length, text });
      }
    }
    return edits;
  }

  /** The edits that make a response that came in one for our placeholder. */
  in(head: MessageHead): Edit[] {
    if (head.status === undefined) return [];
    const edits: Edit[] = [];
    const via = topVia(head);
    if (via && via.port !== undefined && this.used.has(sentByKey(via.host, via.port))) edits.push({ start: via.start, end: via.end, text: placeholderVia(head.text.slice(via.start, via.end)) });
    for (const field of head.headers) if (field.name === 'contact') edits.push(...this.contactsIn(head.text, field.start, field.end));
    return edits;
  }

  private contactsIn(text: string, start: number, end: number): Edit[] {
    const edits: Edit[] = [];
    for (let at = start; at < end; ) {
      const stop = firstOfList(text, at, end);
      const match = CONTACT_URI.exec(text.slice(at, stop));
      const host = match?.[2]?.replace(/^\[|\]$/g, '') ?? '';
      // Over a WebSocket the placeholder came back as it was sent; only `transport` may differ from what sip.js knows.
      const own = match && (this.used.has(sentByKey(host, Number(match[3] ?? 0))) || sameHost(host, PLACEHOLDER_HOST));
      if (own) {
        const transport = this.transport === undefined ? '' : `;transport=${this.transport}`;
        // In bare form (no angle brackets) what follows ';' are the header's own parameters, among them `expires`: they stay.
        const params = (match[4] as string).replace(TRANSPORT_PARAM, '');
        edits.push({ start: at + match.index, end: at + match.index + match[0].length, text: `${match[1]}${PLACEHOLDER_HOST}${transport}${params}` });
      }
      at = stop + 1;
    }
    return edits;
  }
}

/** RFC 7118 §5: 'ws' for both kinds of WebSocket, as the URI's scheme tells them apart. */
function contactTransport(protocol: Protocol): string {
  return protocol === 'WSS' ? 'ws' : protocol.toLowerCase();
}

function viaText(via: string, sentBy: SentBy): string {
  const semicolon = via.indexOf(';');
  const params = semicolon < 0 ? '' : via.slice(semicolon).trim();
  const host = sentBy.address ? hostPortText(sentBy.address) : PLACEHOLDER_HOST;
  // RFC 3581 §3: answers come to where we sent from, which is where a NAT lets them through.
  const rport = /;\s*rport\b/i.test(params) ? '' : ';rport';
  return `SIP/2.0/${sentBy.protocol} ${host}${params}${rport}`;
}

function placeholderVia(via: string): string {
  return via.replace(VIA_SENT_BY, `$1${PLACEHOLDER_HOST}`);
}

export function sentByKey(host: string, port: number): string {
  return `${host.toLowerCase()} ${port}`;
}

/**
 * The edit that notes on a request where it came from, as RFC 3261 §18.2.1 and RFC 3581 §4 want it of whoever receives it: `received` always (one
 * that was there already is not believed), the port where `rport` asks for it. sip.js copies the Via into its answers, which find their way by it.
 */
export function stampVia(text: string, via: Via, from: HostPort): Edit {
  const value = text.slice(via.start, via.end);
  const parts = value.split(';');
  const kept = parts.slice(1).filter((part) => !/^\s*(received|rport)\s*(=|$)/i.test(part));
  const rport = via.rport === undefined ? [] : [`rport=${from.port}`];
  // sip.js's grammar takes IPv6 there without brackets, as RFC 3261 §25.1 has it.
  return { start: via.start, end: via.end, text: [parts[0]?.trimEnd() ?? '', ...kept.map((part) => part.trim()), `received=${from.host}`, ...rport].join(';') };
}

