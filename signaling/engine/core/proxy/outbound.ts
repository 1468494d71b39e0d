/**
 * The edge's part of RFC 5626: a client behind us is reached over the flow that it registered on, by whoever has the Path it registered with.
 *
 *     REGISTER, reg-id ─▶ Path: <sip:TOKEN@us;lr;ob> ─▶ registrar           (§5.1; TOKEN: the flow's id and a keyed hash of it, marks.ts)
 *     Route: <sip:TOKEN@us;lr;ob> ─▶ that flow, or 430; or 403 if the token was not made here             (§5.3)
 *
 * What comes by a token begins calls, so an application is asked about it like about any request. Sent on to its own Request-URI it goes
 * over that flow and no other; a destination of the application's own is the application's own decision.
 */
import type { Flow } from '../../transport/types';
import { SipParseError } from '../../wire/errors';
import type { SipRequest } from '../../wire/message';
import { parseNameAddr } from '../../wire/name-addr';
import { parseUri, type SipUri } from '../../wire/uri';
import { isOwnUri, type HopTransport } from '../next-hop';
import { bindingOf } from '../registrations';
import type { Marks } from './marks';

/** For our Path entry. Undefined: we are not the first hop, or the client does not ask for outbound (§5.1). */
export function pathToken(register: SipRequest, from: Flow, marks: Marks): string | undefined {
  if (register.method !== 'REGISTER' || register.headers.getList('via').length > 1) return undefined;
  const asked = register.headers.getList('contact').some((contact) => contact.trim() !== '*' && bindingOf(parseNameAddr(contact)) !== '');
  return asked ? marks.token(from.id) : undefined;
}

/** The flow that the topmost Route asks for, by its id. Undefined: none, or it is the request's own, whose client has named its edge (§5.3.1). */
export function askedFlow(request: SipRequest, from: Flow, marks: Marks): string | undefined {
  const id = marks.flowOf(topRoute(request)?.user ?? '');
  return id === from.id ? undefined : id;
}

/** The topmost Route is one of ours, says that it has a token, and it has none that was made here. */
export function isForged(request: SipRequest, marks: Marks, transport: HopTransport): boolean {
  const uri = topRoute(request);
  return uri?.user !== undefined && uri.params.has('ob') && marks.flowOf(uri.user) === undefined && isOwnUri(uri, transport);
}

function topRoute(request: SipRequest): SipUri | undefined {
  const [top] = request.headers.has('route') ? request.headers.getList('route') : [];
  try {
    return top === undefined ? undefined : parseUri(parseNameAddr(top).uri);
  } catch (error) {
    // What cannot be read was not written here.
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
