/**
 * Whether an application falls behind, for those who decide what it is asked to do. Two things tell:
 *
 *  - bytes that wait for it, in our memory (the kernel's buffers come first and do not show);
 *  - time it takes to read, where the application runs in a thread that tells (see barrier.ts): now and then a question travels behind
 *    the frames, and the answer comes when that thread has gone round.
 *
 * It is behind above a mark and not any more below half of it, so that it does not flicker.
 */
import type { Clock, Timer } from '../../clock';
import type { Barrier } from '../barrier';

export interface BacklogOptions {
  /** Bytes that make an application be behind. */
  behindBytes: number;
  /** Milliseconds of not reading that make an application be behind. */
  behindMs: number;
}

export const defaultBacklogOptions: BacklogOptions = { behindBytes: 1_048_576, behindMs: 500 };

/** No question sooner than this after the last. */
const ASK_EVERY_MS = 50;

export class Backlog {
  private tooMuch = false;
  private tooSlow = false;
  private asked: number | undefined;
  private lastLag = 0;
  private nextAsk = 0;
  private overdue: Timer | undefined;
  private closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly options: BacklogOptions,
    private readonly barrier: Barrier | undefined,
    /** Bytes that wait now. */
    private readonly waiting: () => number,
    /** Called when `behind` has changed. */
    private readonly changed: (behind: boolean) => void,
  ) {}

  get behind(): boolean {
    return this.tooMuch || this.tooSlow;
  }

  get bytes(): number {
    return this.waiting();
  }

  /** How long the application took to read when it was last asked, or has been taking. */
  get lagMs(): number {
    return this.asked === undefined ? this.lastLag : Math.max(this.lastLag, this.clock.now() - this.asked);
  }

  /** Something was written to the application, or waits to be. */
  grown(): void {
    if (this.closed) return;
    this.weigh();
    if (this.barrier && this.asked === undefined && this.clock.now() >= this.nextAsk) this.ask(this.barrier);
  }

  /** Something that waited has gone. */
  shrunk(): void {
    if (!this.closed) this.weigh();
  }

  close(): void {
    this.closed = true;
    this.overdue?.cancel();
  }

  private weigh(): void {
    const bytes = this.waiting();
    const { behindBytes } = this.options;
    this.become(this.tooMuch ? bytes > behindBytes / 2 : bytes > behindBytes, this.tooSlow);
  }

  private ask(barrier: Barrier): void {
    const asked = this.clock.now();
    this.asked = asked;
    this.overdue = this.clock.after(this.options.behindMs, () => this.become(this.tooMuch, true));
    barrier(() => {
      if (this.closed) return;
      this.overdue?.cancel();
      this.asked = undefined;
      this.nextAsk = this.clock.now() + ASK_EVERY_MS;
      this.lastLag = this.clock.now() - asked;
      const { behindMs } = this.options;
      this.become(this.tooMuch, this.tooSlow ? this.lastLag > behindMs / 2 : this.lastLag > behindMs);
      // Whoever is behind is asked on, or nobody would notice that it has caught up.
      if (this.tooSlow) this.ask(barrier);
    });
  }

  private become(tooMuch: boolean, tooSlow: boolean): void {
    const before = this.behind;
    this.tooMuch = tooMuch;
    this.tooSlow = tooSlow;
    if (this.behind !== before) this.changed(this.behind);
  }
}
