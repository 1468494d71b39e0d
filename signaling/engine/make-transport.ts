/** The transport layer as an engine's options want it. */
import type { EngineLimits, EngineOptions } from './options';
import { EngineStartError } from './start-error';
import { TransportLayer, type TransportDeps } from './transport/transport-layer';

/** @throws EngineStartError */
export function makeTransport(options: EngineOptions, limits: EngineLimits, deps: TransportDeps): TransportLayer {
  const { listen, external, localNets, unlimitedNets, tls, dnsServers } = options;
  try {
    return new TransportLayer(
      {
        listen,
        external,
        localNets,
        unlimitedNets,
        tls,
        dnsServers,
        wire: { maxMessageBytes: limits.maxMessageBytes, maxHeaders: limits.maxHeaders },
        limits: {
          maxConnections: limits.maxConnections,
          maxConnectionsPerSource: limits.maxConnectionsPerSource,
          maxRememberedFlows: limits.maxRememberedFlows,
          maxUnparsableBytes: limits.maxUnparsableBytes,
          maxRequestsPerSecond: limits.maxRequestsPerSecond,
          idleMs: limits.tcpIdleSeconds * 1000,
          handshakeMs: limits.handshakeSeconds * 1000,
          unfinishedMs: limits.unfinishedSeconds * 1000,
          firstMessageMs: limits.firstMessageSeconds * 1000,
          pingMs: limits.webSocketPingSeconds * 1000,
        },
      },
      deps,
    );
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (code === 'ERR_INVALID_IP_ADDRESS') throw new EngineStartError('sip.dnsServers', `A DNS server has to be an address: ${message}.`);
    throw error;
  }
}
