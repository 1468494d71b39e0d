/**
 * Who is in a call: whoever calls, talks, or is being rung. For extensions that take one call at a time, for groups that pass over the busy, and for
 * queues, which wait until somebody is free.
 */
import type { Call } from './call';

/** How many numbers are remembered with the time of their last conversation. */
const MAX_REMEMBERED = 20_000;

export class Engaged {
  /** Calls that the number has, or had, a part in: `isIn` knows whether it still has. */
  private readonly calls = new Map<string, Set<Call>>();
  private readonly talked = new Map<string, number>();
  private readonly listeners: Array<(number: string) => void> = [];

  enter(number: string, call: Call): void {
    const calls = this.calls.get(number);
    if (calls) calls.add(call);
    else this.calls.set(number, new Set([call]));
    call.parties.add(number);
  }

  /** The call is over. `now` on Clock.now(). */
  over(call: Call, now: number): void {
    const talked = call.answeredAt !== undefined;
    for (const number of call.parties) {
      const calls = this.calls.get(number);
      calls?.delete(call);
      if (calls?.size === 0) this.calls.delete(number);
      if (talked && (number === call.from.number || number === call.to.number)) this.remember(number, now);
    }
    for (const number of call.parties) for (const listener of this.listeners) listener(number);
  }

  /** The calls that it has or had a part in and that are not over, in the order they came. */
  callsOf(number: string): Iterable<Call> {
    return this.calls.get(number) ?? [];
  }

  /** In how many calls it is at the moment. */
  count(number: string): number {
    let count = 0;
    for (const call of this.calls.get(number) ?? []) if (isIn(call, number)) count++;
    return count;
  }

  /** When it last hung up after talking to somebody, on Clock.now(); undefined: not that it is known. */
  talkedUntil(number: string): number | undefined {
    return this.talked.get(number);
  }

  /** A call that it had a part in is over. The listener must not throw. */
  onOver(listener: (number: string) => void): void {
    this.listeners.push(listener);
  }

  private remember(number: string, now: number): void {
    // the newest last
    this.talked.delete(number);
    this.talked.set(number, now);
    if (this.talked.size > MAX_REMEMBERED) this.talked.delete(this.talked.keys().next().value as string);
  }
}

const isIn = ({ over, from, caller, callee, forks }: Call, number: string): boolean =>
  !over && ((from.number === number && !caller.over) || (callee?.party === number && !callee.over) || forks.some((fork) => fork.callee.number === number && fork.ended === undefined));
