/**
 * Who rings, and when: stages, one after the other. Whoever makes a plan knows the people; `ringing` carries it out and knows the phones.
 *
 *   stage 1  phones of 1002 ─ all have failed, or its time is over ─▶ stage 2  phones of 1003, perhaps while those of 1002 go on ─▶ … ─▶ nobody
 */
import type { Binding } from './binding';
import type { Callee } from './call';
import type { SipAnswer } from './dialogs';
import type { Cause } from './reasons';

/** A way out of the system: the phone is at the other end of a trunk. */
export interface Line {
  readonly trunk: string;
  readonly route: string;
  readonly proxy: string;
  /** Of the INVITE, besides what all have. */
  readonly headers: Record<string, string>;
  /** For requests inside the dialog. */
  readonly credentials: { username: string; password: string } | undefined;
  /** Before the INVITE. Why there can be none; undefined: it goes. */
  take(): Cause | undefined;
  /** Headers for the same INVITE once more; undefined: this challenge is not answered. */
  authorize(answer: SipAnswer): Record<string, string> | undefined;
  /** Every answer; 0: none came. */
  heard(status: number): void;
  /** The call is up. `used`: what it may cost is used up; it has to end. */
  answered(used: () => void): void;
  /** It has come to nothing, or has ended. */
  over(): void;
}

/** One phone, and whose it is. */
export interface Way {
  readonly callee: Callee;
  readonly binding: Binding;
  /** Undefined: a phone that is registered. */
  readonly line?: Line | undefined;
}

export interface Stage {
  readonly ways: readonly Way[];
  /** How long until the next one begins, unless all that ring have failed before; undefined: as long as phones ring (`call.ringSeconds`). */
  readonly seconds: number | undefined;
  /** Who of the stages before goes on ringing; default: nobody. */
  keeps?(callee: Callee): boolean;
}

export interface RingPlan {
  /** Asked when its time has come, so that it may depend on who is free then; undefined: that was all. */
  next(): Stage | undefined;
  /** Phones of one extension at once, and that is all: what one of them plays before it answers is heard. */
  readonly plain?: boolean;
  /** One phone at a time, each of which is heard before it answers. */
  readonly early?: boolean;
  /** Different people: who declines does so for itself. Otherwise for all, since it is one person's phones. */
  readonly people?: boolean;
  /** Before the caller's name on the phones that ring. */
  readonly prefix?: string | undefined;
  /** Who was passed over, and why. */
  readonly missed?: ReadonlyArray<{ number: string; cause: Cause }>;
}

/** The phones of one extension, all at once. */
export function phonesOf(callee: Callee, bindings: readonly Binding[]): RingPlan {
  let stage: Stage | undefined = { ways: waysTo(callee, bindings), seconds: callee.diversion?.ringSeconds ?? undefined };
  return {
    plain: true,
    next() {
      const first = stage;
      stage = undefined;
      return first;
    },
  };
}

export const waysTo = (callee: Callee, bindings: readonly Binding[]): Way[] => bindings.map((binding) => ({ callee, binding }));

/** The same, for no longer than this. */
export function inTime(plan: RingPlan, seconds: number): RingPlan {
  let left = seconds;
  return {
    ...plan,
    next() {
      const stage = left > 0 ? plan.next() : undefined;
      if (!stage) return undefined;
      const mine = Math.min(stage.seconds ?? left, left);
      left -= mine;
      return { ...stage, seconds: mine };
    },
  };
}

/** Stages that are known from the start. */
export function inStages(stages: readonly Stage[], more: Omit<RingPlan, 'next' | 'plain'> = {}): RingPlan {
  let i = 0;
  return { ...more, next: () => stages[i++] };
}
