/** What the media plane tells of calls: nobody is heard, a key was pressed, a worker is lost. */
import type { MediaPlane } from '../../media/plane';
import type { Call } from './call';
import type { CallContext } from './context';
import { guarded, hangup } from './hangup';
import { refuse } from './reasons';

/** `find`: a call that is not over, by its id, which is that of its session in the plane. */
export function heedMedia(ctx: CallContext, plane: Pick<MediaPlane, 'on'>, find: (id: string) => Call | undefined): void {
  plane.on('silent', ({ id, session, silentMs }) => {
    const call = find(session);
    if (call) silent(ctx, call, id, silentMs);
  });
  plane.on('digit', ({ id, session, digit }) => {
    const call = find(session);
    if (call) pressed(ctx, call, id, digit);
  });
  plane.on('worker-lost', ({ sessions }) => {
    for (const session of sessions) {
      const call = find(session);
      if (call) guarded(ctx, call, 'end', () => hangup(ctx, call, 'system', refuse('media-failed', '')));
    }
  });
}

function silent(ctx: CallContext, call: Call, id: string, silentMs: number): void {
  // whoever is transferred listens, and whoever transfers may be gone
  if (call.state !== 'up' || call.transfer) return;
  const { service } = call;
  if (service) {
    if (id === call.caller.endpoint?.id) guarded(ctx, call, 'silence', () => service.silent(silentMs));
    return;
  }
  ctx.counters.silent++;
  guarded(ctx, call, 'end', () => hangup(ctx, call, 'system', refuse('no-media', String(Math.round(silentMs / 1000)))));
}

/** Keys in a call between phones pass through the plane by themselves; this is for what they mean to us. */
function pressed(ctx: CallContext, call: Call, id: string, digit: string): void {
  const leg = [call.caller, call.callee].find((one) => one?.endpoint?.id === id);
  if (!leg) return;
  guarded(ctx, call, 'digit', () => {
    if (!call.service) ctx.onKey(call, leg, digit, 'media');
    else if (leg === call.caller) {
      ctx.onServiceKey(call, leg, digit);
      call.service.pressed(digit);
    }
  });
}
