/** The envelopes of what the core delivers and echoes (PROTOCOL 1.2, META6). */
import { protocols } from '../transport/protocols';
import type { Flow, Protocol } from '../transport/types';
import type { Envelope } from './app';

export function received(flow: Flow, bytes: number): Envelope {
  return { source: 'network', bytes, protocol: nameOf(flow.protocol), address: flow.remote.address, port: flow.remote.port };
}

export function sentResponse(flow: Flow): Envelope {
  return { source: 'application', protocol: nameOf(flow.protocol), address: flow.remote.address, port: flow.remote.port };
}

/** A request that went out: our own address on UDP, the peer's on a stream, as drachtio-server has it. */
export function sentRequest(flow: Flow, sentBy: { host: string; port: number }): Envelope {
  const [address, port] = flow.reliable ? [flow.remote.address, flow.remote.port] : [sentBy.host, sentBy.port];
  return { source: 'application', protocol: nameOf(flow.protocol), address, port };
}

/** A request that found no way out. */
export function unsent(protocol: string): Envelope {
  return { source: 'application', bytes: 0, protocol: nameOf(protocol), address: '', port: 0 };
}

/** A response no peer sent. */
export function made(protocol: string): Envelope {
  return { source: 'network', bytes: 0, protocol: nameOf(protocol), address: '', port: 0 };
}

/** As drachtio-server names it: WebSockets are `tcp` (PROTOCOL 1.2). */
function nameOf(protocol: string): string {
  return protocols[protocol as Protocol]?.frame ?? protocol;
}
