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
import type { AudioSetup, MemberSettings, Playable, PlayEnd, PlayOptions, RecordEnd, RecordOptions, RecordTarget, RoomStats, SimpleEvent, SimpleOptions, SrtpKeys } from './audio-types';
import { TONE_COUNTRIES } from './audio/tones';
import { isMediaErrorCode, MediaError } from './errors';
import type { CodecName } from './frame';
import { measureRecording } from './measure';
import { emptyStats, type EndpointStats, type Remote } from './net/endpoint';
import { PortPool } from './net/port-pool';
import type { SimpleGatewayStats } from './net/simple-gateway';
import type { RelayDirection } from './node/relay';
import type { AllocatedEndpoint, AllocateRequest, MediaPlane, MediaPlaneOptions, PlaneEvents, PlaneLoad } from './plane-types';
import { WorkerFleet } from './worker-fleet';
import { WorkerRefusal, type SpawnWorker, type WorkerLink } from './worker-link';
import type { PlayTarget, WorkerCounters } from './worker-protocol';

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

interface Placed {
  link: WorkerLink;
  session: string;
  /** What decides about the worker. */
  near: string;
  port: number;
  released?: Promise<EndpointStats>;
}

type Listeners = { [E in keyof PlaneEvents]: Array<(event: PlaneEvents[E]) => void> };

/** How many ports that others hold are tried past before giving up. */
const TAKEN_TRIES = 16;
/** Released and lost endpoints that are remembered, for a second release and a clear refusal. */
const REMEMBERED = 256;
/** Names of rooms above which it is looked which of them are still there. */
const ROOMS_REMEMBERED = 1024;
const LONGEST_PTIME_MS = 200;
const REOPEN_MS = 250;

class Plane implements MediaPlane {
  private readonly pool: PortPool;
  private readonly fleet: WorkerFleet;
  private readonly placed = new Map<string, Placed>();
  /** Groups of endpoints that live together: sessions, rooms. */
  private readonly groups = new Map<string, { link: WorkerLink; endpoints: number }>();
  private readonly finalStats = new Map<string, EndpointStats>();
  private readonly lost = new Map<string, true>();
  private readonly listeners: Listeners = { silent: [], digit: [], talking: [], simple: [], 'worker-lost': [] };
  /** Which worker a room is in, by the last member who joined it, and which a running recording is in. */
  private readonly rooms = new Map<string, WorkerLink>();
  private readonly recording = new Map<string, WorkerLink>();
  /** The door of the simple packet format; members allocated near one of `homed` go to its worker. */
  private simple: { link: WorkerLink; options: SimpleOptions; homed: ReadonlySet<string> } | undefined;
  private readonly samples = new WeakMap<WorkerLink, { at: number; packets: number; busyMs: number }>();
  /** Clients of the simple packet format that are in, by id. */
  private readonly simpleClients = new Map<string, SimpleEvent>();
  private lookForRoomsAt = ROOMS_REMEMBERED;
  private ids = 0;
  private portsTaken = 0;
  private closed = false;

  constructor(
    private readonly options: MediaPlaneOptions,
    private readonly deps: MediaPlaneDeps,
  ) {
    const { portMin, portMax, backend = 'auto', bind4, bind6, silenceMs, toneCountry = 'us' } = options;
    if (![portMin, portMax].every((port) => Number.isInteger(port) && port > 0 && port < 65536)) {
      throw new MediaError('setting', `media.portMin ${portMin} and media.portMax ${portMax}: a port is a number from 1 to 65535`);
    }
    if (!TONE_COUNTRIES.includes(toneCountry)) {
      throw new MediaError('setting', `speech.tones: the telephone tones of '${toneCountry}' are not known; known are ${TONE_COUNTRIES.join(', ')}`);
    }
    this.pool = new PortPool({ min: portMin, max: portMax, drainMs: options.drainMs, now: deps.now, random: deps.random });
    if (this.pool.size === 0) throw new MediaError('setting', `media.portMin ${portMin} to media.portMax ${portMax} holds no pair of ports (an even one and the next)`);
    this.fleet = new WorkerFleet(deps.spawn, { backend, bind4, bind6, silenceMs, toneCountry }, this.pool.size * 2, {
      onSilent: (silences) => {
        // One that was released in the meantime is nobody's any more.
        for (const silence of silences) if (this.placed.has(silence.id)) tell(this.listeners.silent, silence);
      },
      onDigit: (event) => {
        if (this.placed.has(event.id)) tell(this.listeners.digit, event);
      },
      onTalking: (event) => tell(this.listeners.talking, event),
      onSimple: (event) => this.toldOfSimple(event),
      onLost: (link) => this.forget(link),
    });
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
    const sessions = new Set<string>();
    for (const [id, { link, port, session }] of [...this.placed]) {
      if (link !== gone) continue;
      this.placed.delete(id);
      this.pool.release(port);
      remember(this.lost, id, true);
      sessions.add(session);
    }
    for (const [group, { link }] of [...this.groups]) if (link === gone) this.groups.delete(group);
    for (const [file, link] of [...this.recording]) if (link === gone) this.recording.delete(file);
    for (const [room, link] of [...this.rooms]) if (link === gone) this.rooms.delete(room);
    if (this.simple?.link === gone) {
      for (const client of [...this.simpleClients.values()]) this.toldOfSimple({ ...client, kind: 'left', why: 'worker-lost' });
      void this.reopenSimple(this.simple.options);
    }
    if (sessions.size > 0) tell(this.listeners['worker-lost'], { sessions: [...sessions] });
  }

  private toldOfSimple(event: SimpleEvent): void {
    if (event.kind === 'joined') this.simpleClients.set(event.id, event);
    else this.simpleClients.delete(event.id);
    tell(this.listeners.simple, event);
  }

  async allocate(request: AllocateRequest): Promise<AllocatedEndpoint> {
    this.refuseClosed();
    const near = request.near ?? request.session;
    const link = this.place(near);
    const id = `e${(++this.ids).toString(36)}`;
    try {
      const port = await this.bind(link, id, request);
      this.placed.set(id, { link, session: request.session, near, port });
      return { id, rtpPort: port, rtcpPort: port + 1 };
    } catch (err) {
      this.depart(near, link);
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

  /** The group's worker: the one it has, or the one with the fewest endpoints. Counts the endpoint as placed. */
  private place(near: string): WorkerLink {
    let home = this.groups.get(near);
    if (!home) {
      const link = this.simple?.homed.has(near) && this.simple.link.alive ? this.simple.link : this.fleet.leastLoaded;
      if (!link) throw new MediaError('worker-lost', 'no media worker is running; one is being started');
      home = { link, endpoints: 0 };
      this.groups.set(near, home);
    }
    home.endpoints++;
    home.link.endpoints++;
    return home.link;
  }

  private depart(near: string, link: WorkerLink): void {
    link.endpoints--;
    const home = this.groups.get(near);
    if (home?.link === link && --home.endpoints === 0) this.groups.delete(near);
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
    const home = this.rooms.get(room);
    if (home && home !== link && home.alive && (await home.request('roomStats', { room }).catch(() => undefined))) {
      throw new MediaError('other-session', `${id} was not allocated near the others of room ${room}`);
    }
    if (!home) this.forgetEmptyRooms();
    this.rooms.set(room, link);
    await link.request('join', { id, room, settings }).catch(refuse);
  }

  /** Rooms end in their worker without a word; here their names are dropped when no worker has them any more. */
  private forgetEmptyRooms(): void {
    if (this.rooms.size < this.lookForRoomsAt) return;
    this.lookForRoomsAt = Infinity; // one look at a time
    const kept = new Set(this.simple?.options.rooms.map(({ room }) => room)); // whose members come by themselves
    const looks = [...this.rooms].map(async ([room, link]) => {
      if (kept.has(room)) return;
      const stats = await link.request('roomStats', { room }).catch(() => undefined);
      if (!stats && this.rooms.get(room) === link) this.rooms.delete(room);
    });
    void Promise.all(looks).then(() => (this.lookForRoomsAt = Math.max(ROOMS_REMEMBERED, 2 * this.rooms.size)));
  }

  private linkOf(target: PlayTarget): WorkerLink | undefined {
    this.refuseClosed();
    return 'room' in target ? this.roomLink(target.room) : this.find(target.endpoint).link;
  }

  private roomLink(room: string): WorkerLink | undefined {
    const link = this.rooms.get(room);
    return link?.alive ? link : undefined;
  }

  async leave(id: string): Promise<void> {
    await this.find(id).link.request('leave', { id }).catch(refuse);
  }

  async play(target: PlayTarget, what: readonly Playable[], options: PlayOptions = {}): Promise<PlayEnd> {
    const link = this.linkOf(target);
    if (!link) return { why: 'released', playedMs: 0 };
    return link.request('play', { target, what, options }).catch((err: unknown) => {
      // it has ended, however sadly
      if (err instanceof MediaError && (err.code === 'worker-lost' || err.code === 'closed')) return { why: 'released', playedMs: 0, problem: err.message };
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
    if (this.recording.has(options.file)) throw new MediaError('file-exists', `${options.file} is being recorded to already`);
    this.recording.set(options.file, link);
    try {
      return await link.request('record', { target, options });
    } catch (err) {
      return await brokenOff(options.file, asMediaError(err));
    } finally {
      if (this.recording.get(options.file) === link) this.recording.delete(options.file);
    }
  }

  async stopRecording(file: string): Promise<void> {
    this.refuseClosed();
    await this.recording.get(file)?.request('stopRecording', { file }).catch(refuse);
  }

  async sendDigits(id: string, digits: string, options: { ms?: number } = {}): Promise<void> {
    if (!/^[0-9*#A-D]{1,64}$/.test(digits)) throw new MediaError('setting', `key presses are up to 64 of 0-9 * # A-D, not ${JSON.stringify(digits.slice(0, 80))}`);
    await this.find(id).link.request('sendDigits', { id, digits, ms: options.ms ?? 100 }).catch(refuse);
  }

  async detectTones(id: string, on: boolean): Promise<void> {
    await this.find(id).link.request('detectTones', { id, on }).catch(refuse);
  }

  async openSimple(options: SimpleOptions): Promise<number> {
    this.refuseClosed();
    const homed = new Set(options.rooms.map(({ near }) => near));
    const present = this.simple?.link.alive ? this.simple.link : undefined;
    const homes = new Set([...(present ? [present] : []), ...[...homed].flatMap((near) => this.groups.get(near)?.link ?? [])]);
    if (homes.size > 1) throw new MediaError('other-session', 'the rooms of the simple packet format have members already, in different workers; open its door before');
    const [link = this.fleet.leastLoaded] = homes;
    if (!link) throw new MediaError('worker-lost', 'no media worker is running; one is being started');
    const port = await link.request('openSimple', { options }).catch(refuse);
    this.simple = { link, options: { ...options, port }, homed };
    for (const { room } of options.rooms) this.rooms.set(room, link);
    return port;
  }

  async closeSimple(): Promise<void> {
    const { simple } = this;
    this.simple = undefined;
    if (simple?.link.alive) await simple.link.request('closeSimple', {}).catch(refuse);
  }

  async setSimple(id: string, settings: { muted: boolean } | null): Promise<boolean> {
    return this.simple?.link.alive ? this.simple.link.request('setSimple', { id, settings }).catch(refuse) : false;
  }

  async simpleStats(): Promise<SimpleGatewayStats | undefined> {
    return this.simple?.link.alive ? this.simple.link.request('simpleStats', {}).catch(refuse) : undefined;
  }

  /** Its worker died: the door opens again in the next one, at the same port. */
  private async reopenSimple(options: SimpleOptions): Promise<void> {
    while (!this.closed && this.simple?.options === options) {
      await new Promise((resolve) => setTimeout(resolve, REOPEN_MS).unref());
      try {
        await this.openSimple(options);
        return;
      } catch {
        // the port may still be held, or no worker be there yet
      }
    }
  }

  async roomStats(room: string): Promise<RoomStats | undefined> {
    this.refuseClosed();
    return this.roomLink(room)?.request('roomStats', { room }).catch(refuse);
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
      this.depart(placed.near, placed.link);
    }
    remember(this.finalStats, id, stats);
    return stats;
  }

  on<E extends keyof PlaneEvents>(event: E, listener: (event: PlaneEvents[E]) => void): void {
    this.listeners[event].push(listener);
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
      sessions: new Set([...this.placed.values()].map(({ session }) => session)).size,
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

/** Its worker died: what was written until then is there. @throws the problem, where nothing is */
async function brokenOff(file: string, problem: Error): Promise<RecordEnd> {
  if (!(problem instanceof MediaError && (problem.code === 'worker-lost' || problem.code === 'closed'))) throw problem;
  const measured = await measureRecording(file).catch(() => {
    throw problem;
  });
  return { why: 'failed', file, ...measured, problem: problem.message };
}

function checkAudio({ send, receive, telephoneEvent, comfortNoise }: AudioSetup): void {
  const types = [send?.payloadType, ...receive.map(({ payloadType }) => payloadType), telephoneEvent?.send?.payloadType, ...(telephoneEvent?.receive ?? []).map(({ payloadType }) => payloadType), comfortNoise?.send, comfortNoise?.receive];
  for (const type of types) if (type != null && !(Number.isInteger(type) && type >= 0 && type < 128)) throw new MediaError('setting', `payload types are 0 to 127, not ${type}`);
  for (const clock of [telephoneEvent?.send?.clockRate, ...(telephoneEvent?.receive ?? []).map(({ clockRate }) => clockRate)]) {
    if (clock !== undefined && !(clock >= 8000 && clock <= 192_000)) throw new MediaError('setting', `a telephone-event's clock is 8000 to 192000 Hz, not ${clock}`);
  }
  if (send && !(send.ptimeMs > 0 && send.ptimeMs <= LONGEST_PTIME_MS)) throw new MediaError('setting', `packets of ${send.ptimeMs} ms cannot be sent`);
}

function asMediaError(err: unknown): Error {
  if (!(err instanceof WorkerRefusal)) return err as Error;
  return new MediaError(isMediaErrorCode(err.code) ? err.code : 'system', err.message);
}

function refuse(err: unknown): never {
  throw asMediaError(err);
}

/** Keeps the newest; a Map gives its oldest first. */
function remember<T>(kept: Map<string, T>, id: string, value: T): void {
  kept.set(id, value);
  if (kept.size > REMEMBERED) kept.delete(kept.keys().next().value as string);
}
