/**
 * Bringing a phone that is in another call into this one, as whom its caller talks to. Whatever was agreed before, the two are brought together here,
 * with new ports, and keys as `movedLeg` says: the phone by a re-INVITE, the caller as when any phone has answered.
 */
import { connectPhones } from './b2bua';
import type { Call } from './call';
import { allocate, mediaAddress, NoMedia, releaseLeg } from './call-media';
import type { CallContext } from './context';
import { extensionOf, type Found } from './displacing';
import { endDialog } from './dialogs';
import { cancelOthers, guarded } from './hangup';
import { movedLeg, offerTo, type Leg } from './leg';
import { move } from './moving';
import { causeOf, reasonHeader, refuse, type CallRefusal } from './reasons';
import { offerFor } from './ringing';
import { usable } from './service-session';

export interface Joining {
  /** The phone has agreed and is here: its former call has to be ended. */
  left(): void;
  /** It is not here; `call` is as it was before. */
  failed(refusal: CallRefusal): void;
}

/** `call` may be one that begins, that rings (whoever rings is told that it was answered elsewhere), or one that a service has. */
export async function bring(ctx: CallContext, call: Call, found: Found, on: Joining): Promise<void> {
  const { call: from, leg: old } = found;
  const before = call.state;
  const moved = movedLeg(old, 'callee', ctx.random, from.service !== undefined);
  const failed = (refusal: CallRefusal): void => {
    if (call.over) return;
    releaseLeg(ctx, call, moved);
    // nobody else took it meanwhile
    if (call.state === 'ringing' && before !== 'ringing') call.advance(before === 'up' ? 'return' : 'divert');
    on.failed(refusal);
  };
  try {
    await Promise.all([call.caller.endpoint ? undefined : allocate(ctx, call, call.caller), allocate(ctx, call, moved)]);
  } catch (err) {
    ctx.log.warn({ call: call.id, error: String(err) }, 'no media for a phone that is to be brought into a call');
    return failed(refuse(err instanceof NoMedia ? err.refusal : 'media-failed', call.from.number));
  }
  if (call.over) return;
  if (call.state !== before) return failed(refuse('taken', call.to.number));
  call.anchored = true;
  if (before !== 'ringing') call.advance('ring');
  const offer = offerTo(moved, mediaAddress(moved, undefined), offerFor(ctx, call, { leg: moved }));
  const to = extensionOf(from, old);
  move(ctx, {
    from, old, moved,
    offer: offer.text,
    to: call.from,
    wanted: () => call.state === 'ringing',
    came: (dialog, body) => {
      moved.dialog = dialog;
      call.known(moved, dialog.sip.callId);
      call.legs.answered(moved);
      on.left();
      guarded(ctx, call, 'answer to a re-INVITE', () => {
        const picked = usable(ctx, call, () => offer.read(body ?? ''));
        if (!picked) {
          void endDialog(dialog, reasonHeader(refuse('bad-answer', old.party)));
          return failed(refuse('bad-answer', old.party));
        }
        answered(ctx, call, moved, to);
        connectPhones(ctx, call, moved, { offer, picked });
      });
    },
    stays: (status) => {
      offer.refused();
      const cause = status === 481 ? 'hung-up' : status === 487 ? 'taken' : causeOf({ status, rang: true });
      failed(refuse(cause, cause === 'taken' ? call.to.number : old.party));
    },
  });
}

/** In the place of whoever rings, or of the service that has the caller. */
function answered(ctx: CallContext, call: Call, moved: Leg, to: Call['to']): void {
  call.ringTimer?.cancel();
  call.plan = undefined;
  call.advance('answer');
  call.plan = undefined;
  if (call.forks.length > 0) call.through = call.to.number;
  cancelOthers(ctx, call, moved);
  call.callee = moved;
  call.to = to;
  // one that has had no answer yet; of one who talks to it, `connectPhones` tells it
  if (call.invite) call.service?.putThrough();
}
