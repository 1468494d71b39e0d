/** `*80NUMBER`: the phone of that extension answers by itself, if it lets itself be spoken to like this (`autoAnswer`). */
import type { Feature } from '../feature';
import { refuse, type Cause } from '../reasons';

const CODE = /^\*80(\d{2,15})$/;
const TOLD_MS = 3000;

export interface IntercomDeps {
  /** Why that extension cannot be spoken to by this one; undefined: it can. */
  refusal(number: string, caller: string): Promise<Cause | undefined>;
  /** The id of that extension. */
  idOf(number: string, caller: string): string;
}

export const intercom = ({ refusal, idOf }: IntercomDeps): Feature => ({
  name: 'intercom',
  numbers: [
    {
      pattern: '*80NUMBER',
      meaning: 'its phone answers by itself, if it may be spoken to so (autoAnswer)',
      matches: (dialled) => {
        const [, number] = CODE.exec(dialled) ?? [];
        return number === undefined ? undefined : { number };
      },
    },
  ],
  async answer(call, { number = '' }) {
    const problem = await refusal(number, call.caller.number);
    // the call has cost nothing so far
    if (problem !== undefined) return call.hangup(refuse(problem, number));
    await call.answer();
    // its own phones, wherever its calls go otherwise: of others nobody has said that they may be made to answer
    let cause: Cause = 'unreachable';
    await call.transferTo({ any: [idOf(number, call.caller.number)] }, { autoAnswer: true, refused: (_number, why) => (cause = why) });
    await call.play([{ tone: (cause as Cause) === 'busy' ? 'busy' : 'reorder', ms: TOLD_MS }]);
    call.hangup(refuse(cause, number));
  },
});
