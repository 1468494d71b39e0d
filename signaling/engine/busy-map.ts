/**
 * A Map for what comes and goes by the thousand while few are there at a time.
 *
 * V8's Map moves to a new table whenever its own is full of what was deleted: with few entries, every few insertions. The table left behind points to
 * the new one and still holds what was in it. Should one that was left behind be in the old generation, it keeps its successor alive
 * until the next full collection, that one the next, and so on: everything that was ever in such a Map grows old, however short its life. Measured
 * with 300 calls a second: 15 KB of every call, and a full collection, which holds up calls for 20 to 50 ms, every two seconds.
 * With a thousand entries that nobody asks for it moves a few hundred times less often.
 */
const FILLERS = 1_000;

export class BusyMap<V> {
  private readonly map = new Map<string | number, V | undefined>();

  constructor() {
    this.fill();
  }

  get size(): number {
    return this.map.size - FILLERS;
  }

  get(key: string): V | undefined {
    return this.map.get(key);
  }

  has(key: string): boolean {
    return this.map.has(key);
  }

  set(key: string, value: V): void {
    this.map.set(key, value);
  }

  delete(key: string): boolean {
    return this.map.delete(key);
  }

  clear(): void {
    this.map.clear();
    this.fill();
  }

  /** In the order in which they came; those that come meanwhile too. */
  *values(): IterableIterator<V> {
    for (const [key, value] of this.map) if (typeof key === 'string') yield value as V;
  }

  private fill(): void {
    for (let n = 0; n < FILLERS; n++) this.map.set(n, undefined);
  }
}
