/** Two phones, whoever made them, in a call: each says its tone and hears the other's. */
import { hears, mark } from './ears';
import type { Phone } from './phone';

export interface Speaker {
  phone: Phone;
  /** Hz of what it says */
  tone: number;
}

/** Seconds of each other's tone that each must hear: short, since the suites make many calls. */
const SECONDS = 0.6;

/** One calls, the other answers, both are in the call. */
export async function connectCall(caller: Phone, number: string, callee: Phone): Promise<void> {
  await caller.dial(number);
  await callee.ringing();
  await callee.answer();
  await Promise.all([caller.inCall(), callee.inCall()]);
}

/** Each hears the other and not itself, from these points of their recordings on. */
export async function hearEachOther(one: Speaker, other: Speaker, options: { from?: [number, number]; waitMs?: number } = {}): Promise<void> {
  const [from, otherFrom] = options.from ?? [0, 0];
  const common = { seconds: SECONDS, ...(options.waitMs !== undefined && { waitMs: options.waitMs }) };
  await Promise.all([
    hears(one.phone, other.tone, { not: [one.tone], from, ...common }),
    hears(other.phone, one.tone, { not: [other.tone], from: otherFrom, ...common }),
  ]);
}

/** How far the recordings of both have come. */
export const marks = (one: Speaker, other: Speaker): [number, number] => [mark(one.phone), mark(other.phone)];

/** A whole call: `one` calls `number`, which is `other`'s; they hear each other; one of them hangs up, and both are through. */
export async function wholeCall(one: Speaker, number: string, other: Speaker, ends: 'caller' | 'callee' = 'caller'): Promise<void> {
  const from = marks(one, other);
  await connectCall(one.phone, number, other.phone);
  await hearEachOther(one, other, { from });
  await (ends === 'caller' ? one : other).phone.hangUp();
  await Promise.all([one.phone.ended(), other.phone.ended()]);
}
