/**
 * Voicemail: what callers of somebody who does not answer may leave, and `*97` and `*98`, where it is heard.
 *
 *   busy, no answer, offline, declined ─▶ greeting ─▶ tone ─▶ record ─▶ # : keep, listen, again
 *   *97  own mailbox         ─▶ PIN, if there is one ─▶ menu
 *   *98  any other           ─▶ number ─▶ PIN        ─▶ menu
 */
import { exactly, type Feature } from '../feature';
import type { Cause } from '../reasons';
import { leave } from './voicemail/leave';
import { Lockout } from './voicemail/lockout';
import { admitOther, admitOwn } from './voicemail/login';
import { menu } from './voicemail/menu';
import { BREATH_MS, type VoicemailDeps } from './voicemail/vocabulary';

export type { VoicemailDeps } from './voicemail/vocabulary';

/** Why somebody could not be spoken to; limits and faults of ours are not among them, nor is a number that nobody has. */
const reasons: ReadonlySet<Cause> = new Set<Cause>(['busy', 'busy-everywhere', 'do-not-disturb', 'forwarding-loop', 'no-answer', 'not-registered', 'unreachable', 'declined', 'refused']);

export function voicemail(deps: VoicemailDeps): Feature {
  const lockout = new Lockout(deps.clock);
  return {
    name: 'voicemail',
    // one may listen for as long as messages last, muted
    silence: 'asks',
    numbers: [exactly('*97', 'your mailbox', { args: { whose: 'own' } }), exactly('*98', 'any mailbox that has a PIN', { args: { whose: 'any' } })],

    async answer(call, { whose }) {
      await call.answer();
      await call.pause(BREATH_MS);
      const box = whose === 'own' ? await admitOwn(call, deps, lockout) : await admitOther(call, deps, lockout);
      if (box) await menu(call, deps, box);
      await call.say(['goodbye']);
    },

    async unanswered({ callee, refusal }) {
      if (!deps.takesCalls || !callee || !reasons.has(refusal.cause)) return undefined;
      const box = await deps.boxes.find(callee.number);
      if (!box?.enabled) return undefined;
      const talking = refusal.cause === 'busy' || refusal.cause === 'busy-everywhere';
      return (call) => leave(call, deps, box, talking ? 'is-on-another-call' : 'is-not-available');
    },
  };
}
