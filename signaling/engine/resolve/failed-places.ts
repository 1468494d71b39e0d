/**
 * Places that failed of late are tried after the others (RFC 3263 §4.3): a call does not wait for a server that was dead a moment ago, and one
 * that has said when it can be asked again (Retry-After, RFC 3261 §21.5.4) is left alone until then.
 */
import type { Clock } from '../../clock';
import type { Place } from './places';

const REMEMBER_MS = 60_000;
/** Whatever a server says: it may be another one tomorrow. */
const LONGEST_MS = 3_600_000;
const MAX_REMEMBERED = 1_000;

export class FailedPlaces {
  private readonly until = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  add(place: Place, ms = REMEMBER_MS): void {
    this.until.delete(key(place));
    if (this.until.size >= MAX_REMEMBERED) this.until.delete(this.until.keys().next().value as string);
    this.until.set(key(place), this.clock.now() + Math.min(ms, LONGEST_MS));
  }

  remove(place: Place): void {
    this.until.delete(key(place));
  }

  /** The same places in the same order, those that failed last. */
  inOrder(places: readonly Place[]): Place[] {
    if (this.until.size === 0) return [...places];
    return [...places].sort((a, b) => Number(this.has(a)) - Number(this.has(b)));
  }

  private has(place: Place): boolean {
    return (this.until.get(key(place)) ?? 0) > this.clock.now();
  }
}

const key = ({ protocol, address, port }: Place): string => `${protocol} ${address} ${port}`;
