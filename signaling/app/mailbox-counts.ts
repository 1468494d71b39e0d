/**
 * How many messages the mailboxes hold, in memory: the lamps ask for it whenever a phone registers, and thousands do in a minute when
 * the power comes back. What is kept is read in one go, and holds only mailboxes that are not empty.
 *
 *   of(number) ─▶ kept? ─▶ yes: from memory     no: one question for all of them, or, after a change here, for this one
 *
 * Another process may write, too (`offhook`): then everything is forgotten, and read again when somebody asks.
 */
import type { Store } from '../store/store';

export interface Counts {
  new: number;
  saved: number;
}

export type CountedStore = Pick<Store['voicemail'], 'counts' | 'allCounts'>;

const none: Counts = Object.freeze({ new: 0, saved: 0 });

export class MailboxCounts {
  private kept: Map<string, Counts> | undefined;
  private reading: Promise<void> | undefined;
  /** Mailboxes that changed here since they were read; the number of the change tells whether another came while one was read. */
  private readonly stale = new Map<string, number>();
  private changes = 0;

  constructor(private readonly store: CountedStore) {}

  /** Errors: the store's. */
  async of(number: string): Promise<Counts> {
    while (!this.kept) await (this.reading ??= this.readAll());
    return this.stale.has(number) ? this.readOne(number, this.kept) : (this.kept.get(number) ?? none);
  }

  /** Messages of this mailbox came, went, or were heard. */
  changed(number: string): void {
    this.stale.set(number, ++this.changes);
  }

  /** Another process changed the store. */
  forget(): void {
    this.kept = undefined;
    this.reading = undefined;
  }

  private readAll(): Promise<void> {
    // what changes from here on may be in what is read, or not
    this.stale.clear();
    const reading: Promise<void> = this.store.allCounts().then(
      (all) => {
        if (this.reading === reading) this.kept = all;
      },
      (err: unknown) => {
        if (this.reading === reading) this.reading = undefined;
        throw err;
      },
    );
    return reading;
  }

  private async readOne(number: string, kept: Map<string, Counts>): Promise<Counts> {
    const change = this.stale.get(number);
    const counts = await this.store.counts(number);
    if (this.stale.get(number) === change && this.kept === kept) {
      this.stale.delete(number);
      if (counts.new + counts.saved > 0) kept.set(number, counts);
      else kept.delete(number);
    }
    return counts;
  }
}
