/**
 * The door for programs that speak the simple packet format: open for the rooms that opted in, and for those only.
 *
 * A room whose members live in another worker cannot be opened to such clients while they are there (the plane says so): it is left out, and
 * tried again until they have gone.
 */
import { MediaError } from '../../../../media/plane';
import type { SimpleOptions } from '../../../../media/plane';
import type { Timer } from '../../../clock';
import { fitsSimpleFormat } from '../../../numbers';
import type { ConferenceDeps, RoomSettings, SimpleSettings } from './deps';

const AGAIN_MS = 2000;

export class SimpleDoor {
  /** 0 while it is shut. */
  port = 0;
  private open: ReadonlySet<string> = new Set();
  private wanted: readonly string[] = [];
  private working: Promise<void> | undefined;
  private again: Timer | undefined;
  private closed = false;

  constructor(
    private readonly settings: SimpleSettings,
    private readonly deps: Pick<ConferenceDeps, 'plane' | 'clock' | 'log'>,
  ) {}

  /** Rooms that clients can enter now. */
  get rooms(): string[] {
    return [...this.open];
  }

  /** Opens it, for these. Errors: MediaError 'setting' (the port is taken, a network is none), the first time only. */
  async start(rooms: readonly RoomSettings[]): Promise<void> {
    this.wanted = optedIn(rooms);
    this.port = await this.deps.plane.openSimple(this.options(this.wanted));
    this.open = new Set(this.wanted);
  }

  /** From now on these. Never fails: what cannot be done now is tried again. */
  update(rooms: readonly RoomSettings[]): Promise<void> {
    this.wanted = optedIn(rooms);
    return (this.working = (this.working ?? Promise.resolve()).then(() => this.follow()));
  }

  private async follow(): Promise<void> {
    const { wanted } = this;
    if (this.closed || (wanted.length === this.open.size && wanted.every((room) => this.open.has(room)))) return;
    if (await this.tried(wanted)) return;
    // those that are open already, and each of the others that can be had
    let good = wanted.filter((room) => this.open.has(room));
    await this.tried(good);
    for (const room of wanted) if (!good.includes(room) && (await this.tried([...good, room]))) good = [...good, room];
    this.again ??= this.deps.clock.after(AGAIN_MS, () => {
      this.again = undefined;
      this.working = (this.working ?? Promise.resolve()).then(() => this.follow());
    });
  }

  private async tried(rooms: readonly string[]): Promise<boolean> {
    if (this.closed) return false;
    try {
      await this.deps.plane.openSimple(this.options(rooms));
      this.open = new Set(rooms);
      return true;
    } catch (err) {
      if (!(err instanceof MediaError && err.code === 'other-session')) this.deps.log.warn({ error: String(err) }, 'the rooms of the simple packet format could not be changed');
      return false;
    }
  }

  private options(rooms: readonly string[]): SimpleOptions {
    const { address, port, allow, maxClients, maxPerRoom, maxPerSource, maxPacketsPerSecond, idleSeconds } = this.settings;
    return {
      address, port, allow, maxClients, maxPerRoom, maxPerSource, maxPacketsPerSecond,
      idleMs: idleSeconds * 1000,
      rooms: rooms.map((number) => ({ number: Number(number), room: number, near: `room:${number}` })),
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.again?.cancel();
    await this.working;
    await this.deps.plane.closeSimple().catch(() => undefined);
    this.port = 0;
  }
}

const optedIn = (rooms: readonly RoomSettings[]): string[] => rooms.filter(({ simple, number }) => simple && fitsSimpleFormat(number)).map(({ number }) => number);
