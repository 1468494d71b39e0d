/**
 * Knowing that an application has read what was written to it, without the protocol saying so: if the application lives in an event
 * loop we can talk to, everything that was in its socket before the question has been read, as a piece of work of its own, once that loop
 * has gone all the way round.
 *
 * `setImmediate` runs in the phase after polling. The first one may belong to a round whose polling began before the bytes were there;
 * the second one cannot.
 */
export type Barrier = (read: () => void) => void;

/** The application is in this very event loop (tests, programs that embed an engine without a thread). */
export const sameLoopBarrier: Barrier = (read) => {
  setImmediate(() => setImmediate(read));
};

/**
 * Asks the loop at the other end of a message port. One question is under way at a time, and what comes up meanwhile travels with the next one:
 * a question costs both threads as much as a SIP message does, and under load hundreds would be asked at once.
 */
export class RemoteBarrier {
  private id = 0;
  private underWay: Array<() => void> = [];
  private collecting: Array<() => void> = [];

  constructor(private readonly ask: (id: number) => void) {}

  readonly wait: Barrier = (read) => {
    this.collecting.push(read);
    if (this.underWay.length === 0) this.askNow();
  };

  answered(id: number): void {
    if (id !== this.id) return;
    try {
      for (const read of this.underWay) read();
    } finally {
      // Whatever one of them does, those that come after can ask.
      this.underWay = [];
      if (this.collecting.length > 0) this.askNow();
    }
  }

  private askNow(): void {
    this.underWay = this.collecting;
    this.collecting = [];
    this.ask(++this.id);
  }
}
