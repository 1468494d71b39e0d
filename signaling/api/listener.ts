/** An HTTP server whose requests are told to come again until there is somebody to answer them. */
import type { Duplex } from 'node:stream';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { OffhookError } from '../errors';
import { problemAnswer } from './problems';

export type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** What is being answered when it is closed has so long to get there. */
const CLOSE_MS = 1000;
/** A request has so long to be there as a whole. */
const REQUEST_MS = 30_000;

export class HttpListener {
  private readonly server: Server;
  private listener: Listener = starting;
  private closing: Promise<void> | undefined;

  /** @param maxConnections at once; any number when absent */
  constructor(maxConnections?: number) {
    this.server = createServer({ requestTimeout: REQUEST_MS }, (request, response) => this.listener(request, response));
    if (maxConnections !== undefined) this.server.maxConnections = maxConnections;
  }

  /** Errors: those of the system. */
  listen(where: { path: string } | { host: string; port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(where, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
  }

  /** The port that was opened; of a path: 0. */
  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Requests are answered by this from now on. */
  serve(listener: Listener): void {
    this.listener = listener;
  }

  /** Requests for another protocol (RFC 9110 §7.8) go there from now on. */
  upgrades(take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void {
    this.server.on('upgrade', take);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      const stubborn = setTimeout(() => this.server.closeAllConnections(), CLOSE_MS);
      this.server.close(() => {
        clearTimeout(stubborn);
        resolve();
      });
      this.server.closeIdleConnections();
    });
    return this.closing;
  }
}

function starting(_request: IncomingMessage, response: ServerResponse): void {
  const { status, headers, body } = problemAnswer(new OffhookError('server.starting', {}));
  response.writeHead(status, headers).end(body);
}
