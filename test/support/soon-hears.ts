/**
 * By ear where everything is in real time: on a machine that has more to do, a sound server, a recorder or a phone is held up for a tenth of a
 * second now and then, and what is heard just then is not whole. So it is listened to a few times in a row, and one of them must be right; what
 * stutters all the time fails as it would anywhere.
 */
import { hears, mark, type Listener } from './ears';

const TRIES = 5;

/** Waits for a second (or `seconds`) of this tone, from now on, in which nothing else is heard, and none of the others at all. Errors: those of the last try. */
export async function soonHears(listener: Listener, hz: number, options: { not: number[]; seconds?: number; waitMs?: number; settleMs?: number }): Promise<void> {
  const { settleMs = 500, ...rest } = options;
  for (let left = TRIES; ; left--) {
    try {
      return await hears(listener, hz, { ...rest, from: mark(listener) + settleMs / 1000 });
    } catch (err) {
      if (left === 1) throw err;
    }
  }
}
