/**
 * The media plane's only door: endpoints by id, plain data, everything async. Behind it the work is spread over worker
 * threads; all endpoints of one session live in one of them, so that packets never cross threads.
 *
 *   allocate ─► setRemote ─► connect ─► (packets, elsewhere) ─► release
 *
 * The plane itself touches no packet. It knows ports (so that a worker's death does not lose track of what is draining), which
 * worker holds which session, and what to tell whom.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { MediaError } from './errors';
import { emptyStats, type EndpointStats, type Remote } from './net/endpoint';
import { PortPool } from './net/port-pool';
import type { RelayDirection } from './node/relay';
import type { AllocatedEndpoint, AllocateRequest, MediaPlane, MediaPlaneOptions, PlaneLoad, SilentEvent, WorkerLostEvent } from './plane-types';
import { WorkerFleet } from './worker-fleet';
import { WorkerRefusal, type SpawnWorker, type WorkerLink } from './worker-link';
import type { WorkerCounters } from './worker-protocol';

export { MediaError, type MediaErrorCode } from './errors';
export type * from './plane-types';
export type { EndpointStats, Remote, RelayDirection };

export interface MediaPlaneDeps {
  /** Milliseconds that never go back. */
  now: () => number;
  random: (bytes: number) => Buffer;
  spawn: SpawnWorker;
}

const defaultDeps: MediaPlaneDeps = {
  now: () => performance.now(),
  random: randomBytes,
  spawn: (options) => new Worker(join(__dirname, 'worker.js'), options),
};

/** @throws MediaError 'setting' | 'system', with nothing left running */
export async function createMediaPlane(options: MediaPlaneOptions, deps: Partial<MediaPlaneDeps> = {}): Promise<MediaPlane> {
  const plane = new Plane(options, { ...defaultDeps, ...deps });
  await plane.start();
  return plane;
}

interface Placed {
  link: WorkerLink;
  session: string;
  port: number;
  released?: Promise<EndpointStats>;
}

/** How many ports that others hold are tried past before giving up. */
const TAKEN_TRIES = 16;
/** Released and lost endpoints that are remembered, for a second release and a clear refusal. */
const REMEMBERED = 256;

class Plane implements MediaPlane {
  private readonly pool: PortPool;
  private readonly fleet: WorkerFleet;
  private readonly placed = new Map<string, Placed>();
  private readonly sessions = new Map<string, { link: WorkerLink; endpoints: number }>();
  private readonly finalStats = new Map<string, EndpointStats>();
  private readonly lost = new Map<string, true>();
  private readonly silentListeners: Array<(event: SilentEvent) => void> = [];
  private readonly lostListeners: Array<(event: WorkerLostEvent) => void> = [];
  private readonly samples = new WeakMap<WorkerLink, { at: number; packets: number; busyMs: number }>();
  private ids = 0;
  private portsTaken = 0;
  private closed = false;

  constructor(
    private readonly options: MediaPlaneOptions,
    private readonly deps: MediaPlaneDeps,
  ) {
    const { portMin, portMax, backend = 'auto', bind4, bind6, silenceMs } = options;
    if (![portMin, portMax].every((port) => Number.isInteger(port) && port > 0 && port < 65536)) {
      throw new MediaError('setting', `media.portMin ${portMin} and media.portMax ${portMax}: a port is a number from 1 to 65535`);
    }
    this.pool = new PortPool({ min: portMin, max: portMax, drainMs: options.drainMs, now: deps.now, random: deps.random });
    if (this.pool.size === 0) throw new MediaError('setting', `media.portMin ${portMin} to media.portMax ${portMax} holds no pair of ports (an even one and the next)`);
    this.fleet = new WorkerFleet(deps.spawn, { backend, bind4, bind6, silenceMs }, this.pool.size * 2, {
      onSilent: (silences) => {
        // One that was released in the meantime is nobody's any more.
        for (const silence of silences) if (this.placed.has(silence.id)) tell(this.silentListeners, silence);
      },
      onLost: (link) => this.forget(link),
    });
  }

  async start(): Promise<void> {
    try {
      await this.fleet.start(this.options.workers > 0 ? this.options.workers : Math.max(1, availableParallelism() - 1));
    } catch (err) {
      await this.close();
      if (err instanceof WorkerRefusal && err.code === 'bind-address') throw new MediaError('setting', `media: ${err.message}`);
      throw asMediaError(err);
    }
  }

  /** A worker ended by itself: what it held is gone, and said to be. */
  private forget(gone: WorkerLink): void {
    if (this.closed) return;
    for (const [id, { link, port }] of [...this.placed]) {
      if (link !== gone) continue;
      this.placed.delete(id);
      this.pool.release(port);
      remember(this.lost, id, true);
    }
    const sessions = [...this.sessions].filter(([, { link }]) => link === gone).map(([session]) => session);
    for (const session of sessions) this.sessions.delete(session);
    if (sessions.length > 0) tell(this.lostListeners, { sessions });
  }

  async allocate(request: AllocateRequest): Promise<AllocatedEndpoint> {
    this.refuseClosed();
    const link = this.place(request.session);
    const id = `e${(++this.ids).toString(36)}`;
    try {
      const port = await this.bind(link, id, request);
      this.placed.set(id, { link, session: request.session, port });
      return { id, rtpPort: port, rtcpPort: port + 1 };
    } catch (err) {
      this.leave(request.session, link);
      throw asMediaError(err);
    }
  }

  private async bind(link: WorkerLink, id: string, request: AllocateRequest): Promise<number> {
    for (let tries = 0; tries < TAKEN_TRIES; tries++) {
      const port = this.pool.take();
      if (port === undefined) break;
      try {
        await link.request('allocate', { id, session: request.session, family: request.family, label: request.label, port });
        return port;
      } catch (err) {
        this.pool.release(port);
        if (!(err instanceof WorkerRefusal) || err.code !== 'port-taken') throw err;
        this.portsTaken++;
      }
    }
    const { inUse, draining, size } = this.pool;
    throw new MediaError('no-ports', `no free pair of media ports from ${this.options.portMin} to ${this.options.portMax} (${inUse} of ${size} in use, ${draining} draining); widen media.portMin to media.portMax`);
  }

  /** The session's worker: the one it has, or the one with the fewest endpoints. Counts the endpoint as placed. */
  private place(session: string): WorkerLink {
    let home = this.sessions.get(session);
    if (!home) {
      const link = this.fleet.leastLoaded;
      if (!link) throw new MediaError('worker-lost', 'no media worker is running; one is being started');
      home = { link, endpoints: 0 };
      this.sessions.set(session, home);
    }
    home.endpoints++;
    home.link.endpoints++;
    return home.link;
  }

  private leave(session: string, link: WorkerLink): void {
    link.endpoints--;
    const home = this.sessions.get(session);
    if (home?.link === link && --home.endpoints === 0) this.sessions.delete(session);
  }

  private find(id: string): Placed {
    this.refuseClosed();
    const placed = this.placed.get(id);
    if (placed && !placed.released) return placed;
    if (this.lost.has(id)) throw new MediaError('worker-lost', `the media worker that held ${id} ended`);
    throw new MediaError('unknown-endpoint', this.wasIssued(id) ? `endpoint ${id} was released` : `there is no endpoint ${id}`);
  }

  private wasIssued(id: string): boolean {
    const number = parseInt(id.slice(1), 36);
    return number > 0 && number <= this.ids && id === `e${number.toString(36)}`;
  }

  private refuseClosed(): void {
    if (this.closed) throw new MediaError('closed', 'the media plane is closed');
  }

  async setRemote(id: string, remote: Remote | null, options: { relatch?: boolean } = {}): Promise<void> {
    await this.find(id).link.request('setRemote', { id, remote, relatch: options.relatch ?? false }).catch(refuse);
  }

  async connect(a: string, b: string, wiring: { aToB: RelayDirection; bToA: RelayDirection }): Promise<void> {
    const [from, to] = [this.find(a), this.find(b)];
    if (from.session !== to.session || a === b) throw new MediaError('other-session', `${a} and ${b} are not two endpoints of one session`);
    checkPayloadTypes(wiring.aToB);
    checkPayloadTypes(wiring.bToA);
    await from.link.request('connect', { a, b, aToB: wiring.aToB, bToA: wiring.bToA }).catch(refuse);
  }

  async stats(id: string): Promise<EndpointStats> {
    return this.find(id).link.request('stats', { id }).catch(refuse);
  }

  async describe(id: string): Promise<string> {
    return this.find(id).link.request('describe', { id }).catch(refuse);
  }

  async release(id: string): Promise<EndpointStats> {
    const placed = this.placed.get(id);
    if (placed) return (placed.released ??= this.letGo(id, placed));
    const known = this.finalStats.get(id);
    if (known) return known;
    if (this.wasIssued(id)) return emptyStats();
    throw new MediaError('unknown-endpoint', `there is no endpoint ${id}`);
  }

  private async letGo(id: string, placed: Placed): Promise<EndpointStats> {
    const stats = await placed.link.request('release', { id }).catch(() => emptyStats());
    // False when its worker died in the meantime: then all this has been done.
    if (this.placed.delete(id)) {
      this.pool.release(placed.port);
      this.leave(placed.session, placed.link);
    }
    remember(this.finalStats, id, stats);
    return stats;
  }

  on(event: 'silent', listener: (event: SilentEvent) => void): void;
  on(event: 'worker-lost', listener: (event: WorkerLostEvent) => void): void;
  on(event: 'silent' | 'worker-lost', listener: ((event: SilentEvent) => void) | ((event: WorkerLostEvent) => void)): void {
    if (event === 'silent') this.silentListeners.push(listener as (event: SilentEvent) => void);
    else this.lostListeners.push(listener as (event: WorkerLostEvent) => void);
  }

  async load(): Promise<PlaneLoad> {
    this.refuseClosed();
    const links = this.fleet.alive;
    const workers = await Promise.all(links.map(async (link) => this.rate(link, await link.request('load', {}).catch(refuse))));
    const { size: total, inUse, draining, free } = this.pool;
    return {
      backend: links.every((link) => link.backend === 'native') ? 'native' : 'dgram',
      fallback: links.find((link) => link.fallback !== undefined)?.fallback ?? null,
      endpoints: this.placed.size,
      sessions: this.sessions.size,
      ports: { total, inUse, draining, free },
      workers,
      workersLost: this.fleet.lost,
      portsTaken: this.portsTaken,
    };
  }

  private rate(link: WorkerLink, counters: WorkerCounters): PlaneLoad['workers'][number] {
    const at = this.deps.now();
    const before = this.samples.get(link);
    this.samples.set(link, { at, packets: counters.packets, busyMs: counters.busyMs ?? 0 });
    const span = before ? Math.max(1, at - before.at) : Infinity;
    return {
      ...counters,
      packetsPerSecond: ((counters.packets - (before?.packets ?? 0)) * 1000) / span,
      busy: counters.busyMs === null ? null : (counters.busyMs - (before?.busyMs ?? 0)) / span,
    };
  }

  close(): Promise<void> {
    this.closed = true;
    return this.fleet.close();
  }
}

function tell<T>(listeners: Array<(event: T) => void>, event: T): void {
  for (const listener of listeners) {
    try {
      listener(event);
    } catch (err) {
      // A listener's fault is not the plane's end; whoever runs the process sees it.
      process.emitWarning(err instanceof Error ? (err.stack ?? err.message) : String(err), 'MediaListenerWarning');
    }
  }
}

function checkPayloadTypes(direction: RelayDirection): void {
  for (const [as, to] of Object.entries(direction.payloadMap ?? {})) {
    const valid = Number(as) >= 0 && Number(as) < 128 && Number.isInteger(to) && to >= -1 && to < 128;
    if (!valid) throw new MediaError('setting', `payload types are 0 to 127 (-1 drops), not ${as} to ${to}`);
  }
}

function asMediaError(err: unknown): Error {
  if (!(err instanceof WorkerRefusal)) return err as Error;
  return new MediaError(err.code === 'unknown-endpoint' || err.code === 'bad-address' ? err.code : 'system', err.message);
}

function refuse(err: unknown): never {
  throw asMediaError(err);
}

/** Keeps the newest; a Map gives its oldest first. */
function remember<T>(kept: Map<string, T>, id: string, value: T): void {
  kept.set(id, value);
  if (kept.size > REMEMBERED) kept.delete(kept.keys().next().value as string);
}
