/**
 * Ring groups: from a group as it is set to a plan of who rings when. Members are looked up when the call comes, and whether one can be rung is looked at
 * when its turn has come.
 *
 *   all                        everybody who can be rung, at once
 *   in-turn, random, …         one after the other, and again from the beginning, until the time of the group is over
 */
import type { Random } from '../clock';
import type { ValueOf } from '../settings/values';
import { beside } from '../tenants';
import type { Callee } from './call';
import type { Engaged } from './engaged';
import { reach, type PeopleDeps } from './people';
import type { Cause } from './reasons';
import { inTime, type RingPlan, type Stage, type Way } from './ring-plan';
import { inOrder } from './turns';

export type GroupSettings = ValueOf<'group'>;

/** What is set of groups. */
export interface GroupBook {
  get(kind: 'group', number: string): GroupSettings | undefined;
}

export interface GroupsDeps extends PeopleDeps {
  book: GroupBook;
  engaged: Pick<Engaged, 'count' | 'talkedUntil'>;
  random: Random;
  /** Phones, or lines, of whoever is no extension of ours, or of where all calls of a member go: known for the whole call. */
  lookUp(caller: string, number: string, group: string): Promise<readonly Way[]>;
}

/** One who is to be called: its phones, or why it is not to ring now. */
interface Member {
  number: string;
  now(): readonly Way[] | Cause;
}

export class Groups {
  /** Who came first the last time, by group. */
  private readonly last = new Map<string, string>();

  constructor(private readonly deps: GroupsDeps) {}

  find(number: string): GroupSettings | undefined {
    return this.deps.book.get('group', number);
  }

  /** As somebody who is called, and sends calls on that nobody takes. */
  callee({ number, name, otherwise }: GroupSettings): Callee {
    const diversion = otherwise === null ? undefined : { always: null, busy: otherwise, noAnswer: otherwise, offline: otherwise, ringSeconds: null, doNotDisturb: false };
    return { number, name: name === '' ? null : name, media: 'anchored', srtp: 'off', recording: 'never', diversion };
  }

  /** Errors: those of the directory. */
  async plan(group: GroupSettings, caller: string): Promise<RingPlan> {
    const { number, strategy, seconds, memberSeconds, prefix } = group;
    const members = new Map((await Promise.all(group.members.map((one) => this.member(group, caller, beside(number, one))))).map((one) => [one.number, one]));
    const numbers = [...members.keys()];
    const order = inOrder(strategy, numbers, { random: this.deps.random, talkedUntil: (one) => this.deps.engaged.talkedUntil(one), last: this.last.get(number) });
    const missed: Array<{ number: string; cause: Cause }> = [];
    const waysTo = (one: string): readonly Way[] => {
      const ways = members.get(one)?.now() ?? 'unknown-number';
      if (typeof ways !== 'string') return ways;
      missed.push({ number: one, cause: ways });
      return [];
    };
    const plan = strategy === 'all' ? atOnce(order, waysTo) : oneByOne(order, waysTo, memberSeconds, (first) => void this.last.set(number, first));
    return inTime({ ...plan, people: true, prefix: prefix === '' ? undefined : `${prefix} `, missed }, seconds);
  }

  private async member({ number: group, skipBusy, followForwarding }: GroupSettings, caller: string, number: string): Promise<Member> {
    const extension = await this.deps.directory.find(number);
    if (number === caller) return { number, now: () => 'own-number' };
    const elsewhere = extension?.diversion?.always;
    if (extension && (elsewhere == null || !followForwarding)) return { number, now: () => reach(extension, this.deps, skipBusy) };
    const ways = await this.deps.lookUp(caller, elsewhere == null ? number : beside(number, elsewhere), group);
    return { number, now: () => (extension?.diversion?.doNotDisturb ? 'do-not-disturb' : ways.length === 0 ? 'unreachable' : ways) };
  }
}

function atOnce(order: readonly string[], waysTo: (number: string) => readonly Way[]): RingPlan {
  let done = false;
  return {
    next() {
      if (done) return undefined;
      done = true;
      return { ways: order.flatMap(waysTo), seconds: undefined };
    },
  };
}

/** Until there is a round in which nobody can be rung. `first` hears who began. */
function oneByOne(order: readonly string[], waysTo: (number: string) => readonly Way[], seconds: number, first: (number: string) => void): RingPlan {
  let at = 0;
  let begun = false;
  return {
    next(): Stage | undefined {
      for (let passed = 0; passed < order.length; passed++) {
        const number = order[at++ % order.length] as string;
        const ways = waysTo(number);
        if (ways.length === 0) continue;
        if (!begun) first(number);
        begun = true;
        return { ways, seconds };
      }
      return undefined;
    },
  };
}
