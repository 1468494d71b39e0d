/**
 * Which endpoint is where: its worker, its pair of ports, and the group it belongs to. All endpoints of a group live in one worker, so that
 * packets never cross threads; a group is a session, or whatever endpoints that are to meet were allocated `near`.
 *
 * What was released is remembered for a while with its last counters, what died with its worker as lost, so that both are refused by what
 * became of them.
 */
import { MediaError } from '../errors';
import { emptyStats, type EndpointStats } from '../net/endpoint';
import type { PortPool } from '../net/port-pool';
import type { AllocatedEndpoint, AllocateRequest } from '../plane-types';
import { WorkerRefusal, type WorkerLink } from '../worker-link';
import { asMediaError } from './refusal';

export interface Placed {
  readonly link: WorkerLink;
  readonly session: string;
  /** What decides about the worker. */
  readonly near: string;
  readonly port: number;
  released?: Promise<EndpointStats>;
}

/** How many ports that others hold are tried past before giving up. */
const TAKEN_TRIES = 16;
/** Released and lost endpoints that are remembered. */
const REMEMBERED = 256;

export class Placements {
  /** Ports that turned out to be taken by another program. */
  portsTaken = 0;
  private readonly placed = new Map<string, Placed>();
  private readonly groups = new Map<string, { link: WorkerLink; endpoints: number }>();
  private readonly finalStats = new Map<string, EndpointStats>();
  private readonly lost = new Map<string, true>();
  private ids = 0;

  /** @param choose the worker for a group that is in none yet; undefined: none is running */
  constructor(
    private readonly pool: PortPool,
    private readonly range: { portMin: number; portMax: number },
    private readonly choose: (near: string) => WorkerLink | undefined,
  ) {}

  get size(): number {
    return this.placed.size;
  }

  get sessions(): number {
    return new Set([...this.placed.values()].map(({ session }) => session)).size;
  }

  /** Also one that is being released. */
  has(id: string): boolean {
    return this.placed.has(id);
  }

  /** Where a group's endpoints live; undefined: it has none. */
  homeOf(near: string): WorkerLink | undefined {
    return this.groups.get(near)?.link;
  }

  /** @throws MediaError 'no-ports' | 'worker-lost', or what the worker said */
  async allocate(request: AllocateRequest): Promise<AllocatedEndpoint> {
    const near = request.near ?? request.session;
    const link = this.enter(near);
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
    const { portMin, portMax } = this.range;
    throw new MediaError('no-ports', `no free pair of media ports from ${portMin} to ${portMax} (${inUse} of ${size} in use, ${draining} draining); widen media.portMin to media.portMax`);
  }

  /** The group's worker: the one it has, or the one that is chosen for it. Counts the endpoint as placed. */
  private enter(near: string): WorkerLink {
    let home = this.groups.get(near);
    if (!home) {
      const link = this.choose(near);
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

  /** @throws MediaError 'unknown-endpoint' | 'worker-lost' */
  find(id: string): Placed {
    const placed = this.placed.get(id);
    if (placed && !placed.released) return placed;
    if (this.lost.has(id)) throw new MediaError('worker-lost', `the media worker that held ${id} ended`);
    throw new MediaError('unknown-endpoint', this.wasIssued(id) ? `endpoint ${id} was released` : `there is no endpoint ${id}`);
  }

  private wasIssued(id: string): boolean {
    const number = parseInt(id.slice(1), 36);
    return number > 0 && number <= this.ids && id === `e${number.toString(36)}`;
  }

  /** Its last counters; again: the same. @throws MediaError 'unknown-endpoint' for an id that was never given out */
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

  /** A worker is gone, and all that lived in it. Returns whose endpoints those were. */
  forget(gone: WorkerLink): string[] {
    const sessions = new Set<string>();
    for (const [id, { link, port, session }] of [...this.placed]) {
      if (link !== gone) continue;
      this.placed.delete(id);
      this.pool.release(port);
      remember(this.lost, id, true);
      sessions.add(session);
    }
    for (const [group, { link }] of [...this.groups]) if (link === gone) this.groups.delete(group);
    return [...sessions];
  }
}

/** Keeps the newest; a Map gives its oldest first. */
function remember<T>(kept: Map<string, T>, id: string, value: T): void {
  kept.set(id, value);
  if (kept.size > REMEMBERED) kept.delete(kept.keys().next().value as string);
}
