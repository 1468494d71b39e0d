/** `user@host` → the connection a registration came over, so that a phone that cannot be dialled can be called (bounded, with expiry). */
import type { Clock } from '../../clock';
import type { ConnectionFlow } from './connection-flow';

interface Entry {
  flow: ConnectionFlow;
  expiresAt: number;
}

export class FlowTable {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly clock: Clock,
    private readonly limit: number,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /** A newer flow replaces the older; zero or less removes. False: the table is full of others that have not expired. */
  set(key: string, flow: ConnectionFlow, expiresMs: number): boolean {
    if (expiresMs <= 0) {
      this.entries.delete(key);
      return true;
    }
    if (!this.entries.has(key) && this.entries.size >= this.limit) {
      this.sweep();
      if (this.entries.size >= this.limit) return false;
    }
    const expiresAt = this.clock.now() + expiresMs;
    this.entries.set(key, { flow, expiresAt });
    flow.keepUntil = Math.max(flow.keepUntil, expiresAt);
    return true;
  }

  /** A flow that has closed is still returned until its entry expires: that the phone has gone is an answer too. */
  get(key: string): ConnectionFlow | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (entry.expiresAt > this.clock.now()) return entry.flow;
    this.entries.delete(key);
    return undefined;
  }

  sweep(): void {
    const now = this.clock.now();
    for (const [key, entry] of this.entries) if (entry.expiresAt <= now) this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
  }
}
