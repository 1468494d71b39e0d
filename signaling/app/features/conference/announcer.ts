/**
 * What all in a room hear at once, above what they say: tones and names of those who come and go. One after the other, since the plane
 * plays one thing at a time to a room; when a crowd comes, what cannot be said in time is left out and counted.
 */
import type { MediaPlane, Playable } from '../../../../media/plane';
import type { ConferenceCounters } from './deps';

const MAX_WAITING = 4;

interface Announcement {
  what: readonly Playable[];
  after: (() => void) | undefined;
}

export class Announcer {
  private readonly waiting: Announcement[] = [];
  private playing = false;

  constructor(
    private readonly room: string,
    private readonly plane: Pick<MediaPlane, 'play'>,
    private readonly counters: ConferenceCounters,
  ) {}

  /** `after` runs when it has been heard, or will not be. Never fails. */
  say(what: readonly Playable[], after?: () => void): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.counters.announcementsDropped++;
      after?.();
      return;
    }
    this.waiting.push({ what, after });
    if (!this.playing) void this.play();
  }

  private async play(): Promise<void> {
    this.playing = true;
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      const end = await this.plane.play({ room: this.room }, next.what, { over: true }).catch(() => undefined);
      if (!end || end.why === 'failed') this.counters.announcementsFailed++;
      next.after?.();
    }
    this.playing = false;
  }
}
