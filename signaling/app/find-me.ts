/**
 * Somebody is looked for at other numbers, too: its own phones first, the others after their delays, or one after the other.
 *
 *   at once   own ├────────────────────────▶        in turn   own ├──────┤
 *             A     ├─────────┤                               A          ├────┤
 *             B           ├──────────────┤                    B               ├────┤
 */
import type { FindMe } from '../store/store';
import { inStages, type RingPlan, type Stage, type Way } from './ring-plan';

/** When nothing else is set: own phones that others follow do not ring for a minute. */
const OWN_SECONDS = 20;

/**
 * @param own phones, perhaps none
 * @param ownSeconds how long they ring; null: nothing is set
 * @param others the ways to each target, in the order of the targets; empty: it cannot be reached
 */
export function findMePlan({ order, targets }: FindMe, own: readonly Way[], ownSeconds: number | null, others: ReadonlyArray<readonly Way[]>): RingPlan {
  const lines = targets.map(({ delay, seconds }, i) => ({ from: delay, to: delay + seconds, seconds, ways: others[i] ?? [] }));
  if (order === 'in-turn') return inStages([{ ways: own, seconds: ownSeconds ?? OWN_SECONDS }, ...lines.map(({ ways, seconds }): Stage => ({ ways, seconds }))]);
  const last = Math.max(OWN_SECONDS, ...lines.map(({ to }) => to));
  const all = [{ from: 0, to: ownSeconds ?? last, ways: own }, ...lines];
  const times = [...new Set(all.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  return inStages(
    times.slice(0, -1).map((at, i): Stage => {
      const on = new Set(all.filter(({ from, to }) => from <= at && to > at).flatMap(({ ways }) => ways.map(({ callee }) => callee.number)));
      return { ways: all.flatMap(({ from, ways }) => (from === at ? ways : [])), seconds: (times[i + 1] as number) - at, keeps: ({ number }) => on.has(number) };
    }),
  );
}
