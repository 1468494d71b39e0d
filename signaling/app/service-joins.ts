/** A caller whom a service has, and another call: its phone is brought to the caller, or the caller is brought to whoever rings there. */
import type { Call } from './call';
import type { CallContext } from './context';
import { leftBy } from './displacing';
import { bring } from './joining';
import { refuse, type Cause } from './reasons';

/** Connects the caller with the phone that another service has in call `id`, which ends then. Resolves only when that failed; else the service is left. */
export function takePhoneOf(ctx: CallContext, call: Call, id: string): Promise<Cause> {
  const other = ctx.callOf(id);
  if (!other?.service || !other.caller.dialog || other.over) return Promise.resolve('hung-up');
  const { from, caller: leg, parkedBy } = other;
  return new Promise((resolve) => {
    const work = bring(ctx, call, { call: other, leg }, {
      left: () => {
        call.parkedBy = parkedBy;
        leftBy(ctx, other, 'callee', `${call.from.number} took the call of ${from.number}`, call.from.number);
      },
      failed: ({ cause }) => resolve(cause),
    });
    work.catch(() => resolve('failed'));
  });
}

/**
 * The caller answers call `id`, which rings somewhere else, in the place of whoever is called there; those phones stop ringing. The caller has to have been
 * answered. Resolves only when that failed; else its call with the service is over.
 */
export function answerRinging(ctx: CallContext, call: Call, id: string): Promise<Cause> {
  const ringing = ctx.callOf(id);
  if (ringing?.state !== 'ringing') return Promise.resolve('taken');
  return new Promise((resolve) => {
    const work = bring(ctx, ringing, { call, leg: call.caller }, {
      left: () => {
        ringing.pickedUpBy = call.from.number;
        leftBy(ctx, call, 'callee', `${call.from.number} took the call of ${ringing.from.number}`, ringing.from.number);
      },
      failed: ({ cause }) => resolve(cause),
    });
    work.catch(() => resolve('failed'));
    ringing.whenOver.push(() => resolve(refuse('taken', '').cause));
  });
}
