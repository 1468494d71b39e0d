/**
 * Where the door of the simple packet format is: in one worker, and in the next one, at the same port, when that dies. Its rooms live there, and
 * so does whoever is allocated near one of them.
 */
import type { SimpleEvent, SimpleOptions } from '../audio-types';
import { MediaError } from '../errors';
import type { SimpleGatewayStats } from '../net/simple-gateway';
import type { WorkerLink } from '../worker-link';
import { refuse } from './refusal';

const REOPEN_MS = 250;

export interface SimpleHomeDeps {
  /** Where a group's endpoints live; undefined: it has none. */
  homeOf(near: string): WorkerLink | undefined;
  leastLoaded(): WorkerLink | undefined;
  /** A room of the door's is in this worker. */
  placed(room: string, link: WorkerLink): void;
  tell(event: SimpleEvent): void;
  pause(ms: number): Promise<unknown>;
}

export class SimpleHome {
  private present: { link: WorkerLink; options: SimpleOptions; homed: ReadonlySet<string> } | undefined;
  /** Clients that are in, by id. */
  private readonly clients = new Map<string, SimpleEvent>();
  private ended = false;

  constructor(private readonly deps: SimpleHomeDeps) {}

  /** The worker that whoever is allocated near one of its rooms has to go to. */
  linkNear(near: string): WorkerLink | undefined {
    return this.present?.homed.has(near) ? this.link : undefined;
  }

  /** Names of its rooms, which are there while nobody is in. */
  get rooms(): ReadonlySet<string> {
    return new Set(this.present?.options.rooms.map(({ room }) => room));
  }

  /** @throws MediaError 'other-session' | 'worker-lost', or what the worker said. Resolves with the port. */
  async open(options: SimpleOptions): Promise<number> {
    const homed = new Set(options.rooms.map(({ near }) => near));
    const present = this.link;
    const homes = new Set([...(present ? [present] : []), ...[...homed].flatMap((near) => this.deps.homeOf(near) ?? [])]);
    if (homes.size > 1) throw new MediaError('other-session', 'the rooms of the simple packet format have members already, in different workers; open its door before');
    const [link = this.deps.leastLoaded()] = homes;
    if (!link) throw new MediaError('worker-lost', 'no media worker is running; one is being started');
    const port = await link.request('openSimple', { options }).catch(refuse);
    this.present = { link, options: { ...options, port }, homed };
    for (const { room } of options.rooms) this.deps.placed(room, link);
    return port;
  }

  async close(): Promise<void> {
    const { link } = this;
    this.present = undefined;
    await link?.request('closeSimple', {}).catch(refuse);
  }

  async set(id: string, settings: { muted: boolean } | null): Promise<boolean> {
    return (await this.link?.request('setSimple', { id, settings }).catch(refuse)) ?? false;
  }

  async stats(): Promise<SimpleGatewayStats | undefined> {
    return this.link?.request('simpleStats', {}).catch(refuse);
  }

  /** What a worker says of a client, on its way to whoever listens. */
  heard(event: SimpleEvent): void {
    if (event.kind === 'joined') this.clients.set(event.id, event);
    else this.clients.delete(event.id);
    this.deps.tell(event);
  }

  /** A worker is gone: if it was this one, its clients have left, and the door opens in another. */
  forget(gone: WorkerLink): void {
    if (this.present?.link !== gone) return;
    for (const client of [...this.clients.values()]) this.heard({ ...client, kind: 'left', why: 'worker-lost' });
    void this.reopen(this.present.options);
  }

  /** The plane was closed: nothing is opened any more. */
  end(): void {
    this.ended = true;
  }

  private get link(): WorkerLink | undefined {
    return this.present?.link.alive ? this.present.link : undefined;
  }

  private async reopen(options: SimpleOptions): Promise<void> {
    for (;;) {
      await this.deps.pause(REOPEN_MS);
      // Closed, or opened otherwise, in the meantime.
      if (this.ended || this.present?.options !== options) return;
      try {
        await this.open(options);
        return;
      } catch {
        // the port may still be held, or no worker be there yet
      }
    }
  }
}
