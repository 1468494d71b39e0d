/** The transport layer as the core wants to see it. */
import type { CoreTransport } from './core/context';
import { isWildcard } from './transport/listener';
import type { TransportLayer } from './transport/transport-layer';
import type { Protocol } from './transport/types';

export function coreTransport(layer: TransportLayer): CoreTransport {
  let protocols: readonly Protocol[] | undefined;
  return {
    flowTo: (target) => layer.flowTo(target),
    sentBy: (flow) => layer.sentBy(flow),
    register: (key, flow, expiresMs, binding) => void layer.registerFlow(key, flow, expiresMs, binding),
    flowNamed: (id) => layer.flowNamed(id),
    registered(key, preferred) {
      const flow = layer.lookupFlow(key, preferred);
      if (!flow) return undefined;
      return flow.open ? { flow } : 'gone';
    },
    protocols: () => (protocols ??= layer.protocols()),
    defaultSentBy() {
      const point = layer.listening()[0];
      const host = !point || isWildcard(point.address) ? '127.0.0.1' : point.address;
      return { host: host.includes(':') ? `[${host}]` : host, port: point?.port ?? 5060 };
    },
    isOwn: (host, port) => layer.isOwn(host, port),
  };
}
