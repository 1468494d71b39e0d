/**
 * The control port: accepts applications, up to a limit, and ends with an idempotent close(). Who may speak is decided by a secret,
 * compared in constant time (by digest, so that its length does not show either). Applications that the engine calls (outbound.ts) are
 * taken in here, too.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock, Random } from '../../clock';
import type { Core } from '../core/core';
import type { Log } from '../log';
import type { CommandContext } from './commands/command';
import { Connection, type ConnectionOptions } from './connection';
import { controlCounters, type ControlCounter } from './counters';
import { Handlers } from './handlers/handlers';
import type { RequestHandlerSettings } from './handlers/settings';
import { ControlListener, type ControlCertificate } from './listener';
import { Outbound } from './outbound';
import type { Router } from './router';

export interface ControlOptions extends ConnectionOptions {
  host: string;
  port: number;
  secret: string;
  /** A second port, over TLS. */
  tls?: (ControlCertificate & { port: number }) | undefined;
  maxConnections: number;
  /** See handlers/. */
  handlers: readonly RequestHandlerSettings[];
  /** Connections to applications that the engine calls. */
  maxOutboundConnections: number;
  outboundIdleMs: number;
  maxRoutesPerConnection: number;
}

export interface ControlDeps {
  clock: Clock;
  random: Random;
  log: Log;
  core: Core;
  router: Router;
  hostports: CommandContext['hostports'];
}

export interface ControlStats {
  connections: number;
  authenticated: number;
  /** Applications that are behind now, and bytes that wait for all of them. */
  behind: number;
  waitingBytes: number;
  counters: Record<ControlCounter, number>;
}

export interface ControlAddress {
  host: string;
  port: number;
  tls?: { host: string; port: number };
}

export class ControlServer {
  private readonly plain: ControlListener;
  private readonly secure: ControlListener | undefined;
  private readonly connections = new Set<Connection>();
  private readonly counters = Object.fromEntries(controlCounters.map((name) => [name, 0])) as Record<ControlCounter, number>;
  private readonly context: CommandContext;
  private readonly outbound: Outbound;
  private handlers: Handlers | undefined;
  private quietUntil = -1;

  constructor(
    private readonly options: ControlOptions,
    private readonly deps: ControlDeps,
  ) {
    const expected = digest(options.secret);
    this.context = {
      core: deps.core,
      routes: deps.router.routes,
      secretMatches: (secret) => timingSafeEqual(digest(secret), expected),
      hostports: deps.hostports,
      wall: () => deps.clock.wall(),
      limits: { maxRoutesPerConnection: options.maxRoutesPerConnection },
    };
    this.outbound = new Outbound(
      { maxConnections: options.maxOutboundConnections, idleMs: options.outboundIdleMs },
      { clock: deps.clock, take: (socket, events) => this.take(socket, events), isIdle: (connection) => deps.core.isIdle(connection) },
    );
    const listener = (port: number, tls?: ControlCertificate): ControlListener =>
      new ControlListener(
        { host: options.host, port, tls, maxConnections: options.maxConnections, handshakeMs: options.authenticateMs },
        {
          connection: (socket) => this.accept(socket),
          refused: () => this.count('refusedConnections'),
          handshakeFailed: (error) => {
            this.count('handshakeFailures');
            this.complain('an application', error.message);
          },
          failed: (error) => deps.log.error({ error: error.message }, 'control port failed'),
        },
        { clock: deps.clock, log: deps.log, counters: this.counters },
      );
    this.plain = listener(options.port);
    this.secure = options.tls && listener(options.tls.port, options.tls);
  }

  /** Resolves with the addresses bound; rejects with the system's error (EADDRINUSE, EACCES, …) or `CertificateError`, and nothing is open then. */
  async listen(): Promise<ControlAddress> {
    if (this.options.handlers.length > 0) this.prepareHandlers();
    const plain = await this.plain.listen();
    if (!this.secure) return plain;
    try {
      return { ...plain, tls: await this.secure.listen() };
    } catch (error) {
      await this.plain.close();
      throw error;
    }
  }

  /** Reads the certificate of the TLS port again. A text: why the old one is kept. */
  reloadCertificate(): string | undefined {
    return this.secure?.reload();
  }

  stats(): ControlStats {
    const all = [...this.connections];
    return {
      connections: all.length,
      authenticated: all.filter((one) => one.ready).length,
      behind: all.filter((one) => one.behind).length,
      waitingBytes: all.reduce((sum, one) => sum + one.backlog.bytes, 0),
      counters: { ...this.counters },
    };
  }

  async close(): Promise<void> {
    for (const connection of [...this.connections]) connection.destroy();
    this.handlers?.close();
    await Promise.all([this.plain.close(), this.secure?.close()]);
  }

  private accept(socket: Socket): void {
    if (this.connections.size - this.outbound.connections >= this.options.maxConnections) {
      this.count('refusedConnections');
      socket.destroy();
      return;
    }
    this.count('accepted');
    this.take(socket, { onReady: () => undefined, onClose: () => undefined });
  }

  private prepareHandlers(): void {
    const { clock, log, router } = this.deps;
    this.handlers = Handlers.make(this.options.handlers, {
      clock,
      log,
      routes: router.routes,
      count: (name) => this.count(name),
      call: (to, timeoutMs, authorities) => this.outbound.call(to, timeoutMs, authorities),
    });
    router.decider = this.handlers;
  }

  /** An application at the other end of this socket, whoever opened it. */
  private take(socket: Socket, events: { onReady(connection: Connection): void; onClose(connection: Connection): void }): Connection {
    const { clock, random, log, core, router } = this.deps;
    const connection = new Connection(socket, this.options, {
      clock,
      random,
      log,
      count: (name) => this.count(name),
      context: this.context,
      refused: (name, reason) => this.complain(name, reason),
      onReady: (ready) => {
        core.appReady(ready);
        events.onReady(ready);
      },
      onClose: (closed) => {
        this.connections.delete(closed);
        router.routes.removeAll(closed);
        core.appLost(closed);
        if (closed.wasAuthenticated) log.info({ app: closed.name }, 'application gone');
        events.onClose(closed);
      },
    });
    this.connections.add(connection);
    return connection;
  }

  private count(name: ControlCounter): void {
    this.counters[name]++;
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
