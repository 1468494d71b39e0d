/**
 * Taking calls that ring elsewhere: `**NUMBER` at that number, `*8` in one's own pickup groups. Whoever takes one is answered at once and then brought
 * into the call, so that nothing of what its INVITE offered or did not has to fit.
 */
import { exactly, type Feature } from '../feature';
import { refuse, type CallRefusal } from '../reasons';

type Found = { id: string } | { refusal: CallRefusal };

export interface PickupDeps {
  /** Calls that ring at this number, or in groups of this extension. Errors: the store's. */
  at(picker: string, number: string): Promise<Found>;
  inGroups(picker: string): Promise<Found>;
}

export const pickup = (deps: PickupDeps): Feature => ({
  name: 'pickup',
  numbers: [
    { pattern: '**NUMBER', meaning: 'takes the call that rings there', matches: (dialled) => (/^\*\*[0-9]{2,15}$/.test(dialled) ? { number: dialled.slice(2) } : undefined) },
    exactly('*8', 'takes a call that rings in your pickup group'),
  ],
  async answer(call, { number }) {
    const { number: picker } = call.caller;
    const found = number === undefined ? await deps.inGroups(picker) : await deps.at(picker, number);
    if ('refusal' in found) return call.hangup(found.refusal);
    const cause = await call.pickUp(found.id);
    await call.play([{ tone: 'reorder', ms: 2000 }]);
    call.hangup(refuse(cause, number ?? picker));
  },
});
