/**
 * All that is set, in memory, for whoever routes calls: asked without waiting, read again when the store has changed. There are thousands at most.
 */
import type { Logger } from '../log';
import type { Items } from '../store/store';
import type { KindName, ValueOf } from './values';

export class SettingsCache {
  private byKind = new Map<string, Map<string, unknown>>();
  private readonly listeners: Array<() => unknown> = [];
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly items: Pick<Items, 'all'>,
    private readonly log: Logger,
  ) {}

  /** Before calls come. Errors: the store's. */
  async start(): Promise<void> {
    this.byKind = await this.read();
    await this.tell();
  }

  get<N extends KindName>(kind: N, key: string): ValueOf<N> | undefined {
    return this.byKind.get(kind)?.get(key) as ValueOf<N> | undefined;
  }

  /** In the order of their keys. */
  all<N extends KindName>(kind: N): readonly ValueOf<N>[] {
    return [...(this.byKind.get(kind)?.values() ?? [])] as ValueOf<N>[];
  }

  /** The store has changed. Never fails: all is as it was then. */
  reload(): Promise<void> {
    return (this.reading = this.reading.then(async () => {
      try {
        this.byKind = await this.read();
        await this.tell();
      } catch (err) {
        this.log.warn({ error: String(err) }, 'what is set could not be read again');
      }
    }));
  }

  /** `listener` hears when anything may be different, also at the start; whoever waits for the change waits for the promise it returns. */
  onChanged(listener: () => unknown): void {
    this.listeners.push(listener);
  }

  private async read(): Promise<Map<string, Map<string, unknown>>> {
    const byKind = new Map<string, Map<string, unknown>>();
    for (const { kind, key, value } of await this.items.all()) {
      const those = byKind.get(kind) ?? new Map<string, unknown>();
      byKind.set(kind, those.set(key, value));
    }
    return byKind;
  }

  private async tell(): Promise<void> {
    for (const listener of this.listeners) {
      try {
        await listener();
      } catch (err) {
        this.log.error({ error: String(err) }, 'a listener to settings failed');
      }
    }
  }
}
