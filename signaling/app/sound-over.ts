/** Sound for one or both of a call between two phones, above what they say to each other. */
import type { Playable } from '../../media/plane';
import type { Call } from './call';
import { aloud } from './call-media';
import type { CallContext } from './context';
import { mediaWork } from './hangup';
import type { Leg } from './leg';

/** `why`: one word, of which nothing else makes use meanwhile. Never rejects: what could not be played is counted and logged. */
export async function playOver(ctx: CallContext, call: Call, legs: ReadonlyArray<Leg | undefined>, what: readonly Playable[], why: string): Promise<void> {
  const failed = (problem: string | undefined): void => {
    if (call.over) return;
    ctx.counters.promptsFailed++;
    ctx.log.warn({ call: call.id, why, problem }, 'nothing could be played into a call');
  };
  const sounds = (on: boolean): void => mediaWork(ctx, call, aloud(ctx, call, why, on));
  sounds(true);
  const played = legs.flatMap((leg) => (leg?.endpoint ? [ctx.plane.play({ endpoint: leg.endpoint.id }, what, { over: true })] : []));
  try {
    for (const end of await Promise.all(played)) if (end.why === 'failed') failed(end.problem);
  } catch (err) {
    failed(String(err));
  }
  sounds(false);
}
