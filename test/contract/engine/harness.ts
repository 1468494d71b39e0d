/**
 * What the engine contract runs against: our engine in this process, or, with DRACHTIO_HOST (and DRACHTIO_PORT, DRACHTIO_SECRET,
 * DRACHTIO_SIP_PORT) set, a drachtio-server that listens there on UDP and TCP. The application is always a stock drachtio-srf.
 * What only one of them can do is declared in `can`.
 */
import { EventEmitter } from 'node:events';
import Srf from 'drachtio-srf';
import { createLog, Engine, type EngineDeps, type EngineOptions, type EngineStats } from '../../../signaling/engine';
import { sameLoopBarrier } from '../../../signaling/engine/barrier';
import type { Address } from '../../support/sip-peer';
import { unless } from '../../support/peers';

export interface ServerUnderTest {
  name: string;
  control: Address & { secret: string };
  udp: Address;
  tcp: Address;
  can: {
    /** Timer values can be shrunk, so that time-outs can be waited for. */
    shrinkTimers: boolean;
    /** Behaves as RFC 3261 says where drachtio-server is known not to; enforces authentication; has statistics. */
    strict: boolean;
  };
  stats(): EngineStats;
  close(): Promise<void>;
}

export const secret = 'contract-secret';
export const isRealServer = process.env['DRACHTIO_HOST'] !== undefined;

/** For suites that need timers to be shrunk. */
export const timed = unless(isRealServer ? 'the timers of a real drachtio-server cannot be shrunk' : undefined);

/** For tests of what drachtio-server is known not to do (PROTOCOL 21). */
export function strictly(title: string, body: () => Promise<void>): void {
  if (isRealServer) test.skip(`${title} [skipped: drachtio-server is known not to]`, body);
  else test(title, body);
}

export async function startServer(options: Partial<EngineOptions> = {}, deps: Partial<EngineDeps> = {}): Promise<ServerUnderTest> {
  return isRealServer ? realServer() : ourEngine(options, deps);
}

/** RFC 3261 timers thirty times as fast: 64*T1 is a second. */
export const fastTimers = { t1: 15, t2: 120, t4: 150 };

async function ourEngine(options: Partial<EngineOptions>, deps: Partial<EngineDeps>): Promise<ServerUnderTest> {
  const engine = new Engine(
    {
      listen: [
        { protocol: 'udp', address: '127.0.0.1', port: 0 },
        { protocol: 'tcp', address: '127.0.0.1', port: 0 },
      ],
      control: { port: 0, secret },
      ...options,
    },
    { log: createLog((level, message, fields) => problems.push(`${level}: ${message} ${JSON.stringify(fields)}`), 'error'), barrier: sameLoopBarrier, ...deps },
  );
  const { control, listening } = await engine.start();
  const at = (protocol: string): Address => {
    const point = listening.find((one) => one.protocol === protocol);
    if (!point) throw new Error(`no ${protocol} listening point`);
    return { host: '127.0.0.1', port: point.port };
  };
  return {
    name: 'embedded engine',
    control: { ...control, secret },
    udp: at('udp'),
    tcp: at('tcp'),
    can: { shrinkTimers: true, strict: true },
    stats: () => engine.stats(),
    close: () => engine.close(),
  };
}

/** Errors our engines logged: a test run that has any is not a good one. */
export const problems: string[] = [];

function realServer(): ServerUnderTest {
  const host = process.env['DRACHTIO_HOST'] ?? '127.0.0.1';
  const sip = { host, port: Number(process.env['DRACHTIO_SIP_PORT'] ?? 5060) };
  return {
    name: 'drachtio-server',
    control: { host, port: Number(process.env['DRACHTIO_PORT'] ?? 9022), secret: process.env['DRACHTIO_SECRET'] ?? 'cymru' },
    udp: sip,
    tcp: sip,
    can: { shrinkTimers: false, strict: false },
    stats: () => {
      throw new Error('drachtio-server has no statistics here');
    },
    close: () => Promise.resolve(),
  };
}

// --- drachtio-srf, with the types its own lack ------------------------------------------------------------------------

export interface TestMessage {
  get(name: string): string;
  has(name: string): boolean;
  body: string;
  uri: string;
  method: string;
  source: string;
  protocol: string;
  source_address: string;
  source_port: number;
}

export interface TestResponse extends TestMessage {
  status: number;
  reason: string;
  send(status: number, ...rest: unknown[]): void;
}

export interface TestRequest extends TestMessage, EventEmitter {
  get(name: string): string;
  receivedOn?: string;
  stackTxnId: string;
  cancel(options?: object, callback?: (error: Error | null, request: TestRequest) => void): void;
  proxy(options: object): Promise<unknown>;
  on(event: 'response', fn: (response: TestResponse, ack: (options?: object) => void) => void): this;
  on(event: 'cancel', fn: (cancel: TestMessage) => void): this;
  on(event: 'update', fn: (request: TestRequest, response: TestResponse) => void): this;
  on(event: string, fn: (...args: never[]) => void): this;
}

export interface TestDialog extends EventEmitter {
  id: string;
  sip: { callId: string; localTag: string; remoteTag: string };
  local: { sdp: string; uri: string; contact: string };
  remote: { sdp: string; uri: string };
  res: TestResponse;
  destroy(options?: object): Promise<TestMessage>;
  modify(sdp: string): Promise<string>;
  request(options: { method: string; headers?: Record<string, string>; body?: string }): Promise<TestResponse>;
}

export type Handler = (request: TestRequest, response: TestResponse) => void;

export interface TestSrf extends EventEmitter {
  invite(fn: Handler): void;
  register(fn: Handler): void;
  options(fn: Handler): void;
  message(fn: Handler): void;
  subscribe(fn: Handler): void;
  publish(fn: Handler): void;
  prack(fn: Handler): void;
  use(method: string, fn: Handler): void;
  unregisterForMessages(method: string): void;
  request(uri: string, options: object): Promise<TestRequest>;
  request(uri: string, options: object, callback: (error: Error | null, request: TestRequest) => void): void;
  createUAS(request: TestRequest, response: TestResponse, options: object): Promise<TestDialog>;
  createUAC(uri: string, options: object, progress?: object): Promise<TestDialog>;
  createB2BUA(request: TestRequest, response: TestResponse, uri: string, options: object, progress?: object): Promise<{ uas: TestDialog; uac: TestDialog }>;
  connect(options: object): void;
  disconnect(): void;
}

export interface AppUnderTest {
  srf: TestSrf;
  hostports: string;
  close(): void;
}

/** Connects an application; `prepare` registers its handlers before. */
export async function startApp(server: ServerUnderTest, prepare: (srf: TestSrf) => void): Promise<AppUnderTest> {
  const srf = new Srf() as unknown as TestSrf;
  prepare(srf);
  const hostports = await new Promise<string>((resolve, reject) => {
    srf.on('connect', (error: Error | null, announced: string) => (error ? reject(error) : resolve(announced)));
    srf.on('error', reject);
    srf.connect(server.control);
  });
  // Routes leave with the connection; the first one that is answered means that those before it are in place.
  await settled(server);
  let closed = false;
  return {
    srf,
    hostports,
    close() {
      if (closed) return;
      closed = true;
      srf.disconnect();
    },
  };
}

/** The socket under an application, as drachtio-srf keeps it. */
export function socketOf(app: AppUnderTest): { pause(): void; resume(): void; destroy(): void } {
  const { mapServer } = (app.srf as unknown as { _app: { client: { mapServer: Map<ReturnType<typeof socketOf>, unknown> } } })._app.client;
  return mapServer.keys().next().value!;
}

/** Frames of the application that were written before now have been worked off. */
async function settled(server: ServerUnderTest): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, isRealServer ? 100 : 20));
  void server;
}

/** Resolves with the arguments of the next call of the function it hands out. */
export function once<Args extends unknown[]>(): { fn: (...args: Args) => void; called: Promise<Args> } {
  let fn: (...args: Args) => void = () => undefined;
  const called = new Promise<Args>((resolve) => {
    fn = (...args) => resolve(args);
  });
  return { fn: (...args) => fn(...args), called };
}
