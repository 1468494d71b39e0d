/**
 * Paging groups: who dials one speaks through the loudspeakers of all its members.
 *
 *   caller ─▶ room of this page ◀── each member's phone, called by us, which answers by itself and is muted (or not: talk-back)
 */
import type { OriginateOptions, Originated } from '../originate';
import type { Feature, Handler, ServiceCall } from '../feature';
import { refuse } from '../reasons';

const TOLD_MS = 3000;

export interface PagingSettings {
  readonly name: string;
  readonly members: readonly string[];
  readonly talkBack: boolean;
  readonly skipBusy: boolean;
  readonly beep: boolean;
  readonly seconds: number;
  readonly callers: readonly string[];
}

export interface PagingDeps {
  find(number: string): PagingSettings | undefined;
  /** As the members are set: the id of one beside the group. */
  idOf(member: string, group: string): string;
  isBusy(number: string): boolean;
  originate(number: string, handler: Handler, options: OriginateOptions): Promise<Originated>;
}

export const paging = (deps: PagingDeps): Feature => ({
  name: 'paging',
  // one may listen for as long as somebody speaks
  silence: 'asks',
  numbers: [{ pattern: 'a paging group', meaning: 'you speak through the loudspeakers of its members', matches: (_number, id) => (deps.find(id) ? { group: id } : undefined), room: placeOf }],
  async answer(call, { group = '' }) {
    const page = deps.find(group);
    // removed in this very moment
    if (!page) return call.hangup(refuse('unknown-number', group));
    if (page.callers.length > 0 && !page.callers.some((one) => deps.idOf(one, group) === call.caller.number)) return call.hangup(refuse('refused', group));
    await call.answer();
    await call.join(roomOf(call));
    const there = await ring(call, page, group, deps);
    if (there) await call.ended;
    await call.leave();
    await call.play([{ tone: 'busy', ms: TOLD_MS }]);
  },
});

/** All pages of a group are near each other; each is a room of its own. */
const placeOf = ({ group = '' }: Readonly<Record<string, string>>): string => `page:${group}`;
const roomOf = (call: ServiceCall): string => `page:${call.id}`;

/** True when the first has answered; false: nobody has, or can. Those who answer later hear the rest. */
async function ring(call: ServiceCall, page: PagingSettings, group: string, deps: PagingDeps): Promise<boolean> {
  const numbers = page.members.map((member) => deps.idOf(member, group)).filter((number) => number !== call.caller.number && !(page.skipBusy && deps.isBusy(number)));
  const options: OriginateOptions = {
    service: 'paging',
    by: call.caller.number,
    shows: { number: call.caller.number, name: page.name === '' ? call.caller.name : page.name },
    autoAnswer: true,
    near: `room:${placeOf({ group })}`,
    ringSeconds: page.seconds,
    silence: 'asks',
    // they are hung up on with the caller
    signal: call.signal,
  };
  const member: Handler = async (one) => {
    if (page.beep) await one.play([{ tone: 'beep' }]);
    await one.join(roomOf(call), { muted: !page.talkBack });
    await one.ended;
  };
  const answers = numbers.map(async (number) => {
    const { answered } = await deps.originate(number, member, options);
    const refusal = await answered;
    if (refusal) throw new Error(refusal.reason);
  });
  const there = await Promise.any(answers).then(() => true, () => false);
  if (there && page.beep && !call.signal.aborted) await call.play([{ tone: 'beep' }], { over: true });
  return there;
}
