/** Settings as the embedded engine takes them: it knows no configuration, and the configuration knows no engine. */
import { formatHostPort, type Config } from './config';
import type { EngineOptions } from './engine';

/** `sip.listen` is UDP and TCP; the others are themselves. */
const transports = { listen: ['udp', 'tcp'], tls: ['tls'], ws: ['ws'], wss: ['wss'] } as const;
const names = ['listen', 'tls', 'ws', 'wss'] as const;

export function engineOptions(config: Config, secret: string): EngineOptions {
  const { sip, engine, call } = config;
  return {
    listen: names.flatMap((name) => sip[name].flatMap(({ host, port }) => transports[name].map((protocol) => ({ protocol, address: host, port })))),
    tls: tlsOptions(config),
    dnsServers: sip.dnsServers.map(formatHostPort),
    external: sip.external ?? undefined,
    localNets: sip.localNets,
    unlimitedNets: sip.unlimitedNets,
    control: { host: engine.control.host, port: engine.control.port, secret },
    limits: {
      maxMessageBytes: sip.maxMessageBytes,
      maxHeaders: sip.maxHeaders,
      maxTransactions: sip.maxTransactions,
      maxDialogs: engine.maxDialogs,
      maxConnections: sip.maxConnections,
      maxConnectionsPerSource: sip.maxConnectionsPerSource,
      maxRememberedFlows: sip.maxRememberedFlows,
      tcpIdleSeconds: sip.tcpIdleSeconds,
      handshakeSeconds: sip.handshakeSeconds,
      unfinishedSeconds: sip.unfinishedSeconds,
      firstMessageSeconds: sip.firstMessageSeconds,
      maxUnparsableBytes: sip.maxUnparsableBytes,
      maxRequestsPerSecond: sip.maxRequestsPerSecond,
      webSocketPingSeconds: sip.webSocketPingSeconds,
      largeRequestBytes: sip.largeRequestBytes,
      // our own application gives up before: this catches one that does not
      maxRingingSeconds: call.ringSeconds + 60,
    },
    sessionTimer: { minSeconds: call.minSessionSeconds },
  };
}

/** As many keys as certificates: the settings have been checked. */
function tlsOptions({ sip }: Config): EngineOptions['tls'] {
  if (sip.tlsCertificates.length === 0) return undefined;
  return {
    certificates: sip.tlsCertificates.map((certificate, index) => ({ certificate, key: sip.tlsKeys[index] ?? '' })),
    clients: sip.tlsClients,
    authorities: sip.tlsAuthorities ?? undefined,
    verify: sip.tlsVerify === 'on',
  };
}
