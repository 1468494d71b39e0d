/**
 * Taking a phone out of one call into another: a re-INVITE in its dialog with what it is to do there. Until it has agreed it is in the former
 * call, with all that belongs to it; when it refuses, it stays there.
 *
 *   call 1:  transferor ⇄ phone ───── re-INVITE, offer of call 2 ─────▶ phone
 *   call 2:               phone ◀──── 200, answer ───────────────────── phone       its dialog is call 2's from now on
 */
import { abilities } from './abilities';
import type { Call, Callee } from './call';
import { releaseLeg } from './call-media';
import type { CallContext } from './context';
import { sendInDialog, type Dialog } from './dialogs';
import { guarded, hangup } from './hangup';
import type { Leg } from './leg';
import { contact, tellOther } from './negotiation';
import { refuse } from './reasons';
import { describeAnew } from './service-session';
import { nameAddr } from './text';

/** Another change of its session goes first: how often, and for how long each time, that is waited for. */
const QUIET_MS = 100;
const QUIET_TRIES = 50;
/** RFC 3261 §14.1 */
const GLARE_MS = 1100;
const GLARE_TRIES = 4;

export interface Moving {
  /** Where it is, and as which leg. */
  from: Call;
  old: Leg;
  /** Its leg to be (`movedLeg`), in whose name the offer was written. */
  moved: Leg;
  offer: string;
  /** Who is there: asserted (RFC 3325), for the phone to show; it is registered here, and has our word for it. */
  to: Callee;
  /** Asked when it has agreed: whether there still is a call for it. */
  wanted(): boolean;
  /** It has agreed. The dialog is nobody's until somebody listens to it. */
  came(dialog: Dialog, answer: string | undefined): void;
  /** It has refused (`status`), is gone (481), or was not wanted any more (487). Takes the offer back. */
  stays(status: number): void;
}

export function move(ctx: CallContext, moving: Moving): void {
  whenQuiet(ctx, moving, QUIET_TRIES, () => ask(ctx, moving, GLARE_TRIES));
}

function whenQuiet(ctx: CallContext, moving: Moving, tries: number, then: () => void): void {
  const { from, old } = moving;
  if (from.over || !old.dialog) return stays(moving, 481);
  if (!moving.wanted()) return stays(moving, 487);
  if (from.negotiating === undefined && !old.awaited && from.state === 'up') return then();
  if (tries === 0) return stays(moving, 491);
  // not among the timers of the call, which end with it: whoever waits is told
  ctx.clock.after(QUIET_MS, () => guarded(ctx, from, 'move', () => whenQuiet(ctx, moving, tries - 1, then)));
}

function ask(ctx: CallContext, moving: Moving, tries: number): void {
  const { from, old, offer, to } = moving;
  const { dialog } = old;
  if (!dialog) throw new Error('a phone without a dialog cannot be moved');
  // kept until the former call ends, or the phone stays in it
  from.negotiating = old.side;
  const headers = { ...abilities, ...contact(old), 'P-Asserted-Identity': nameAddr(to), 'Content-Type': 'application/sdp' };
  sendInDialog(dialog, { method: 'INVITE', headers, body: offer }, (status, answer, problem) =>
    guarded(ctx, from, 'answer to a re-INVITE', () => {
      if (from.over) return stays(moving, 481);
      if (status === 491 && tries > 0) {
        from.negotiating = undefined;
        ctx.clock.after(GLARE_MS, () => guarded(ctx, from, 'move', () => whenQuiet(ctx, moving, QUIET_TRIES, () => ask(ctx, moving, tries - 1))));
        return;
      }
      if (status === 0 || status === 481) {
        ctx.log.warn({ call: from.id, phone: old.party, problem }, 'a phone has lost its call');
        hangup(ctx, from, 'system', refuse('lost-dialog', old.party));
        return stays(moving, 481);
      }
      from.negotiating = status >= 300 ? undefined : from.negotiating;
      if (status >= 300) {
        ctx.counters.refusedChanges++;
        return stays(moving, status);
      }
      if (!moving.wanted()) {
        stays(moving, 487);
        restore(ctx, from, old);
        return;
      }
      old.over = true;
      old.dialog = undefined;
      // nothing of the former call is heard in the new one
      releaseLeg(ctx, from, old);
      moving.came(dialog, answer?.body);
    }),
  );
}

function stays(moving: Moving, status: number): void {
  moving.stays(status);
  // the numbering of our descriptions goes on
  moving.old.local = moving.moved.local;
}

/** It has agreed to go where there is no call any more: it is told again how things are here, and who is, after it was told of another. */
function restore(ctx: CallContext, from: Call, old: Leg): void {
  from.negotiating = undefined;
  // what it had from us before is behind it: the same again needs a number of its own
  const { current: _past, ...local } = old.local;
  old.local = local;
  const other = from.other(old);
  if (from.over) return;
  if (from.service) describeAnew(ctx, from);
  else if (other) tellOther(ctx, from, other, { 'P-Asserted-Identity': nameAddr(other.side === 'caller' ? from.from : from.to) });
}
