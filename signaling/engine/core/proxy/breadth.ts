/**
 * Into how many branches a request may fork at one time, here and behind us together (RFC 5393 §5). Without that bound a request that a
 * few servers fork to one another makes 2^n of itself. Each branch gets a part, and what a branch had is free again when it has ended.
 */
import { parseDigits } from '../../wire/chars';
import type { SipRequest } from '../../wire/message';

export const MAX_BREADTH = 'Max-Breadth';

/** @param most of what we let a sender ask for, and what a sender that says nothing has (§5.3.3: 60). NaN: the header is no number. */
export function breadthOf(request: SipRequest, most: number): number {
  const given = request.headers.get(MAX_BREADTH);
  if (given === undefined) return most;
  return Math.min(parseDigits(given, Number.MAX_SAFE_INTEGER) ?? Number.NaN, most);
}

export class Breadth {
  constructor(private left: number) {}

  get free(): number {
    return this.left;
  }

  /** The part of one branch, where that many want one: none gets more than one above another. */
  take(wanting: number): number {
    const part = Math.ceil(this.left / wanting);
    this.left -= part;
    return part;
  }

  giveBack(part: number): void {
    this.left += part;
  }
}
