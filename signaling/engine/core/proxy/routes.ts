/**
 * Route and Record-Route on the way through (RFC 3261 §16.4, §16.6 steps 4 and 6). Pure: a request that is read stays as it was, what is
 * returned is a copy.
 */
import type { Target } from '../../transport/types';
import { SipParseError } from '../../wire/errors';
import type { SipRequest, SipResponse } from '../../wire/message';
import { formatNameAddr, parseNameAddr } from '../../wire/name-addr';
import { formatUri, parseUri, type SipUri } from '../../wire/uri';
import { localContact, type Local } from '../build';
import { readFlow } from './flows';
import { FLOW, TICKET, type Marks } from './marks';

export interface Routed {
  request: SipRequest;
  /** URI of the next hop: the first Route that is left, or the Request-URI. */
  nextHop: string;
  /** The flow that hop is known to be behind; see flows.ts. */
  flow?: Target | undefined;
}

/** A request within a call that was record-routed here: our own entries are taken off. Undefined: it is no such request. */
export function takeOwnRoutes(received: SipRequest, marks: Marks): Routed | undefined {
  try {
    return takeTicketed(received, marks);
  } catch (error) {
    // What cannot be read was not written here.
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

function takeTicketed(received: SipRequest, marks: Marks): Routed | undefined {
  let found: SipUri | undefined;
  const ours = (text: string): boolean => {
    const entry = parseUri(text);
    if (!marks.isTicketed(entry, received.callId)) return false;
    found = entry;
    return true;
  };
  const routes = routeValues(received);
  let uri = received.uri;
  // A strict router before us has put our entry where the target belongs, and the target at the end.
  if (routes.length > 0 && ours(uri)) uri = uriOf(routes.pop()!);
  // Two of them when we have two faces (see recordRoutes); the last is the one that faces where the request goes.
  while (routes.length > 0 && ours(uriOf(routes[0]!))) routes.shift();
  return found && { ...routed(received, uri, routes), flow: readFlow(found.params.get(FLOW)) };
}

/**
 * An initial request for a proxy the application has chosen: the topmost Route has led here, whatever name it knows us by.
 * @throws SipParseError when a Route or the Request-URI cannot be read
 */
export function takeTopRoute(received: SipRequest, isOwn: (uri: SipUri) => boolean): Routed {
  return routed(received, withoutOwnMaddr(received.uri, isOwn), routeValues(received).slice(1));
}

/** §16.4: an maddr that is ours has done its work, with the port and transport that went with it. */
function withoutOwnMaddr(text: string, isOwn: (uri: SipUri) => boolean): string {
  const uri = parseUri(text);
  const maddr = uri.params.get('maddr');
  if (maddr === undefined || !isOwn({ ...uri, host: maddr })) return text;
  for (const name of ['maddr', 'transport', 'ttl']) uri.params.delete(name);
  delete uri.port;
  return formatUri(uri);
}

function routed(received: SipRequest, uri: string, routes: string[]): Routed {
  const request = received.clone();
  request.uri = uri;
  let rest = routes;
  const first = routes[0] === undefined ? undefined : uriOf(routes[0]);
  if (first !== undefined && !parseUri(first).params.has('lr')) {
    // §16.6 step 6: a strict router wants to find itself in the Request-URI.
    rest = [...routes.slice(1), `<${uri}>`];
    request.uri = first;
  }
  if (rest.length === 0) request.headers.remove('route');
  else request.headers.set('Route', rest.join(', '));
  return { request, nextHop: first ?? uri };
}

export interface Faces {
  towardsCaller: Local;
  towardsTarget: Local;
  marks: Marks;
  /** The caller's, if it is reached by that alone. */
  flow?: string | undefined;
  /** Of the flow that a client registers over (outbound.ts). */
  token?: string | undefined;
}

/**
 * Our entry in the route set of the call being set up, topmost first. Where the two sides see us differently (another transport,
 * another address) there is one for each, or one side would have to send to where it cannot (RFC 5658 §3).
 */
export function recordRoutes(request: SipRequest, { towardsCaller, towardsTarget, marks, flow }: Faces, secure: boolean): string[] {
  const entry = (local: Local, behind?: string): string => {
    const params = `${behind === undefined ? '' : `;${FLOW}=${behind}`};${TICKET}=${marks.ticket(request.callId, behind)}`;
    return routeEntry(local, secure, params);
  };
  return routeEntry(towardsCaller, secure) === routeEntry(towardsTarget, secure) ? [entry(towardsCaller, flow)] : [entry(towardsTarget), entry(towardsCaller, flow)];
}

/** RFC 3327 §5.2; with the flow the client is reached over, where it is the edge that it has chosen (RFC 5626 §5.1). */
export function pathEntry({ towardsTarget, token }: Faces, secure: boolean): string {
  return token === undefined ? routeEntry(towardsTarget, secure) : routeEntry(towardsTarget, secure, ';ob').replace(':', `:${token}@`);
}

/** `<sip:host:port;lr>`: how we are reached on one side. `secure`: sips, as the Request-URI is (§16.6 step 4). */
export function routeEntry(local: Local, secure: boolean, params = ''): string {
  return localContact(local, secure).replace(/>$/, `;lr${params}>`);
}

/**
 * Turns our entry in a response towards the target (§16.7 step 8 allows that): the caller's requests take it. Changes the response.
 * `flow`: how the target is reached, unless another proxy behind us stays in the call.
 */
export function faceTarget(response: SipResponse, marks: Marks, flow: string | undefined): void {
  const entries = response.headers.getList('record-route');
  for (const [at, entry] of entries.entries()) {
    const address = parseNameAddr(entry);
    const uri = parseUri(address.uri);
    if (!marks.isTicketed(uri, response.callId)) continue;
    const behind = at === 0 ? flow : undefined;
    if (uri.params.get(FLOW) === behind) return;
    uri.params.delete(FLOW);
    if (behind !== undefined) uri.params.set(FLOW, behind);
    uri.params.set(TICKET, marks.ticket(response.callId, behind));
    entries[at] = formatNameAddr({ ...address, uri: formatUri(uri) });
    response.headers.set('Record-Route', entries.join(', '));
    return;
  }
}

function routeValues(request: SipRequest): string[] {
  return request.headers.getList('route');
}

function uriOf(route: string): string {
  return parseNameAddr(route).uri;
}
