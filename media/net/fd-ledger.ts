/**
 * Which file descriptors a worker thread opened by system calls. Node knows nothing of them, so when the thread dies nobody would
 * close them and their ports would stay taken until the process ends. The ledger lies in shared memory; whoever outlives the thread
 * closes what is left in it.
 */
import { closeSync } from 'node:fs';

/** Descriptor plus one by place; 0 is an empty place. */
export type SharedLedger = Int32Array;

export const sharedLedger = (places: number): SharedLedger => new Int32Array(new SharedArrayBuffer(places * 4));

export class FdLedger {
  private readonly empty: number[];

  constructor(private readonly shared: SharedLedger) {
    this.empty = Array.from({ length: shared.length }, (_, i) => shared.length - 1 - i);
  }

  /** The place taken, or -1 when the ledger is full. */
  add(fd: number): number {
    const place = this.empty.pop() ?? -1;
    if (place >= 0) Atomics.store(this.shared, place, fd + 1);
    return place;
  }

  /** Call before closing the descriptor: closed first, its number could be somebody else's when a crash leaves it in here. */
  remove(place: number): void {
    Atomics.store(this.shared, place, 0);
    this.empty.push(place);
  }
}

/** Closes what a dead thread left open. @returns how many */
export function closeLeftovers(shared: SharedLedger): number {
  let closed = 0;
  for (let place = 0; place < shared.length; place++) {
    const fd = Atomics.exchange(shared, place, 0) - 1;
    if (fd < 0) continue;
    try {
      closeSync(fd);
      closed++;
    } catch {
      // the thread got as far as closing it
    }
  }
  return closed;
}
