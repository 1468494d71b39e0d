/**
 * Who may try a PIN: three wrong ones in a row close the mailbox to more for a minute, the next three for two, then four, up to a day. In
 * memory: a restart is nothing that somebody at a telephone can bring about.
 *
 * The own phone and the others count apart, so that nobody can shut an owner out by guessing from elsewhere; and a new PIN begins afresh.
 */
import type { Clock } from '../../../clock';

export const TRIES = 3;
const FIRST_MS = 60_000;
const LONGEST_MS = 86_400_000;
const MAX_REMEMBERED = 10_000;

interface Record {
  wrong: number;
  closedUntil: number;
}

export class Lockout {
  private readonly records = new Map<string, Record>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** Before a PIN is looked at, and counted as wrong until `right` says otherwise: guesses that come at once count one by one. False: not now. */
  attempt(key: string): boolean {
    if (this.isClosed(key)) return false;
    const record = this.records.get(key) ?? { wrong: 0, closedUntil: -Infinity };
    record.wrong++;
    if (record.wrong % TRIES === 0) record.closedUntil = this.clock.now() + Math.min(LONGEST_MS, FIRST_MS * 2 ** (record.wrong / TRIES - 1));
    this.records.delete(key);
    if (this.records.size >= MAX_REMEMBERED) this.records.delete(this.records.keys().next().value as string);
    this.records.set(key, record);
    return true;
  }

  right(key: string): void {
    this.records.delete(key);
  }

  isClosed(key: string): boolean {
    return (this.records.get(key)?.closedUntil ?? -Infinity) > this.clock.now();
  }
}
