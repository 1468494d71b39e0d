/**
 * Where the INVITE for a registered phone goes.
 *
 * The flow it registered over is the way back to it: through NAT and on a connection of its own nothing else is (RFC 5626 §5.3). A phone
 * over UDP in a network of ours whose Contact names the very host it registered from has no NAT in front of it, and is called at the
 * port its Contact names (RFC 3261 §10.2.1): some register from one port and listen on another, SIPp scenarios among them.
 */
import { parseSipUri } from './addresses';
import type { Binding } from './binding';
import { uriHost } from './flow';

const DEFAULT_PORT = 5060;

/** The next hop as a SIP URI, `sip:192.0.2.7:5060;transport=udp`. */
export function wayBack({ source, uri }: Pick<Binding, 'source' | 'uri'>, reach: { isLocal(address: string): boolean }): string {
  const { protocol, address } = source;
  const port = protocol === 'udp' && reach.isLocal(address) ? (contactPort(uri, address) ?? source.port) : source.port;
  return `sip:${uriHost(address)}:${port};transport=${protocol}`;
}

/** The port of a Contact that names `host`; undefined when it names another one. */
function contactPort(contact: string, host: string): number | undefined {
  const uri = parseSipUri(contact);
  return uri && uri.host.replace(/^\[|\]$/g, '') === host.toLowerCase() ? (uri.port ?? DEFAULT_PORT) : undefined;
}
