/** What was opened is closed in the opposite order, each once, whatever the others do. */
export class Owned {
  private readonly closers: Array<{ name: string; close: () => Promise<void> | void }> = [];

  constructor(private readonly onError: (name: string, err: unknown) => void) {}

  own<T>(name: string, thing: T, close: (thing: T) => Promise<void> | void): T {
    this.closers.push({ name, close: () => close(thing) });
    return thing;
  }

  async close(): Promise<void> {
    for (let last = this.closers.pop(); last; last = this.closers.pop()) {
      try {
        await last.close();
      } catch (err) {
        this.onError(last.name, err);
      }
    }
  }
}
