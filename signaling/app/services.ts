/**
 * Calls and the features that have them: a feature's code runs here, and nothing it does reaches further than its own call.
 */
import { MediaError } from '../../media/plane';
import type { Call } from './call';
import type { CallContext } from './context';
import { CallOver, type Feature, type Handler, type Unanswered } from './feature';
import { hangup } from './hangup';
import { refuse } from './reasons';
import { ServedCall } from './service-call';

/** Gives `call` to a feature. Resolves when the feature has finished with it, which may be after the call's end. Never rejects. */
export async function serve(ctx: CallContext, call: Call, feature: Pick<Feature, 'name' | 'silence'>, handler: Handler): Promise<void> {
  const service = new ServedCall(ctx, call, feature);
  try {
    await handler(service);
    service.hangup();
  } catch (err) {
    if (err instanceof CallOver && service.over) return;
    if (err instanceof MediaError) {
      service.mediaFailed(err);
      return;
    }
    ctx.counters.faults++;
    ctx.log.error({ call: call.id, service: feature.name, error: err instanceof Error ? (err.stack ?? err.message) : String(err) }, 'fault in a service');
    if (!service.over) hangup(ctx, call, 'system', refuse('failed', ''));
  }
}

export interface Taker {
  feature: Feature;
  handler: Handler;
}

/** The first feature that wants a call which would be refused. Never rejects: a feature that fails is logged, and does not want it. */
export async function takerOf(ctx: CallContext, features: readonly Feature[], unanswered: Unanswered): Promise<Taker | undefined> {
  for (const feature of features) {
    try {
      const handler = await feature.unanswered?.(unanswered);
      if (handler) return { feature, handler };
    } catch (err) {
      ctx.counters.faults++;
      ctx.log.error({ service: feature.name, error: err instanceof Error ? (err.stack ?? err.message) : String(err) }, 'fault in a service that was offered a call');
    }
  }
  return undefined;
}
