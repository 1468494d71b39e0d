/**
 * The door through which all settings go into the store: whole or not at all, and what is refused is named by its field.
 *
 *   value ─▶ what the schema says? ─▶ cross-checks ─▶ ┌ number nobody's? ─ everything it names there? ─ as the editor saw it? ─▶ put ┐ one transaction
 */
import type { z } from 'zod';
import type { Clock } from '../clock';
import { OffhookError } from '../errors';
import type { Item, Store, StoreParts } from '../store/store';
import { etagOf, matches } from './etag';
import type { AnyKind, Problem, Reference } from './kind';
import { noTenant, taken, whoHas } from '../store/who-has';

/** An edit that cannot be: what is wrong, by field. */
export class SettingsError extends OffhookError<'settings.bad'> {
  constructor(
    readonly kind: string,
    readonly key: string,
    readonly problems: readonly Problem[],
  ) {
    super('settings.bad', { what: `${kind}${key === '' ? '' : ` ${key}`}`, problems: problems.map(({ field, problem }) => (field === '' ? problem : `${field}: ${problem}`)).join('; ') });
  }
}

export interface Stored {
  key: string;
  /** Secrets included: what is shown is the business of whoever shows it (`withoutSecrets`). */
  value: Record<string, unknown>;
  etag: string;
  updatedAt: number;
}

/** As in HTTP: `If-Match`, `If-None-Match: *`. */
export interface Conditions {
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
}

export interface DoorOptions {
  clock: Pick<Clock, 'wall'>;
  /** Waited for after every change that was made. */
  written?: () => Promise<void> | void;
}

export class SettingsDoor {
  constructor(
    private readonly store: Store,
    readonly kinds: readonly AnyKind[],
    private readonly options: DoorOptions,
  ) {}

  async list(kind: AnyKind, page: { after?: string | undefined; limit?: number | undefined } = {}): Promise<Stored[]> {
    return (await this.store.items.list(kind.name, page)).map(stored);
  }

  async get(kind: AnyKind, key: string): Promise<Stored | undefined> {
    const item = await this.store.items.get(kind.name, key);
    return item && stored(item);
  }

  /**
   * Adds one, or puts it in the place of the one with this key. Secrets that are left out stay as they were.
   * Errors: `SettingsError`; `settings.changed` (412) when the conditions do not hold.
   */
  async put(kind: AnyKind, key: string, value: unknown, conditions: Conditions = {}): Promise<{ stored: Stored; created: boolean }> {
    const done = await this.store.transaction((parts) => putItem(parts, kind, key, value, this.options.clock.wall().getTime(), conditions));
    await this.options.written?.();
    return done;
  }

  /** False: there was none. Errors: `settings.changed`. */
  async remove(kind: AnyKind, key: string, { ifMatch }: Conditions = {}): Promise<boolean> {
    const removed = await this.store.transaction(async (parts) => {
      const before = await parts.items.get(kind.name, key);
      if (ifMatch !== undefined && !matches(ifMatch, before && etagOf(before.value))) throw new OffhookError('settings.changed', { what: `${kind.name} ${key}` });
      return parts.items.remove(kind.name, key);
    });
    if (removed) await this.options.written?.();
    return removed;
  }
}

/** Inside a transaction that may do more; see `SettingsDoor.put`. What it refers to must be there by now: write that first, or see `dangling`. */
export async function putItem(parts: StoreParts, kind: AnyKind, key: string, value: unknown, now: number, conditions: Conditions & { references?: 'later' } = {}): Promise<{ stored: Stored; created: boolean }> {
  const before = await parts.items.get(kind.name, key);
  const etag = before && etagOf(before.value);
  const { ifMatch, ifNoneMatch } = conditions;
  if ((ifMatch !== undefined && !matches(ifMatch, etag)) || (ifNoneMatch !== undefined && matches(ifNoneMatch, etag))) throw new OffhookError('settings.changed', { what: `${kind.name} ${key}` });

  const checked = parse(kind, key, withSecrets(kind, value, before?.value));
  if (kind.key === 'number') {
    const problem = await taken(parts, key, kind.name);
    if (problem !== undefined) throw new SettingsError(kind.name, key, [{ field: kind.key, problem }]);
  }
  const nowhere = await noTenant(parts, key);
  if (nowhere !== undefined) throw new SettingsError(kind.name, key, [{ field: kind.key, problem: nowhere }]);
  if (conditions.references !== 'later') {
    const problems = await dangling(parts, kind, checked);
    if (problems.length > 0) throw new SettingsError(kind.name, key, problems);
  }
  const item: Item = { kind: kind.name, key, value: checked, updatedAt: now };
  await parts.items.put(item, kind.key === 'number');
  return { stored: stored(item), created: !before };
}

/** The value as it would be kept. Errors: `SettingsError`. */
export function parse(kind: AnyKind, key: string, value: unknown): Record<string, unknown> {
  const whole = value !== null && typeof value === 'object' && !Array.isArray(value) && !(kind.key in value) ? { ...value, [kind.key]: key } : value;
  const result = kind.schema.strict().safeParse(whole);
  if (!result.success) throw new SettingsError(kind.name, key, problemsOf(result.error));
  const checked = result.data as Record<string, unknown>;
  if (checked[kind.key] !== key) throw new SettingsError(kind.name, key, [{ field: kind.key, problem: `must be ${key}, and cannot be changed` }]);
  const problems = kind.check?.(checked as never) ?? [];
  if (problems.length > 0) throw new SettingsError(kind.name, key, problems);
  return checked;
}

export function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const at = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ field: at === '' ? key : `${at}.${key}`, problem: 'there is no such field' }));
    return [{ field: at, problem: issue.message.replace(/^Invalid input: /, '').replace(/^Too (small|big): /, '') }];
  });
}

/** What a value names that is not there. */
export async function dangling(parts: StoreParts, kind: AnyKind, value: Record<string, unknown>): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const reference of kind.refers?.(value as never) ?? []) {
    if (!(await isThere(parts, reference))) problems.push({ field: reference.field, problem: `there is no ${reference.kind} ${reference.key}` });
  }
  return problems;
}

async function isThere(parts: StoreParts, { kind, key }: Reference): Promise<boolean> {
  if (kind === 'extension') return (await parts.extensions.get(key)) !== undefined;
  if (kind === 'room') return (await parts.rooms.get(key)) !== undefined;
  if (kind === 'number') return (await whoHas(parts, key)) !== undefined;
  return (await parts.items.get(kind, key)) !== undefined;
}

/** What may be shown: secrets that are set are `true`. */
export function withoutSecrets(kind: AnyKind, value: Record<string, unknown>): Record<string, unknown> {
  const secrets = new Set(kind.secrets ?? []);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, secrets.has(name) && one !== null && one !== undefined ? true : one]));
}

/** Whoever edits what was shown sends secrets back as they were shown, or not at all. */
function withSecrets(kind: AnyKind, value: unknown, before: unknown): unknown {
  if (!kind.secrets?.length || !isRecord(value) || !isRecord(before)) return value;
  const kept = kind.secrets.filter((name) => (value[name] === undefined || value[name] === true) && before[name] !== undefined);
  return { ...value, ...Object.fromEntries(kept.map((name) => [name, before[name]])) };
}

const isRecord = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value);

const stored = ({ key, value, updatedAt }: Item): Stored => ({ key, value: value as Record<string, unknown>, etag: etagOf(value), updatedAt });
