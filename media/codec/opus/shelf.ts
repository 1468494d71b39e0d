/** Codecs that were closed, kept for the next of their kind: for libraries that give memory back late or never. */
export class Shelf<T> {
  private readonly idle = new Map<string, T[]>();

  /** One from the shelf, else a new one; and what puts it back. */
  take(kind: string, make: () => T): [T, () => void] {
    const shelf = this.idle.get(kind) ?? [];
    this.idle.set(kind, shelf);
    const one = shelf.pop() ?? make();
    return [one, () => void shelf.push(one)];
  }
}
