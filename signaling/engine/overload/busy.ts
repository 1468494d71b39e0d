/** How much of its time this thread's event loop has been at work. */
import { performance } from 'node:perf_hooks';

/** Each call gives the part since the call before, 0 to 1. */
export function eventLoopBusy(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
