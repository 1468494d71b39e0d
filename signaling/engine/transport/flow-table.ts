/**
 * `user@host` → the connections a registration came over, so that a phone that cannot be dialled can be called (bounded, with expiry). There
 * may be several of one phone, each registered under a binding of its own (RFC 5626 §4.2: instance and reg-id).
 */
import type { Clock } from '../../clock';
import type { ConnectionFlow } from './connection-flow';
import type { TransportCounters } from './counters';

interface Entry {
  binding: string;
  flow: ConnectionFlow;
  expiresAt: number;
}

/** Flows under one key; the oldest makes room. RFC 5626 §4.2 has a phone open two. */
const MAX_PER_KEY = 8;

export class FlowTable {
  /** Newest last. */
  private readonly entries = new Map<string, readonly Entry[]>();
  private count = 0;

  constructor(
    private readonly clock: Clock,
    private readonly limit: number,
    private readonly counters: Pick<TransportCounters, 'flowsNotRemembered'>,
  ) {}

  get size(): number {
    return this.count;
  }

  /**
   * A newer flow replaces the older of the same binding.
   *
   * @param expiresMs zero or less removes
   * @param binding which of several under this key; empty: there is one
   * @returns false: the table is full of others that have not expired
   */
  set(key: string, flow: ConnectionFlow, expiresMs: number, binding = ''): boolean {
    const now = this.clock.now();
    const others = (this.entries.get(key) ?? []).filter((one) => one.binding !== binding && one.expiresAt > now);
    this.put(key, others);
    if (expiresMs <= 0) return true;
    if (this.count >= this.limit) {
      this.sweep();
      if (this.count >= this.limit) {
        this.counters.flowsNotRemembered++;
        return false;
      }
    }
    const expiresAt = now + expiresMs;
    this.put(key, [...others.slice(1 - MAX_PER_KEY), { binding, flow, expiresAt }]);
    flow.keepUntil = Math.max(flow.keepUntil, expiresAt);
    return true;
  }

  /**
   * The newest that is open. When all have closed the last one is still returned until its entry expires: that the phone has gone is an
   * answer too.
   *
   * @param preferred taken if it is among them and open
   */
  get(key: string, preferred?: unknown): ConnectionFlow | undefined {
    const entries = this.entries.get(key);
    if (!entries) return undefined;
    const now = this.clock.now();
    const valid = entries.filter((one) => one.expiresAt > now);
    if (valid.length < entries.length) this.put(key, valid);
    const flows = valid.map(({ flow }) => flow).reverse();
    const open = flows.filter((flow) => flow.open);
    return open.find((flow) => flow === preferred) ?? open[0] ?? flows[0];
  }

  sweep(): void {
    const now = this.clock.now();
    for (const [key, entries] of this.entries) this.put(key, entries.filter((one) => one.expiresAt > now));
  }

  clear(): void {
    this.entries.clear();
    this.count = 0;
  }

  private put(key: string, entries: readonly Entry[]): void {
    this.count += entries.length - (this.entries.get(key)?.length ?? 0);
    if (entries.length > 0) this.entries.set(key, entries);
    else this.entries.delete(key);
  }
}
