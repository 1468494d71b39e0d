/** Events on their way to a webhook. */

export interface Delivery {
  /** The name of the webhook. */
  hook: string;
  /** The id of the event. */
  event: number;
  type: string;
  /** What is sent: JSON. */
  body: string;
  /** `dead`: given up. */
  state: 'waiting' | 'dead';
  tries: number;
  /** Unix milliseconds. */
  createdAt: number;
  /** When it was given up; null: it waits. */
  endedAt: number | null;
  /** What went wrong last, in words. */
  problem: string | null;
}

export interface Deliveries {
  /** Removes, then adds or puts in the place of what is there by webhook and event; all or nothing. */
  write(puts: readonly Delivery[], removes: ReadonlyArray<{ hook: string; event: number }>): Promise<void>;
  /** Those of which there is anything. */
  hooks(): Promise<string[]>;
  /** The oldest first, after this event. */
  list(which: { hook: string; state: Delivery['state']; after?: number | undefined; limit: number }): Promise<Delivery[]>;
  /** All of that webhook. */
  forget(hook: string): Promise<void>;
  /** Dead ones that ended before, and of each webhook all but the newest `most`. */
  sweep(before: number, most: number): Promise<void>;
}
