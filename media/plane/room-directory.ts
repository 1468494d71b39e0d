/** Which worker a room is in. Rooms begin with the first who joins and end in their worker without a word; here only names are kept. */
import { MediaError } from '../errors';
import type { WorkerLink } from '../worker-link';

/** Names above which it is looked which of them are still there. */
const REMEMBERED = 1024;

export class RoomDirectory {
  /** By the last member who joined it. */
  private readonly rooms = new Map<string, WorkerLink>();
  private lookAt = REMEMBERED;

  /** @param kept rooms whose members come by themselves, so that they are there while nobody is in */
  constructor(private readonly kept: () => ReadonlySet<string>) {}

  get size(): number {
    return this.rooms.size;
  }

  /** undefined: there is none of that name, as far as is known. */
  linkOf(room: string): WorkerLink | undefined {
    const link = this.rooms.get(room);
    return link?.alive ? link : undefined;
  }

  /**
   * Somebody who lives in `link` is about to join. A promise only where another worker has to be asked: commands are to keep their order.
   * Rejects with MediaError 'other-session' while the room is there.
   */
  enter(room: string, link: WorkerLink, id: string): Promise<void> | undefined {
    const home = this.rooms.get(room);
    if (home && home !== link && home.alive) return this.move(room, home, link, id);
    if (!home) this.forgetEmpty();
    this.rooms.set(room, link);
    return undefined;
  }

  private async move(room: string, home: WorkerLink, link: WorkerLink, id: string): Promise<void> {
    const stats = await home.request('roomStats', { room }).catch(() => undefined);
    if (stats) throw new MediaError('other-session', `${id} was not allocated near the others of room ${room}`);
    this.rooms.set(room, link);
  }

  /** It is there whoever joins it. */
  set(room: string, link: WorkerLink): void {
    this.rooms.set(room, link);
  }

  forget(gone: WorkerLink): void {
    for (const [room, link] of [...this.rooms]) if (link === gone) this.rooms.delete(room);
  }

  /** Names are dropped when no worker has such a room any more. */
  private forgetEmpty(): void {
    if (this.rooms.size < this.lookAt) return;
    this.lookAt = Infinity; // one look at a time
    const kept = this.kept();
    const looks = [...this.rooms].map(async ([room, link]) => {
      if (kept.has(room)) return;
      const stats = await link.request('roomStats', { room }).catch(() => undefined);
      if (!stats && this.rooms.get(room) === link) this.rooms.delete(room);
    });
    void Promise.all(looks).then(() => (this.lookAt = Math.max(REMEMBERED, 2 * this.rooms.size)));
  }
}
