/**
 * Route and Record-Route on the way through (RFC 3261 §16.4, §16.6 steps 4 and 6). Pure: every function leaves its request as it was
 * and returns a copy.
 */
import { SipRequest } from '../../wire/message';
import { parseNameAddr } from '../../wire/name-addr';
import { formatUri, parseUri, type SipUri } from '../../wire/uri';
import { localContact, type Local } from '../build';
import { TICKET, type Marks } from './marks';

export interface Routed {
  request: SipRequest;
  /** URI of the next hop: the first Route that is left, or the Request-URI. */
  nextHop: string;
}

/**
 * A request within a call that was record-routed here: our own entries are taken off. Undefined: it is no such request.
 * @throws SipParseError when a Route or the Request-URI cannot be read
 */
export function takeOwnRoutes(received: SipRequest, marks: Marks): Routed | undefined {
  const ours = (text: string): boolean => marks.isTicketed(parseUri(text), received.callId);
  const routes = routeValues(received);
  let uri = received.uri;
  let found = false;
  // A strict router before us has put our entry where the target belongs, and the target at the end.
  if (routes.length > 0 && ours(uri)) {
    uri = uriOf(routes.pop()!);
    found = true;
  }
  // Two of them when we have two faces (see recordRoutes).
  while (routes.length > 0 && ours(uriOf(routes[0]!))) {
    routes.shift();
    found = true;
  }
  return found ? routed(received, uri, routes) : undefined;
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

/**
 * Our entry in the route set of the call being set up, topmost first. Where the two sides see us differently (another transport,
 * another address) there is one for each, or one side would have to send to where it cannot (RFC 5658 §3).
 */
export function recordRoutes(towardsCaller: Local, towardsTarget: Local, secure: boolean, ticket?: string): string[] {
  const caller = routeEntry(towardsCaller, secure, ticket);
  const target = routeEntry(towardsTarget, secure, ticket);
  return caller === target ? [caller] : [target, caller];
}

/** `<sip:host:port;lr>`: how we are reached on one side. `secure`: sips, as the Request-URI is (§16.6 step 4). */
export function routeEntry(local: Local, secure: boolean, ticket?: string): string {
  const uri = localContact(local).slice(1, -1);
  return `<${secure ? uri.replace(/^sip:/, 'sips:') : uri};lr${ticket === undefined ? '' : `;${TICKET}=${ticket}`}>`;
}

function routeValues(request: SipRequest): string[] {
  return request.headers.getList('route');
}

function uriOf(route: string): string {
  return parseNameAddr(route).uri;
}
