/** Settings as the embedded engine takes them: it knows no configuration, and the configuration knows no engine. */
import type { Config } from './config';
import type { EngineOptions } from './engine';

const transports = ['udp', 'tcp'] as const;

export function engineOptions(config: Config, secret: string): EngineOptions {
  const { sip, engine, call } = config;
  return {
    listen: sip.listen.flatMap(({ host, port }) => transports.map((protocol) => ({ protocol, address: host, port }))),
    external: sip.external ?? undefined,
    localNets: sip.localNets,
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
      // our own application gives up before: this catches one that does not
      maxRingingSeconds: call.ringSeconds + 60,
    },
    sessionTimer: { minSeconds: call.minSessionSeconds },
  };
}
