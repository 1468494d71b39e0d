/**
 * Why a call was not connected, said instead of only shown: "the number you dialled…", as early media (the call is not answered, and costs
 * nothing), then the same refusal that the phone would have had at once.
 *
 * Off by default: most phones show the reason phrase, and a refusal that comes at once is easier on whoever redials, on scripts and on
 * trunks. For networks of plain telephones behind adapters, which show nothing, it is the only way to tell.
 */
import type { Feature } from '../feature';
import type { Cause } from '../reasons';

/** How "the number you dialled, one zero two" goes on; the other causes are faults and limits, or the caller knows already. */
const sentences: Partial<Record<Cause, string>> = {
  'unknown-number': 'is-not-in-service',
  'not-registered': 'cannot-be-reached',
  unreachable: 'cannot-be-reached',
  busy: 'is-busy',
  'busy-everywhere': 'is-busy',
  declined: 'is-busy',
  'do-not-disturb': 'is-busy',
  'forwarding-loop': 'cannot-be-reached',
  'no-answer': 'does-not-answer',
};

/** Once through the three tones that say that this is no person speaking (ITU-T E.180). */
const SIT_MS = 1200;
const TIMES = 2;
const BETWEEN_MS = 1500;

export interface AnnouncementDeps {
  /** Prompts that say a number digit by digit. */
  sayDigits: (number: string) => readonly string[];
}

export function announcements({ sayDigits }: AnnouncementDeps): Feature {
  return {
    name: 'announcement',
    numbers: [],
    unanswered({ refusal, dialled }) {
      const sentence = sentences[refusal.cause];
      if (sentence === undefined) return undefined;
      return async (call) => {
        // a caller that offered nothing cannot hear anything before the answer
        if (await call.early()) {
          await call.play([{ tone: 'sit', ms: SIT_MS }]);
          for (let said = 0; said < TIMES; said++) {
            await call.say(['the-number-you-dialled', ...sayDigits(dialled), sentence]);
            await call.pause(BETWEEN_MS);
          }
        }
        call.hangup(refusal);
      };
    },
  };
}
