/**
 * A call in which nothing is heard any more: the far end may be gone without a word (a server that was killed, a machine without power). It is
 * asked, by a re-INVITE with what is agreed already, and the call ended when there is no answer.
 *
 *   silent ─60 s─► ask ─┬─ 2xx, or refused: somebody is there; asked again 60 s later
 *                       ├─ 481, 408: ended by the session · no answer within 40 s: `gone`
 *                       └─ cannot be sent: asked again 60 s later; the second time: `gone`
 *
 * While either side keeps the other one waiting silence means nothing. Where sound comes again, all is forgotten.
 */
import type { Clock, Timer } from './clock';
import { PhoneError } from './phone-types';

export interface SilenceSurroundings {
  clock: Clock;
  /** Whether silence means nothing just now: the call is held by either side. */
  excused(): boolean;
  /** Asks whether the far end is there. Errors: PhoneError, when it did not agree or could not be asked. */
  ask(): Promise<void>;
  gone(problem: string): void;
}

/** ms */
const askAfterMs = 60_000;
/** More than what a request of sip.js's waits for its answer (RFC 3261 §17.1.1.2: 32 s), which gives the better reason. */
const answerWithinMs = 40_000;

export class SilenceWatch {
  private timer: Timer | undefined;
  private silent = false;
  /** Times in a row that it could not be asked. */
  private unasked = 0;

  constructor(private readonly surroundings: SilenceSurroundings) {}

  /** As the media tells: nothing came for so long, ms; null: it comes again. */
  heard(silentMs: number | null): void {
    if (silentMs === null) return this.stop();
    if (this.silent) return;
    this.silent = true;
    this.later();
  }

  stop(): void {
    this.silent = false;
    this.unasked = 0;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private later(): void {
    this.timer = this.surroundings.clock.after(askAfterMs, () => {
      if (this.surroundings.excused()) this.later();
      else this.ask();
    });
  }

  private ask(): void {
    const { clock, ask, gone } = this.surroundings;
    const limit = clock.after(answerWithinMs, () => {
      this.stop();
      gone('nothing is heard of the far end any more, and it does not answer');
    });
    this.timer = limit;
    ask().then(
      () => this.answered(limit, true),
      (err: unknown) => this.answered(limit, !(err instanceof PhoneError) || (err.code !== 'not-connected' && err.status !== 408)),
    );
  }

  private answered(limit: Timer, there: boolean): void {
    // Sound came again, or the call has ended meanwhile.
    if (this.timer !== limit) return;
    limit.cancel();
    this.unasked = there ? 0 : this.unasked + 1;
    if (this.unasked < 2) return this.later();
    this.stop();
    this.surroundings.gone('nothing is heard of the far end any more, and there is no connection to ask whether it is there');
  }
}
