/** The plane's workers: as many as were asked for, each replaced when it dies, none left when the plane closes. */
import type { CodecName } from './frame';
import { WorkerLink, WorkerRefusal, type LinkEvents, type SpawnWorker } from './worker-link';
import type { WorkerStart } from './worker-protocol';

const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 10_000;

export class WorkerFleet {
  /** Workers that died by themselves. */
  lost = 0;
  private readonly links: WorkerLink[] = [];
  private readonly restarts = new Set<NodeJS.Timeout>();
  private restartMs = 0;
  private found: { codecs: readonly CodecName[]; opusRecovers: boolean } = { codecs: [], opusRecovers: false };
  private closed: Promise<void> | undefined;

  constructor(
    private readonly spawn: SpawnWorker,
    private readonly workerStart: Omit<WorkerStart, 'ledger' | 'probe'>,
    /** Sockets that one worker may come to hold. */
    private readonly maxSockets: number,
    private readonly events: LinkEvents,
  ) {}

  /** Resolves when every worker is ready. @throws what the first that failed said; then `close` is to be called */
  async start(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.links.push(this.startOne(i));
    await Promise.all(this.links.map((link) => link.ready));
    const [first] = this.links;
    if (first) this.found = { codecs: first.codecs, opusRecovers: first.opusRecovers };
  }

  get alive(): WorkerLink[] {
    return this.links.filter((link) => link.alive);
  }

  /** Which codecs there are, as the first worker found when it started. */
  get abilities(): { codecs: readonly CodecName[]; opusRecovers: boolean } {
    return this.found;
  }

  /** The worker with the fewest endpoints. */
  get leastLoaded(): WorkerLink | undefined {
    return this.alive.reduce<WorkerLink | undefined>((best, link) => (best && best.endpoints <= link.endpoints ? best : link), undefined);
  }

  private startOne(index: number): WorkerLink {
    return new WorkerLink(this.spawn, { ...this.workerStart, probe: index === 0 }, `media-${index}`, this.maxSockets, {
      ...this.events,
      onLost: (link) => {
        this.lost++;
        this.restart(index);
        this.events.onLost(link);
      },
    });
  }

  /** At once the first time, more patiently when workers keep dying young. */
  private restart(index: number): void {
    if (this.closed) return;
    const timer = setTimeout(() => {
      this.restarts.delete(timer);
      const link = (this.links[index] = this.startOne(index));
      link.ready.then(
        () => (this.restartMs = 0),
        (err) => {
          if (err instanceof WorkerRefusal) this.restart(index); // any other end is an exit, which was told to onLost
        },
      );
    }, this.restartMs);
    this.restarts.add(timer);
    this.restartMs = Math.min(RESTART_MAX_MS, Math.max(RESTART_MIN_MS, this.restartMs * 2));
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.closed ??= Promise.all(this.links.map((link) => link.close())).then(() => undefined);
    for (const timer of this.restarts) clearTimeout(timer);
    this.restarts.clear();
    return this.closed;
  }
}
