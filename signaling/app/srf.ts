/**
 * The door to drachtio-srf: connects one `Srf` to a SIP engine's control port and waits until calls can be taken.
 *
 * Nothing here (or anywhere in `app/`) knows whether the other end is our embedded engine or a real drachtio-server.
 */
import Srf from 'drachtio-srf';
import { coalesceWrites } from './coalesce';

export interface EngineAddress {
  host: string;
  port: number;
  secret: string;
}

export interface SrfConnection {
  srf: Srf;
  /** The SIP addresses the engine announced, `udp/192.0.2.1:5060` each. */
  hostports: string[];
  disconnect(): void;
}

export type SrfFailure = { kind: 'refused' | 'unreachable' | 'timeout'; detail: string };

export class SrfConnectError extends Error {
  constructor(readonly failure: SrfFailure) {
    super(failure.detail);
    this.name = 'SrfConnectError';
  }
}

/** Errors: `SrfConnectError`, kind `refused` (wrong secret), `unreachable`, or `timeout` (no answer within `timeoutMs`). */
export async function connectSrf(
  engine: EngineAddress,
  options: { timeoutMs: number; prepare: (srf: Srf) => void; onLost: (reason: string) => void; onBack: () => void },
): Promise<SrfConnection> {
  const srf = new Srf();
  // srf reads this object at each loss: it tries again only once it was up, and no more when we leave
  const reconnect = { maxAttempts: 1, retryMaxDelay: 5000 };
  let up = false;
  let lost = false;
  let leaving = false;
  const lose = (reason: string) => {
    if (!up || lost || leaving) return;
    lost = true;
    options.onLost(reason);
  };
  const disconnect = () => {
    if (leaving) return;
    leaving = true;
    reconnect.maxAttempts = 1;
    try {
      srf.disconnect();
    } catch {
      // srf throws when its socket is gone already, which is what was wanted
    }
  };

  // srf turns an unheard 'error' into an exception, and reconnects by itself after one that was heard
  const first = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new SrfConnectError({ kind: 'timeout', detail: `no answer from ${engine.host}:${engine.port} within ${options.timeoutMs} ms` })),
      options.timeoutMs,
    );
    srf.on('error', (err: Error) => {
      lose(err.message);
      if (up) return;
      clearTimeout(timer);
      reject(new SrfConnectError({ kind: 'unreachable', detail: err.message }));
    });
    srf.on('connect', (err: Error | null, hostports: string) => {
      clearTimeout(timer);
      if (err) {
        reject(new SrfConnectError({ kind: 'refused', detail: err.message }));
      } else if (up) {
        lost = false;
        options.onBack();
      } else {
        up = true;
        reconnect.maxAttempts = 0; // no limit
        resolve(hostports);
      }
    });
    (srf as unknown as { on(event: 'close', fn: () => void): void }).on('close', () => lose('the control connection was closed'));
  });

  srf.use((req, _res, next) => {
    coalesceWrites((req as unknown as { socket: Parameters<typeof coalesceWrites>[0] }).socket);
    next();
  });
  options.prepare(srf);
  void srf.connect({ host: engine.host, port: engine.port, secret: engine.secret, reconnect } as Parameters<Srf['connect']>[0]);
  try {
    const hostports = await first;
    return { srf, hostports: hostports ? hostports.split(',') : [], disconnect };
  } catch (err) {
    disconnect();
    throw err;
  }
}
