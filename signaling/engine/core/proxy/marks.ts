/**
 * How the proxy knows its own again, without keeping anything:
 *
 *     Via: …;branch=z9hG4bK<random>.<mark>       a request that comes back with the same mark has looped (RFC 5393 §4.2)
 *     Record-Route: <sip:…;lr;ticket=<ticket>>   a request within a call that was let through here (RFC 3261 §16.6 step 4)
 *     Path: <sip:<token>@…;lr;ob>                what is for a client that registered over a flow of ours (RFC 5626 §5.1)
 *
 * All are, or hold, keyed hashes, so none can be made elsewhere. Without the ticket anybody could have any request sent anywhere, with our
 * address as its origin, by writing our address into a Route.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../../clock';
import type { SipRequest } from '../../wire/message';
import type { SipUri } from '../../wire/uri';
import { parseVia } from '../../wire/via';

/** 72 bits in 12 characters of the token alphabet. */
const LENGTH = 12;
/** 84 bits: RFC 5626 §5.2 has 80. */
const TOKEN_LENGTH = 14;
export const TICKET = 'ticket';
export const FLOW = 'flow';

export class Marks {
  private readonly key: Buffer | string;

  /** @param secret the same after a restart, or calls that were set up before it cannot be ended any more; absent: random */
  constructor(secret: string | undefined, random: Random) {
    this.key = secret ?? random(20);
  }

  /** Of the fields that say where a request goes (RFC 5393 §4.2.1); Via is not among them, for it grows with every hop. */
  loop(request: SipRequest): string {
    const { headers } = request;
    const routing = ['route', 'proxy-require', 'proxy-authorization', 'authorization'].flatMap((name) => [name, ...headers.getAll(name)]);
    return this.hash(['loop', request.method, request.uri, request.fromTag ?? '', request.toTag ?? '', request.callId, String(request.cseq.seq), ...routing]);
  }

  /** For an entry of this call; `flow`: what else stands in it (flows.ts), so that nobody can put something else there. */
  ticket(callId: string, flow = ''): string {
    return this.hash(['ticket', callId, flow]);
  }

  /** A Record-Route entry that was made here for this call. */
  isTicketed(uri: SipUri, callId: string): boolean {
    const given = uri.params.get(TICKET);
    return given !== undefined && given === this.ticket(callId, uri.params.get(FLOW));
  }

  /** Names a flow to whoever sends us what goes over it; fit for the user part of a URI. */
  token(flowId: string): string {
    return `${Buffer.from(flowId).toString('base64url')}.${this.hash(['token', flowId], TOKEN_LENGTH)}`;
  }

  /** The id of the flow in a token that was made here. */
  flowOf(token: string): string | undefined {
    const [, encoded = '', mark = ''] = /^([\w-]+)\.([\w-]{14})$/.exec(token) ?? [];
    const id = Buffer.from(encoded, 'base64url').toString();
    return mark !== '' && timingSafeEqual(Buffer.from(mark), Buffer.from(this.hash(['token', id], TOKEN_LENGTH))) ? id : undefined;
  }

  private hash(parts: string[], length = LENGTH): string {
    return createHmac('sha256', this.key).update(parts.join('\n')).digest('base64url').slice(0, length);
  }
}

/** The same request was sent on from here before. A spiral, which comes back for another target, has another mark. */
export function hasLooped(request: SipRequest, mark: string): boolean {
  return request.headers.getList('via').some((via) => parseVia(via).branch?.endsWith(`.${mark}`));
}
