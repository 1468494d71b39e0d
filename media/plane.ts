/**
 * The media plane's only door: endpoints by id, plain data, everything async. Behind it the work is spread over worker
 * threads; all endpoints of one session live in one of them, so that packets never cross threads.
 *
 *   allocate ─► setRemote ─► connect ─► (packets, elsewhere) ─► release
 *
 * The plane itself touches no packet. It hands each command to the worker that holds what it is about (`plane/`: which one that is), and tells
 * what the workers say.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { AudioSetup, MemberSettings, Playable, PlayEnd, PlayOptions, RecordEnd, RecordOptions, RecordTarget, RoomStats, SimpleOptions, SrtpKeys } from './audio-types';
import { MediaError } from './errors';
import type { CodecName } from './frame';
import type { EndpointStats, Remote } from './net/endpoint';
import { PortPool } from './net/port-pool';
import type { SimpleGatewayStats } from './net/simple-gateway';
import type { RelayDirection } from './node/relay';
import type { AllocatedEndpoint, AllocateRequest, MediaPlane, MediaPlaneOptions, PlaneEvents, PlaneLoad } from './plane-types';
import { checkAudio, checkDigits, checkOptions, checkPayloadTypes } from './plane/checks';
import { Listeners } from './plane/listeners';
import { LoadMeter } from './plane/load-meter';
import { Placements, type Placed } from './plane/placements';
import { Recordings } from './plane/recordings';
import { asMediaError, isGone, refuse } from './plane/refusal';
import { RoomDirectory } from './plane/room-directory';
import { SimpleHome } from './plane/simple-home';
import { WorkerFleet } from './worker-fleet';
import { WorkerRefusal, type SpawnWorker, type WorkerLink } from './worker-link';
import type { PlayTarget } from './worker-protocol';

export { MediaError, type MediaErrorCode } from './errors';
export type * from './audio-types';
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

class Plane implements MediaPlane {
  private readonly pool: PortPool;
  private readonly fleet: WorkerFleet;
  private readonly placements: Placements;
  private readonly rooms: RoomDirectory;
  private readonly recordings = new Recordings();
  private readonly simple: SimpleHome;
  private readonly listeners = new Listeners();
  private readonly meter: LoadMeter;
  private closed = false;

  constructor(
    private readonly options: MediaPlaneOptions,
    deps: MediaPlaneDeps,
  ) {
    checkOptions(options);
    const { portMin, portMax, backend = 'auto', bind4, bind6, silenceMs, toneCountry = 'us' } = options;
    this.pool = new PortPool({ min: portMin, max: portMax, drainMs: options.drainMs, now: deps.now, random: deps.random });
    if (this.pool.size === 0) throw new MediaError('setting', `media.portMin ${portMin} to media.portMax ${portMax} holds no pair of ports (an even one and the next)`);
    this.fleet = new WorkerFleet(deps.spawn, { backend, bind4, bind6, silenceMs, toneCountry }, this.pool.size * 2, {
      onSilent: (silences) => {
        // One that was released in the meantime is nobody's any more.
        for (const silence of silences) if (this.placements.has(silence.id)) this.listeners.tell('silent', silence);
      },
      onDigit: (event) => {
        if (this.placements.has(event.id)) this.listeners.tell('digit', event);
      },
      onTalking: (event) => this.listeners.tell('talking', event),
      onSimple: (event) => this.simple.heard(event),
      onLost: (link) => this.forget(link),
    });
    this.placements = new Placements(this.pool, options, (near) => this.simple.linkNear(near) ?? this.fleet.leastLoaded);
    this.simple = new SimpleHome({
      homeOf: (near) => this.placements.homeOf(near),
      leastLoaded: () => this.fleet.leastLoaded,
      placed: (room, link) => this.rooms.set(room, link),
      tell: (event) => this.listeners.tell('simple', event),
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
    });
    this.rooms = new RoomDirectory(() => this.simple.rooms);
    this.meter = new LoadMeter(deps.now);
  }

  async start(): Promise<void> {
    try {
      await this.fleet.start(this.options.workers > 0 ? this.options.workers : availableParallelism());
    } catch (err) {
      await this.close();
      if (err instanceof WorkerRefusal && err.code === 'bind-address') throw new MediaError('setting', `media: ${err.message}`);
      throw asMediaError(err);
    }
  }

  /** A worker ended by itself: what it held is gone, and said to be. */
  private forget(gone: WorkerLink): void {
    if (this.closed) return;
    const sessions = this.placements.forget(gone);
    this.recordings.forget(gone);
    this.rooms.forget(gone);
    this.simple.forget(gone);
    if (sessions.length > 0) this.listeners.tell('worker-lost', { sessions });
  }

  private refuseClosed(): void {
    if (this.closed) throw new MediaError('closed', 'the media plane is closed');
  }

  private find(id: string): Placed {
    this.refuseClosed();
    return this.placements.find(id);
  }

  async allocate(request: AllocateRequest): Promise<AllocatedEndpoint> {
    this.refuseClosed();
    return this.placements.allocate(request);
  }

  async setRemote(id: string, remote: Remote | null, options: { relatch?: boolean } = {}): Promise<void> {
    await this.find(id).link.request('setRemote', { id, remote, relatch: options.relatch ?? false }).catch(refuse);
  }

  async connect(a: string, b: string, wiring: { aToB: RelayDirection; bToA: RelayDirection }): Promise<void> {
    const [from, to] = [this.find(a), this.find(b)];
    if (from.link !== to.link || from.near !== to.near || a === b) throw new MediaError('other-session', `${a} and ${b} are not two endpoints that were allocated near each other`);
    checkPayloadTypes(wiring.aToB);
    checkPayloadTypes(wiring.bToA);
    await from.link.request('connect', { a, b, aToB: wiring.aToB, bToA: wiring.bToA }).catch(refuse);
  }

  async setCrypto(id: string, keys: SrtpKeys | null): Promise<void> {
    await this.find(id).link.request('setCrypto', { id, keys }).catch(refuse);
  }

  async setAudio(id: string, audio: AudioSetup): Promise<void> {
    checkAudio(audio);
    await this.find(id).link.request('setAudio', { id, audio }).catch(refuse);
  }

  async join(id: string, room: string, settings: MemberSettings = {}): Promise<void> {
    const { link } = this.find(id);
    const asked = this.rooms.enter(room, link, id);
    if (asked) await asked;
    await link.request('join', { id, room, settings }).catch(refuse);
  }

  async leave(id: string): Promise<void> {
    await this.find(id).link.request('leave', { id }).catch(refuse);
  }

  private linkOf(target: PlayTarget): WorkerLink | undefined {
    this.refuseClosed();
    return 'room' in target ? this.rooms.linkOf(target.room) : this.find(target.endpoint).link;
  }

  async play(target: PlayTarget, what: readonly Playable[], options: PlayOptions = {}): Promise<PlayEnd> {
    const link = this.linkOf(target);
    if (!link) return { why: 'released', playedMs: 0 };
    return link.request('play', { target, what, options }).catch((err: unknown) => {
      // it has ended, however sadly
      if (isGone(err)) return { why: 'released', playedMs: 0, problem: err.message };
      throw asMediaError(err);
    });
  }

  async stopPlaying(target: PlayTarget): Promise<void> {
    await this.linkOf(target)?.request('stopPlaying', { target }).catch(refuse);
  }

  async record(target: RecordTarget, options: RecordOptions): Promise<RecordEnd> {
    const link = 'between' in target ? this.find(target.between[0]).link : this.linkOf(target);
    if ('between' in target && this.find(target.between[1]).link !== link) throw new MediaError('other-session', 'the two to be recorded were not allocated near each other');
    if (!link) return { why: 'released', file: options.file, durationMs: 0, bytes: 0 };
    return this.recordings.record(link, target, options);
  }

  async stopRecording(file: string): Promise<void> {
    this.refuseClosed();
    await this.recordings.stop(file);
  }

  async sendDigits(id: string, digits: string, options: { ms?: number } = {}): Promise<void> {
    checkDigits(digits);
    await this.find(id).link.request('sendDigits', { id, digits, ms: options.ms ?? 100 }).catch(refuse);
  }

  async detectTones(id: string, on: boolean): Promise<void> {
    await this.find(id).link.request('detectTones', { id, on }).catch(refuse);
  }

  async openSimple(options: SimpleOptions): Promise<number> {
    this.refuseClosed();
    return this.simple.open(options);
  }

  closeSimple(): Promise<void> {
    return this.simple.close();
  }

  setSimple(id: string, settings: { muted: boolean } | null): Promise<boolean> {
    return this.simple.set(id, settings);
  }

  simpleStats(): Promise<SimpleGatewayStats | undefined> {
    return this.simple.stats();
  }

  async roomStats(room: string): Promise<RoomStats | undefined> {
    this.refuseClosed();
    return this.rooms.linkOf(room)?.request('roomStats', { room }).catch(refuse);
  }

  get codecs(): readonly CodecName[] {
    return this.fleet.abilities.codecs;
  }

  get opusRecovers(): boolean {
    return this.fleet.abilities.opusRecovers;
  }

  async stats(id: string): Promise<EndpointStats> {
    return this.find(id).link.request('stats', { id }).catch(refuse);
  }

  async describe(id: string): Promise<string> {
    return this.find(id).link.request('describe', { id }).catch(refuse);
  }

  release(id: string): Promise<EndpointStats> {
    return this.placements.release(id);
  }

  on<E extends keyof PlaneEvents>(event: E, listener: (event: PlaneEvents[E]) => void): void {
    this.listeners.add(event, listener);
  }

  async load(): Promise<PlaneLoad> {
    this.refuseClosed();
    const links = this.fleet.alive;
    const workers = await Promise.all(links.map(async (link) => this.meter.look(link, await link.request('load', {}).catch(refuse))));
    const { size: total, inUse, draining, free } = this.pool;
    return {
      backend: links.every((link) => link.backend === 'native') ? 'native' : 'dgram',
      fallback: links.find((link) => link.fallback !== undefined)?.fallback ?? null,
      endpoints: this.placements.size,
      sessions: this.placements.sessions,
      ports: { total, inUse, draining, free },
      workers,
      workersLost: this.fleet.lost,
      portsTaken: this.placements.portsTaken,
    };
  }

  close(): Promise<void> {
    this.closed = true;
    this.simple.end();
    return this.fleet.close();
  }
}
