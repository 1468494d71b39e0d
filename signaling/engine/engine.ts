/**
 * The engine: a SIP user agent that programs written for drachtio-srf drive over drachtio's control protocol. This file only puts the
 * layers on top of one another, and takes them down again.
 */
import { networkInterfaces } from 'node:os';
import { systemClock, systemRandom, type Clock, type Random } from '../clock';
import type { Barrier } from './barrier';
import { defaultBacklogOptions } from './control/backlog';
import { ControlServer, type ControlAddress, type ControlStats } from './control/server';
import { Router } from './control/router';
import { Core, type CoreStats } from './core/core';
import { defaultCoreOptions } from './core/options';
import { coreTransport } from './core-transport';
import { silentLog, type Log } from './log';
import { makeTransport } from './make-transport';
import type { CaptureStats } from './observe/capture';
import type { Ladder } from './observe/ladder';
import type { RememberedCall } from './observe/ladder-calls';
import { Observer } from './observe/observer';
import { captureProblem, defaultGapMs, defaultLimits, limitsProblem, type EngineOptions } from './options';
import { eventLoopBusy } from './overload/busy';
import { defaultOverload, overloadProblem } from './overload/options';
import { Overload, type OverloadStats } from './overload/overload';
import { EngineStartError, startError } from './start-error';
import { trafficStats, type TrafficStats } from './statistics';
import { FailOver } from './transaction/fail-over';
import type { TransactionLayer } from './transaction/transaction-layer';
import type { TransactionStats } from './transaction/counters';
import { isWildcard } from './transport/listener';
import type { TransportLayer } from './transport/transport-layer';
import type { TransportStats } from './transport/counters';
import type { ListeningPoint } from './transport/types';

export { EngineStartError };

export interface EngineDeps {
  clock: Clock;
  random: Random;
  log: Log;
  /** Tells when the applications have read what was written to them; see barrier.ts. */
  barrier: Barrier;
  /** Part of the time since the last call that this thread was at work, 0 to 1. */
  busy: () => number;
  /** Milliseconds that datagrams wait before they are read. */
  waited: () => number;
}

export interface EngineReady {
  control: ControlAddress;
  listening: ListeningPoint[];
}

export interface EngineStats {
  /** Dialogs, early ones included. */
  dialogs: number;
  /** SIP stream connections. */
  connections: number;
  /** Connections of applications, authenticated or not. */
  controlConnections: number;
  transport: TransportStats;
  transactions: TransactionStats;
  core: CoreStats;
  control: ControlStats;
  traffic: TrafficStats;
  /** Undefined: it is switched off. */
  overload: OverloadStats | undefined;
  /** Undefined: there is no feed. */
  capture: CaptureStats | undefined;
}

export class Engine {
  private readonly observer: Observer;
  private readonly transport: TransportLayer;
  private readonly transactions: TransactionLayer;
  private readonly overload: Overload | undefined;
  private readonly core: Core;
  private readonly control: ControlServer;
  private readonly log: Log;
  private listening: ListeningPoint[] = [];
  private controlOpen = false;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly options: EngineOptions,
    deps: Partial<EngineDeps> = {},
  ) {
    if (options.control.secret === '') throw new EngineStartError('engine.control', 'The control port needs a secret: set one.');
    const problem = limitsProblem(options.limits ?? {});
    if (problem !== undefined) throw new EngineStartError('limits', problem);
    const badCapture = options.capture && captureProblem(options.capture);
    if (badCapture !== undefined) throw new EngineStartError('capture.address', badCapture);
    const badOverload = options.overload ? overloadProblem(options.overload) : undefined;
    if (badOverload !== undefined) throw new EngineStartError('overload', badOverload);
    const clock = deps.clock ?? systemClock;
    const random = deps.random ?? systemRandom;
    const log = deps.log ?? silentLog;
    const limits = { ...defaultLimits, ...options.limits };
    const timers = { t1: options.timers?.t1 ?? 500, t2: options.timers?.t2 ?? 4000, t4: options.timers?.t4 ?? 5000 };
    this.log = log;
    this.observer = new Observer(
      { ladder: { messages: limits.ladderMessages, perCall: limits.ladderMessagesPerCall, bytes: limits.ladderMessageBytes }, capture: options.capture },
      { clock, log, localAddress: (ends) => this.transport.localAddress(ends) },
    );
    this.transport = makeTransport(options, limits, { clock, log, tap: this.observer, chance: () => random(4).readUInt32BE() / 2 ** 32 });
    const router = new Router();
    if (options.overload) {
      const areBehind = (method: string): boolean => router.routes.areBehind(method);
      this.overload = new Overload({ ...defaultOverload, ...options.overload }, { clock, log, busy: deps.busy ?? eventLoopBusy(), waited: deps.waited ?? (() => this.transport.waited()), areBehind });
    }
    this.transactions = new FailOver(
      this.transport,
      { ...timers, maxTransactions: limits.maxTransactions, largeRequestBytes: limits.largeRequestBytes },
      { clock, random, log, admission: this.overload },
    );
    this.core = new Core(
      {
        ...defaultCoreOptions,
        t1: timers.t1,
        t2: timers.t2,
        maxDialogs: limits.maxDialogs,
        maxPendingRequests: limits.maxPendingRequests,
        maxBreadth: limits.maxBreadth,
        maxRingingMs: limits.maxRingingSeconds * 1000,
        applicationGraceMs: options.control.graceSeconds === undefined ? defaultCoreOptions.applicationGraceMs : options.control.graceSeconds * 1000,
        sessionTimer: { ...defaultCoreOptions.sessionTimer, ...options.sessionTimer },
        timerCMs: options.timers?.c ?? defaultCoreOptions.timerCMs,
        proxySecret: options.proxySecret,
      },
      { clock, random, log, transactions: this.transactions, transport: coreTransport(this.transport), apps: router },
    );
    this.control = new ControlServer(
      {
        host: options.control.host ?? '127.0.0.1',
        port: options.control.port,
        secret: options.control.secret,
        tls: options.control.tls,
        handlers: options.control.handlers ?? [],
        maxOutboundConnections: limits.maxOutboundConnections,
        outboundIdleMs: limits.outboundIdleSeconds * 1000,
        maxConnections: limits.maxControlConnections,
        maxFrameBytes: limits.maxControlFrameBytes,
        maxWriteBufferBytes: limits.maxControlBufferBytes,
        authenticateMs: limits.authenticateSeconds * 1000,
        outbox: { gapMs: options.control.gapMs ?? (deps.barrier ? defaultGapMs.withBarrier : defaultGapMs.alone), barrier: deps.barrier },
        behindBytes: options.control.behindBytes ?? defaultBacklogOptions.behindBytes,
        behindMs: options.control.behindMs ?? defaultBacklogOptions.behindMs,
        maxRoutesPerConnection: 64,
      },
      { clock, random, log, core: this.core, router, hostports: () => this.hostports() },
    );
  }

  /** @throws EngineStartError; nothing stays open then. */
  async start(): Promise<EngineReady> {
    try {
      this.listening = await this.transport.start();
    } catch (error) {
      await this.transport.close();
      throw startError('sip.listen', error);
    }
    try {
      const control = await this.control.listen();
      this.controlOpen = true;
      return { control, listening: this.listening };
    } catch (error) {
      await this.close();
      const { host = '127.0.0.1', port } = this.options.control;
      throw startError('engine.control', error, `The control port ${host}:${port} could not be opened`);
    }
  }

  stats(): EngineStats {
    const [transport, transactions, core, control] = [this.transport.stats(), this.transactions.stats(), this.core.stats(), this.control.stats()];
    return {
      dialogs: core.dialogs,
      connections: transport.connections,
      controlConnections: control.connections,
      transport,
      transactions,
      core,
      control,
      traffic: trafficStats(this.observer.counts(), transport, transactions, core),
      overload: this.overload?.stats(),
      capture: this.observer.captureStats(),
    };
  }

  /**
   * What is remembered of the messages of these calls, in the order they passed. The legs of a bridged call have a Call-ID each, which only the
   * application can name.
   *
   * @param columns of the diagram: 80 to 120, 100 when absent
   */
  ladder(callIds: string | readonly string[], columns?: number): Ladder {
    return this.observer.ladder(typeof callIds === 'string' ? [callIds] : callIds, columns);
  }

  /** The calls that `ladder` can draw, the newest first. */
  ladderCalls(limit: number): RememberedCall[] {
    return this.observer.calls(limit);
  }

  /** Reads the certificates of TLS and WSS, and of the control port, again; connections that are up keep theirs. What keeps the new ones from being used, if anything does. */
  reloadCertificates(): string | undefined {
    const problems = [this.transport.reloadCertificates(), this.control.reloadCertificate()].filter((problem) => problem !== undefined);
    return problems.length > 0 ? problems.join(' ') : undefined;
  }

  /** Answers what is open with 503 and ends. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private async shutDown(): Promise<void> {
    this.core.close();
    if (this.controlOpen) await this.control.close();
    this.overload?.close();
    this.transactions.close();
    await this.transport.close();
    this.observer.close();
    const { messagesReceived, messagesSent } = this.transport.stats();
    this.log.info({ messagesReceived, messagesSent }, 'engine closed');
  }

  /** As drachtio-server announces itself: TCP before UDP, `proto/host:port`. */
  private hostports(): { announced: string; local: string } {
    const points = [...this.listening].reverse();
    const text = (host: (point: ListeningPoint) => string): string => points.map((point) => `${point.protocol}/${bracketed(host(point))}:${point.port}`).join(',');
    const bound = (point: ListeningPoint): string => (isWildcard(point.address) ? ownAddress(point.address) : point.address);
    return { announced: text((point) => point.external ?? bound(point)), local: text(bound) };
  }
}

/** One of our addresses, for a socket bound to all of them. */
function ownAddress(wildcard: string): string {
  const family = wildcard.includes(':') ? 'IPv6' : 'IPv4';
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const fitting = all.filter((address) => address.family === family && !address.address.startsWith('fe80:'));
  return (fitting.find((address) => !address.internal) ?? fitting[0])?.address ?? (family === 'IPv6' ? '::1' : '127.0.0.1');
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
