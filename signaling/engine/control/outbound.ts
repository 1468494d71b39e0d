/**
 * Connections that the engine opens, to applications that listen (`srf.listen`): one for each request that is routed there, as drachtio-server
 * does it (`srf.endSession` ends it without harm to other calls). From the application's greeting on they are like any other.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../../clock';
import type { Connection } from './connection';
import type { AppAddress } from './handlers/answer';

export interface OutboundOptions {
  maxConnections: number;
  /** A connection that nothing went over for this long, and whose application owns nothing, is closed. */
  idleMs: number;
}

export interface OutboundDeps {
  clock: Clock;
  /** Makes an application of a socket; `onReady` when it has shown the secret. */
  take(socket: Socket, events: { onReady(connection: Connection): void; onClose(connection: Connection): void }): Connection;
  /** The application has no dialog and no request that is open. */
  isIdle(connection: Connection): boolean;
}

export class Outbound {
  private count = 0;

  constructor(
    private readonly options: OutboundOptions,
    private readonly deps: OutboundDeps,
  ) {}

  get connections(): number {
    return this.count;
  }

  /**
   * Resolves when the application has shown the secret.
   * @param authorities PEM text, when not the system's
   */
  async call(to: AppAddress, timeoutMs: number, authorities: string | undefined): Promise<Connection> {
    if (this.count >= this.options.maxConnections) throw new Error(`there are ${this.count} connections to applications already`);
    this.count++;
    let socket: Socket;
    try {
      socket = await this.dial(to, timeoutMs, authorities);
    } catch (error) {
      this.count--;
      throw error;
    }
    return new Promise((resolve, reject) => {
      let watch: Timer | undefined;
      const look = (connection: Connection): void => {
        if (connection.quietMs >= this.options.idleMs && this.deps.isIdle(connection)) connection.close('nothing went over it for a long time');
        else watch = this.deps.clock.after(Math.max(1000, this.options.idleMs - connection.quietMs), () => look(connection));
      };
      this.deps.take(socket, {
        onReady: (connection) => {
          resolve(connection);
          look(connection);
        },
        onClose: () => {
          this.count--;
          watch?.cancel();
          reject(new Error('the application closed the connection before it had shown the secret'));
        },
      });
    });
  }

  private dial({ host, port, secure }: AppAddress, timeoutMs: number, ca: string | undefined): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const connected = (): void => {
        timer.cancel();
        socket.off('error', failed);
        resolve(socket);
      };
      const failed = (error: Error): void => {
        timer.cancel();
        socket.destroy();
        reject(error);
      };
      const socket: Socket = secure ? connectTls({ host, port, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) }, connected) : connectTcp({ host, port }, connected);
      const timer = this.deps.clock.after(timeoutMs, () => failed(new Error(`no connection within ${timeoutMs} ms`)));
      socket.once('error', failed);
    });
  }
}
