/** Something that is done again and again. */
import type { Clock, Timer } from './clock';

/** Does `work`, which never rejects, `ms` from now, and again so long after each time it has ended, until that is cancelled. */
export function every(clock: Clock, ms: number, work: () => unknown): Timer {
  let stopped = false;
  let timer: Timer;
  const run = async (): Promise<void> => {
    await work();
    if (!stopped) timer = clock.after(ms, () => void run());
  };
  timer = clock.after(ms, () => void run());
  return {
    cancel() {
      stopped = true;
      timer.cancel();
    },
  };
}
