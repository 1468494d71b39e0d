/**
 * Where a request goes (RFC 3261 §8.1.2, §12.2.1.1; PROTOCOL 7, 15.3). In this order: what the application says, the connection a
 * phone registered over, the flow a dialog returns over, the URI itself.
 */
import { protocols } from '../transport/protocols';
import type { Flow, Protocol, Target, TransportError } from '../transport/types';
import { SipParseError } from '../wire/errors';
import { parseUri, type SipUri } from '../wire/uri';
import type { Dialog } from './dialog';

export type Registered = { flow: Flow } | 'gone' | undefined;

/** What the core needs of the transport layer beyond sending. */
export interface HopTransport {
  flowTo(target: Target): Flow | Promise<Flow>;
  /** The newest of the open connections that registered under this key, or `preferred`, if it is one. `gone`: all of them are closed. */
  registered(key: string, preferred?: Flow): Registered;
  protocols(): readonly Protocol[];
  /** Host and port are one of our own listening points. */
  isOwn(host: string, port: number): boolean;
}

export type Hop = { kind: 'target'; target: Target } | { kind: 'flow'; flow: Flow } | { kind: 'gone' };

export class HopError extends Error {
  override readonly name = 'HopError';
}

export const notAvailable = 'requested protocol/transport not available';
/** RFC 3261 §26.2.2, RFC 5630 §5.3. */
const leavesTls = 'a request for a sips URI goes over TLS only';

/** Methods that reach a registered stream client by `user@host` of their Request-URI. */
const reachesRegistered = new Set(['INVITE', 'OPTIONS', 'NOTIFY', 'MESSAGE', 'SUBSCRIBE', 'REFER', 'INFO']);

/** `user@host` of a URI, port and parameters ignored: the key of the table of registered stream clients. */
export function registrationKey(uri: SipUri): string | undefined {
  return uri.user === undefined ? undefined : `${uri.user}@${uri.host.toLowerCase()}`;
}

/** @throws HopError */
export function hopForRequest(method: string, uri: string, routeUrl: string, transport: HopTransport): Hop {
  if (routeUrl !== '') return { kind: 'target', target: outside(read(routeUrl), transport) };
  const parsed = read(uri);
  const registered = reachesRegistered.has(method) ? lookUp(parsed, transport) : undefined;
  if (registered) return registered;
  return { kind: 'target', target: outside(parsed, transport) };
}

/** Where a proxied request goes: over the connection that client registered over, whatever the method, else to where the URI says. @throws HopError */
export function hopForTarget(uri: string, transport: HopTransport): Hop {
  const parsed = read(uri);
  return lookUp(parsed, transport) ?? { kind: 'target', target: outside(parsed, transport) };
}

/** @throws HopError */
export function hopForDialog(dialog: Dialog, routeUrl: string, transport: HopTransport): Hop {
  if (routeUrl !== '') return { kind: 'target', target: targetOf(read(routeUrl), transport) };
  const uri = dialog.nextHopUri;
  if (uri === undefined) throw new HopError('unable to find route: the dialog has no remote target');
  const parsed = read(uri);
  if (dialog.routeSet.length === 0 && dialog.pinned && dialog.flow) {
    const { flow } = dialog;
    const newer = flow.reliable ? lookUp(parsed, transport, flow) : undefined;
    // A client that registered again over a new connection is reached over that one, also in calls that began on the old one. From
    // another address only when the old one is gone: anybody can register anything as Contact.
    if (newer?.kind === 'flow' && (!flow.open || newer.flow.remote.address === flow.remote.address)) return newer;
    if (flow.open) return { kind: 'flow', flow };
    if (newer) return newer;
  }
  return { kind: 'target', target: targetOf(parsed, transport) };
}

/** TLS, or the end of the way. */
function isSecure(hop: Hop): boolean {
  if (hop.kind === 'flow') return protocols[hop.flow.protocol].secure;
  return hop.kind === 'gone' || hop.target.secure === true || (hop.target.protocol !== undefined && protocols[hop.target.protocol].secure);
}

/** At once when nothing has to be dialled or resolved. A rejection is a TransportError. */
export function flowOf(hop: Hop, transport: HopTransport): Flow | Promise<Flow> {
  if (hop.kind === 'flow') return hop.flow;
  if (hop.kind === 'target') return transport.flowTo(hop.target);
  return Promise.reject(new GoneError());
}

/** The connection of a registered client is closed: 410, not 503. */
export class GoneError extends Error {
  override readonly name = 'GoneError';
}

/** The flow that a token asks for is gone (RFC 5626 §5.3). */
export class FlowFailedError extends Error {
  override readonly name = 'FlowFailedError';
}

export function failureStatus(error: Error | TransportError): number {
  if (error instanceof FlowFailedError) return 430;
  return error instanceof GoneError ? 410 : 503;
}

/** Over what it would have gone. */
export function failureProtocol(error: Error | TransportError): string {
  if (error instanceof GoneError) return 'tcp';
  return ('protocol' in error ? error.protocol : undefined) ?? 'udp';
}

function lookUp(uri: SipUri, transport: HopTransport, preferred?: Flow): Hop | undefined {
  const key = registrationKey(uri);
  const found = key === undefined ? undefined : transport.registered(key, preferred);
  if (found === undefined) return undefined;
  return found === 'gone' ? { kind: 'gone' } : { kind: 'flow', flow: found.flow };
}

function read(uri: string): SipUri {
  try {
    const parsed = parseUri(uri);
    if (parsed.scheme === 'sip' || parsed.scheme === 'sips') return parsed;
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
  }
  throw new HopError(`invalid request-uri: ${uri}`);
}

/** RFC 3263 §4 begins with what the URI says; where it says nothing the transport layer asks the DNS, or takes what is there. */
function targetOf(uri: SipUri, transport: HopTransport): Target {
  const secure = uri.scheme === 'sips';
  const wanted = uri.params.get('transport')?.toLowerCase();
  const protocol = wanted === undefined ? undefined : secure ? encrypted[wanted] : known[wanted];
  const listening = transport.protocols();
  const possible = protocol === undefined ? !secure || listening.some((one) => protocols[one].secure) : (carriers[protocol] ?? [protocol]).some((one) => listening.includes(one));
  if ((wanted !== undefined && protocol === undefined) || !possible) throw new HopError(notAvailable);
  const target: Target = { host: uri.params.get('maddr') ?? uri.host };
  // Not said: a connection that is open to there, else UDP.
  if (protocol !== undefined) target.protocol = protocol;
  if (uri.port !== undefined) target.port = uri.port;
  if (secure) target.secure = true;
  return target;
}

/** The transport parameter of a SIP URI (RFC 3261 §19.1.1, RFC 7118 §5.3), and of a SIPS URI, where TLS is below it (RFC 5630 §3.1.4). */
const known: Readonly<Record<string, Protocol>> = { udp: 'udp', tcp: 'tcp', tls: 'tls', ws: 'ws', wss: 'wss' };
const encrypted: Readonly<Record<string, Protocol>> = { tcp: 'tls', tls: 'tls', ws: 'wss', wss: 'wss' };
/** What a parameter can mean: WebSockets are `tcp` in drachtio's frames, and `ws` in URIs whether encrypted or not. */
const carriers: Readonly<Partial<Record<Protocol, readonly Protocol[]>>> = { tcp: ['tcp', 'ws', 'wss'], ws: ['ws', 'wss'] };

/** Why nothing can be sent there; undefined: it can be tried. `secure`: it has to be TLS. `flow`: it goes over that, whatever the URI says. */
export function problemWith(uri: string, transport: HopTransport, secure = false, flow?: Flow): string | undefined {
  try {
    const hop: Hop = flow ? { kind: 'flow', flow } : hopForTarget(uri, transport);
    return secure && !isSecure(hop) ? leavesTls : undefined;
  } catch (error) {
    if (error instanceof HopError) return error.message;
    throw error;
  }
}

/** It names one of our own listening points. */
export function isOwnUri(uri: SipUri, transport: HopTransport): boolean {
  return uri.host !== '' && possiblePorts(uri).some((port) => transport.isOwn(uri.host, port));
}

/** Its port, else those that its transport has by default (RFC 3261 §19.1.2): `transport=ws` is both kinds of WebSocket (RFC 7118 §5.3). */
function possiblePorts({ scheme, port, params }: SipUri): number[] {
  if (port !== undefined) return [port];
  const wanted = params.get('transport')?.toLowerCase() ?? '';
  const secure = scheme === 'sips';
  const protocol = (secure ? encrypted[wanted] : known[wanted]) ?? (secure ? 'tls' : 'udp');
  return (protocol === 'ws' ? (['ws', 'wss'] as const) : [protocol]).map((one) => protocols[one].defaultPort);
}

function outside(uri: SipUri, transport: HopTransport): Target {
  const target = targetOf(uri, transport);
  if (isOwnUri({ ...uri, host: target.host }, transport)) throw new HopError('can not send request to myself');
  return target;
}
