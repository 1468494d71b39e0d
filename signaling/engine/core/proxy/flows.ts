/**
 * Ends of a proxied call whose Contact cannot be reached from here: telephones behind NAT, browsers (RFC 7118 §5). Their side of our
 * Record-Route entry names the flow they came over, and requests to them take it (RFC 5626 §5.3):
 *
 *     Record-Route: <sip:192.0.2.1;lr;flow=wss:198.51.100.7:40312;ticket=…>
 *
 * In the request it is the caller's, which the called side's requests bring back; in the response it is made the target's.
 */
import type { SipMessage, SipRequest, SipResponse } from '../../wire/message';
import { SipParseError } from '../../wire/errors';
import { parseUri, type SipUri } from '../../wire/uri';
import { networkList } from '../../transport/networks';
import { protocols } from '../../transport/protocols';
import type { Flow, Protocol, Target } from '../../transport/types';
import type { CoreTransport } from '../context';
import { FlowFailedError, flowOf, hopForTarget } from '../next-hop';
import { firstContact } from '../dialog';
import type { ProxyTarget } from './targets';

/** RFC 1918, 6598, 3927, 4193, 4291: addresses that mean something else elsewhere. */
const isPrivate = networkList(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', 'fc00::/7', 'fe80::/10']);

/** Undefined: the caller's Contact names where its request came from, or another proxy stands between. */
export function callersFlow(request: SipRequest, flow: Flow): string | undefined {
  const contact = contactOf(request);
  if (!contact || request.headers.getList('via').length > 1) return undefined;
  const here = contact.host === flow.remote.address && (contact.port ?? protocols[flow.protocol].defaultPort) === flow.remote.port;
  return here ? undefined : nameOf(flow);
}

/**
 * Undefined: the target's Contact will do. It is trusted unless it cannot be right: what answered may be another proxy that
 * does not stay in the call.
 */
export function targetsFlow(response: SipResponse, flow: Flow): string | undefined {
  const contact = contactOf(response);
  if (!contact) return undefined;
  const nowhere = contact.host.toLowerCase().endsWith('.invalid');
  return nowhere || (isAddress(contact.host) && isPrivate(contact.host) && !isPrivate(flow.remote.address)) ? nameOf(flow) : undefined;
}

/** A flow's name as the end of a way; undefined: it is none. */
export function readFlow(name: string | undefined): Target | undefined {
  const [, protocol = '', v6, v4 = '', port] = /^(\w+):(?:\[([\da-f:.]+)\]|([\d.]+)):(\d+)$/i.exec(name ?? '') ?? [];
  return protocol in protocols ? { protocol: protocol as Protocol, host: v6 ?? v4, port: Number(port) } : undefined;
}

/** The flow, while it is there, else the URI. Rejects as `flowOf` does. @throws HopError */
export function wayTo({ uri, flow, only }: ProxyTarget, transport: CoreTransport): Flow | Promise<Flow> {
  if (only !== undefined) return transport.flowNamed(only) ?? Promise.reject(new FlowFailedError());
  const otherwise = (): Flow | Promise<Flow> => flowOf(hopForTarget(uri, transport), transport);
  if (!flow) return otherwise();
  const way = transport.flowTo(flow);
  return way instanceof Promise ? way.catch(otherwise) : way;
}

export function nameOf({ protocol, remote: { address, port } }: Flow): string {
  return `${protocol}:${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function contactOf(message: SipMessage): SipUri | undefined {
  try {
    const text = firstContact(message);
    return text === undefined ? undefined : parseUri(text);
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');
