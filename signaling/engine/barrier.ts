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

/** Asks the loop at the other end of a message port; what is asked in one turn travels as one question. */
export class RemoteBarrier {
  private next = 1;
  private collecting: Array<() => void> = [];
  private readonly asked = new Map<number, Array<() => void>>();

  constructor(private readonly ask: (id: number) => void) {}

  readonly wait: Barrier = (read) => {
    if (this.collecting.push(read) > 1) return;
    queueMicrotask(() => {
      const id = this.next++;
      this.asked.set(id, this.collecting);
      this.collecting = [];
      this.ask(id);
    });
  };

  answered(id: number): void {
    const waiting = this.asked.get(id) ?? [];
    this.asked.delete(id);
    for (const read of waiting) read();
  }
}
