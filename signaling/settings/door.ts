/**
 * The door through which all settings go into the store: whole or not at all, and what is refused is named by its field.
 *
 *   value ─▶ secrets as they are kept ─▶ ┌ write.ts, or nothing ┐ ─▶ whoever has to know
 *                                         one transaction
 */
import type { Clock, Random } from '../clock';
import { OffhookError } from '../errors';
import type { Page, Store, StoreParts } from '../store/store';
import { etagOf } from './etag';
import type { AnyKind, KeepingContext, Value } from './kind';
import { mergePatch } from './merge';
import { SettingsError } from './problems';
import { withSecrets } from './secrets';
import { checkConditions, type Conditions, erase, isRecord, parse, read, readAll, write } from './write';

export interface Stored {
  key: string;
  /** Secrets included: what is shown is the business of whoever shows it (`withoutSecrets`). */
  value: Value;
  etag: string;
  /** Secrets that were made up, to be shown once. */
  made?: Value | undefined;
}

export interface DoorOptions {
  clock: Pick<Clock, 'wall'>;
  random: Random;
  /** What passwords are made for where the store does not say. */
  realm: string;
  /** Waited for after every change that was made. */
  written?: () => Promise<void> | void;
  /** Files of what was removed; waited for. */
  removed?: (kind: AnyKind, key: string) => Promise<void> | void;
}

export class SettingsDoor {
  constructor(
    private readonly store: Store,
    readonly kinds: readonly AnyKind[],
    private readonly options: DoorOptions,
  ) {}

  async list(kind: AnyKind, page: Page = {}): Promise<Stored[]> {
    return (await readAll(this.store, kind, page)).map((value) => stored(kind, value));
  }

  async get(kind: AnyKind, key: string): Promise<Stored | undefined> {
    const value = await read(this.store, kind, key);
    return value && stored(kind, value);
  }

  /**
   * Adds one, or puts it in the place of the one with this key. Secrets that are left out stay as they were.
   * Errors: `SettingsError`; `settings.changed` (412) when the conditions do not hold.
   */
  put(kind: AnyKind, key: string, value: unknown, conditions: Conditions = {}): Promise<{ stored: Stored; created: boolean }> {
    return this.edit(kind, key, value, (before, given) => {
      checkConditions(kind, key, before, conditions);
      return isRecord(given) ? withSecrets(kind, given, before) : given;
    });
  }

  /** As `put`, of one that is not there. Errors: `settings.exists`. */
  async add(kind: AnyKind, value: unknown): Promise<Stored> {
    const key = isRecord(value) ? value[kind.key] : undefined;
    // says what is wrong with it, among the rest
    if (typeof key !== 'string') throw refusedWithoutKey(kind, value);
    const { stored: added } = await this.edit(kind, key, value, (before, given) => {
      if (before) throw new OffhookError('settings.exists', { what: `${kind.name} ${key}` });
      return given;
    });
    return added;
  }

  /** Changes some of its fields (RFC 7396). Errors: as `put`; `settings.not-found`. */
  async patch(kind: AnyKind, key: string, patch: unknown, conditions: Conditions = {}): Promise<Stored> {
    if (!isRecord(patch)) throw new SettingsError(kind.name, key, [{ field: '', problem: 'expected object' }]);
    const shown = new Set((kind.secrets ?? []).filter((name) => patch[name] === true));
    const changes = Object.fromEntries(Object.entries(patch).filter(([name]) => !shown.has(name)));
    const { stored: changed } = await this.edit(kind, key, changes, (before, given) => {
      checkConditions(kind, key, before, conditions);
      if (!before) throw new OffhookError('settings.not-found', { kind: kind.name, key });
      return mergePatch(before, given);
    });
    return changed;
  }

  /** False: there was none. Errors: `settings.changed`, `settings.in-use`. */
  async remove(kind: AnyKind, key: string, conditions: Conditions = {}): Promise<boolean> {
    const removed = await this.store.transaction(async (parts) => {
      checkConditions(kind, key, await read(parts, kind, key), conditions);
      return erase(parts, this.kinds, kind, key);
    });
    if (removed) {
      await this.options.removed?.(kind, key);
      await this.options.written?.();
    }
    return removed;
  }

  private async edit(kind: AnyKind, key: string, value: unknown, next: (before: Value | undefined, given: unknown) => unknown): Promise<{ stored: Stored; created: boolean }> {
    const context = this.context();
    const given = isRecord(value) ? await prepared(this.store, kind, key, value, context) : value;
    const done = await this.store.transaction(async (parts) => {
      const before = await read(parts, kind, key);
      const { value: after, made } = await write(parts, kind, key, next(before, given), before, context);
      return { stored: { ...stored(kind, after), made }, created: !before };
    });
    await this.options.written?.();
    return done;
  }

  private context(): KeepingContext {
    const { clock, random, realm } = this.options;
    return { now: clock.wall().getTime(), random, realm };
  }
}

/** Its secrets as they are kept. */
export async function prepared(parts: StoreParts, kind: AnyKind, key: string, value: Value, context: KeepingContext): Promise<Value> {
  return kind.kept?.prepare ? kind.kept.prepare(parts, key, value, await read(parts, kind, key), context) : value;
}

function refusedWithoutKey(kind: AnyKind, value: unknown): unknown {
  try {
    parse(kind, '', value);
  } catch (err) {
    return err;
  }
  return new SettingsError(kind.name, '', [{ field: kind.key, problem: 'expected string' }]);
}

const stored = (kind: AnyKind, value: Value): Stored => ({ key: String(value[kind.key]), value, etag: etagOf(value) });
