/** A worker's counters as rates, since they were last looked at. */
import type { PlaneLoad } from '../plane-types';
import type { WorkerCounters } from '../worker-protocol';

export class LoadMeter {
  private readonly samples = new WeakMap<object, { at: number; packets: number; busyMs: number }>();

  /** @param now milliseconds that never go back */
  constructor(private readonly now: () => number) {}

  /** Since this worker was looked at last; the first time everything is 0. */
  look(worker: object, counters: WorkerCounters): PlaneLoad['workers'][number] {
    const at = this.now();
    const before = this.samples.get(worker);
    this.samples.set(worker, { at, packets: counters.packets, busyMs: counters.busyMs ?? 0 });
    const span = before ? Math.max(1, at - before.at) : Infinity;
    return {
      ...counters,
      packetsPerSecond: ((counters.packets - (before?.packets ?? 0)) * 1000) / span,
      busy: counters.busyMs === null ? null : (counters.busyMs - (before?.busyMs ?? 0)) / span,
    };
  }
}
