/**
 * The control port: accepts applications, up to a limit, and ends with an idempotent close(). Who may speak is decided by a secret,
 * compared in constant time (by digest, so that its length does not show either).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Clock, Random } from '../../clock';
import type { Core } from '../core/core';
import type { Log } from '../log';
import type { CommandContext } from './commands/command';
import { Connection, type ConnectionOptions } from './connection';
import { controlCounters, type ControlCounter } from './counters';
import type { Routes } from './routes';

export interface ControlOptions extends ConnectionOptions {
  host: string;
  port: number;
  secret: string;
  maxConnections: number;
  maxRoutesPerConnection: number;
}

export interface ControlDeps {
  clock: Clock;
  random: Random;
  log: Log;
  core: Core;
  routes: Routes;
  hostports: CommandContext['hostports'];
}

export interface ControlStats {
  connections: number;
  authenticated: number;
  counters: Record<ControlCounter, number>;
}

export class ControlServer {
  private readonly server: Server;
  private readonly connections = new Set<Connection>();
  private readonly counters = Object.fromEntries(controlCounters.map((name) => [name, 0])) as Record<ControlCounter, number>;
  private readonly context: CommandContext;
  private quietUntil = -1;

  constructor(
    private readonly options: ControlOptions,
    private readonly deps: ControlDeps,
  ) {
    const expected = digest(options.secret);
    this.context = {
      core: deps.core,
      routes: deps.routes,
      secretMatches: (secret) => timingSafeEqual(digest(secret), expected),
      hostports: deps.hostports,
      limits: { maxRoutesPerConnection: options.maxRoutesPerConnection },
    };
    this.server = createServer((socket) => this.accept(socket));
  }

  /** Resolves with the address bound; rejects with the system's error (EADDRINUSE, EACCES, …). */
  listen(): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host: this.options.host, port: this.options.port }, () => {
        this.server.removeListener('error', reject);
        this.server.on('error', (error) => this.deps.log.error({ error: error.message }, 'control port failed'));
        const bound = this.server.address() as AddressInfo;
        resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  stats(): ControlStats {
    let authenticated = 0;
    for (const connection of this.connections) if (connection.ready) authenticated++;
    return { connections: this.connections.size, authenticated, counters: { ...this.counters } };
  }

  close(): Promise<void> {
    for (const connection of [...this.connections]) connection.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    if (this.connections.size >= this.options.maxConnections) {
      this.counters.refusedConnections++;
      socket.destroy();
      return;
    }
    this.counters.accepted++;
    const connection = new Connection(socket, this.options, {
      clock: this.deps.clock,
      random: this.deps.random,
      log: this.deps.log,
      count: (name) => {
        this.counters[name]++;
      },
      context: this.context,
      refused: (name, reason) => this.complain(name, reason),
      onClose: (closed) => {
        this.connections.delete(closed);
        this.deps.routes.removeAll(closed);
        this.deps.core.appLost(closed);
        if (closed.wasAuthenticated) this.deps.log.info({ app: closed.name }, 'application gone');
      },
    });
    this.connections.add(connection);
  }

  /** drachtio-srf with a wrong secret tries four times a second for ever: one line every ten seconds says it as well. */
  private complain(name: string, reason: string): void {
    const now = this.deps.clock.now();
    if (now < this.quietUntil) return;
    this.quietUntil = now + 10_000;
    this.deps.log.warn({ app: name, reason }, 'a connection to the control port was refused');
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
