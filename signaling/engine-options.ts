/** Settings as the embedded engine takes them: it knows no configuration, and the configuration knows no engine. */
import { formatHostPort, type Config } from './config';
import type { EngineOptions } from './engine';

/** `sip.listen` is UDP and TCP; the others are themselves. */
const transports = { listen: ['udp', 'tcp'], tls: ['tls'], ws: ['ws'], wss: ['wss'] } as const;
const names = ['listen', 'tls', 'ws', 'wss'] as const;

export function engineOptions(config: Config, secret: string): EngineOptions {
  const { sip, engine, call, capture, overload } = config;
  return {
    listen: names.flatMap((name) => sip[name].flatMap(({ host, port }) => transports[name].map((protocol) => ({ protocol, address: host, port })))),
    tls: tlsOptions(config),
    dnsServers: sip.dnsServers.map(formatHostPort),
    external: sip.external ?? undefined,
    localNets: sip.localNets,
    unlimitedNets: sip.unlimitedNets,
    control: {
      host: engine.control.host,
      port: engine.control.port,
      secret,
      tls: controlTls(config),
      graceSeconds: engine.graceSeconds,
      behindBytes: engine.behindBytes,
      behindMs: engine.behindMs,
      handlers: engine.handlers.map((one) => ({ ...one, timeoutSeconds: engine.handlerSeconds, authorities: engine.handlerAuthorities ?? undefined })),
    },
    limits: {
      maxMessageBytes: sip.maxMessageBytes,
      maxHeaders: sip.maxHeaders,
      maxTransactions: sip.maxTransactions,
      maxDialogs: engine.maxDialogs,
      maxPendingRequests: engine.maxPendingRequests,
      maxBreadth: engine.maxBreadth,
      maxControlConnections: engine.maxControlConnections,
      maxControlFrameBytes: engine.maxControlFrameBytes,
      maxControlBufferBytes: engine.maxControlBufferBytes,
      authenticateSeconds: engine.authenticateSeconds,
      maxOutboundConnections: engine.maxOutboundConnections,
      outboundIdleSeconds: engine.outboundIdleSeconds,
      ladderMessages: engine.ladderMessages,
      ladderMessagesPerCall: engine.ladderMessagesPerCall,
      ladderMessageBytes: engine.ladderMessageBytes,
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
    capture: capture.address ? { ...capture.address, id: capture.id, key: capture.key ?? undefined } : undefined,
    overload: overload.enabled === 'on' ? { busyPercent: overload.busyPercent, busyMs: overload.busyMs, retryAfterSeconds: overload.retryAfterSeconds } : false,
    proxySecret: engine.proxySecret ?? undefined,
    sessionTimer: { minSeconds: call.minSessionSeconds },
  };
}

/** No program but our own application can be on the control port: a secret of the operator's own is there to be given to others, and request handlers name some. */
export function isAlone({ engine }: Config): boolean {
  return engine.secret === null && engine.handlers.length === 0;
}

/** Complete when there is a port: the settings have been checked. */
function controlTls({ engine: { tlsPort, tlsCertificate, tlsKey, tlsAuthorities } }: Config): EngineOptions['control']['tls'] {
  if (tlsPort === null || tlsCertificate === null || tlsKey === null) return undefined;
  return { port: tlsPort, certificate: tlsCertificate, key: tlsKey, authorities: tlsAuthorities ?? undefined };
}

/** As many keys as certificates: the settings have been checked. */
function tlsOptions({ sip }: Config): EngineOptions['tls'] {
  // without a certificate TLS is dialled only
  if (sip.tlsCertificates.length === 0 && sip.tlsAuthorities === null) return undefined;
  return {
    certificates: sip.tlsCertificates.map((certificate, index) => ({ certificate, key: sip.tlsKeys[index] ?? '' })),
    clients: sip.tlsClients,
    authorities: sip.tlsAuthorities ?? undefined,
    verify: sip.tlsVerify === 'on',
  };
}
