/** Those whom datagrams came from of late, each with what is made for it once: the flow that all of its messages share. */
import type { Endpoint } from './types';

/** Then the table begins anew, and what came before the last time is let go of: whoever sends under forged addresses cannot fill it. */
const MOST = 4_096;

export class Sources<T> {
  private recent = new Map<string, Map<number, T>>();
  private before = new Map<string, Map<number, T>>();
  private count = 0;

  constructor(private readonly make: (source: Endpoint) => T) {}

  of({ address, port }: Endpoint): T {
    const known = this.recent.get(address)?.get(port);
    if (known !== undefined) return known;
    const one = this.before.get(address)?.get(port) ?? this.make({ address, port });
    if (this.count >= MOST) {
      this.before = this.recent;
      this.recent = new Map();
      this.count = 0;
    }
    this.count++;
    const ports = this.recent.get(address);
    if (ports) ports.set(port, one);
    else this.recent.set(address, new Map([[port, one]]));
    return one;
  }

  /** No more than twice `MOST`. */
  get size(): number {
    const of = (table: Map<string, Map<number, T>>): number => [...table.values()].reduce((sum, ports) => sum + ports.size, 0);
    return of(this.recent) + of(this.before);
  }
}
