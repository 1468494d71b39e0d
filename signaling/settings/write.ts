/**
 * What happens to a thing that is set within one transaction, whatever its kind and wherever it is kept.
 *
 *   value ─▶ as the editor saw it? ─▶ what the schema says? ─▶ cross-checks ─▶ number nobody's? ─▶ everything it names there? ─▶ kept
 */
import { OffhookError } from '../errors';
import type { Page, StoreParts } from '../store/store';
import { noTenant, taken, whoHas } from '../store/who-has';
import { tenantOf } from '../tenants';
import { etagOf, matches } from './etag';
import type { AnyKind, KeepingContext, Problem, Reference, Value } from './kind';
import { problemsOf, SettingsError } from './problems';

/** As in HTTP: `If-Match`, `If-None-Match: *`. */
export interface Conditions {
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
}

/** Errors: `settings.changed`. */
export function checkConditions(kind: AnyKind, key: string, before: Value | undefined, { ifMatch, ifNoneMatch }: Conditions): void {
  const etag = before && etagOf(before);
  if ((ifMatch !== undefined && !matches(ifMatch, etag)) || (ifNoneMatch !== undefined && matches(ifNoneMatch, etag))) throw new OffhookError('settings.changed', { what: `${kind.name} ${key}` });
}

export async function read(parts: StoreParts, kind: AnyKind, key: string): Promise<Value | undefined> {
  if (kind.kept) return kind.kept.get(parts, key);
  return (await parts.items.get(kind.name, key))?.value as Value | undefined;
}

/** In the order of their keys, shorter first. */
export async function readAll(parts: StoreParts, kind: AnyKind, page: Page = {}): Promise<Value[]> {
  if (kind.kept) return kind.kept.list(parts, page);
  return (await parts.items.list(kind.name, page)).map(({ value }) => value as Value);
}

/** What is kept in the end, and secrets that were made up on the way. Errors: `SettingsError`. */
export async function write(
  parts: StoreParts,
  kind: AnyKind,
  key: string,
  value: unknown,
  before: Value | undefined,
  context: KeepingContext & { references?: 'later' },
): Promise<{ value: Value; made: Value | undefined }> {
  const checked = parse(kind, key, value);
  const owner = kind.kept ? kind.kept.owner : kind.name;
  if (kind.key === 'number' && owner !== undefined) {
    const problem = await taken(parts, key, owner);
    if (problem !== undefined) throw new SettingsError(kind.name, key, [{ field: kind.key, problem }]);
  }
  const nowhere = await noTenant(parts, key);
  if (nowhere !== undefined) throw new SettingsError(kind.name, key, [{ field: kind.key, problem: nowhere }]);
  // what belongs to something cannot come before it
  if (context.references !== 'later' || (kind.kept && owner === undefined)) {
    const problems = await dangling(parts, kind, checked);
    if (problems.length > 0) throw new SettingsError(kind.name, key, problems);
  }
  if (!kind.kept) {
    await parts.items.put({ kind: kind.name, key, value: checked, updatedAt: context.now }, kind.key === 'number');
    return { value: checked, made: undefined };
  }
  const made = await kind.kept.put(parts, key, checked, before, context);
  return { value: (await kind.kept.get(parts, key)) ?? checked, made };
}

/** False: there was none. Errors: `settings.in-use`, and those of the kind. */
export async function erase(parts: StoreParts, kinds: readonly AnyKind[], kind: AnyKind, key: string): Promise<boolean> {
  const who = await neededBy(parts, kinds, kind, key);
  if (who !== undefined) throw new OffhookError('settings.in-use', { what: `${kind.name} ${key}`, who });
  return kind.kept ? kind.kept.remove(parts, key) : parts.items.remove(kind.name, key);
}

/** The value as it would be kept. Errors: `SettingsError`. */
export function parse(kind: AnyKind, key: string, value: unknown): Value {
  const whole = isRecord(value) && !(kind.key in value) ? { ...value, [kind.key]: key } : value;
  const result = kind.schema.strict().safeParse(whole);
  if (!result.success) throw new SettingsError(kind.name, key, problemsOf(result.error));
  const checked = result.data as Value;
  if (checked[kind.key] !== key) throw new SettingsError(kind.name, key, [{ field: kind.key, problem: `must be ${key}, and cannot be changed` }]);
  const problems = kind.check?.(checked as never) ?? [];
  if (problems.length > 0) throw new SettingsError(kind.name, key, problems);
  return checked;
}

/** What a value names that is not there. */
export async function dangling(parts: StoreParts, kind: AnyKind, value: Value): Promise<Problem[]> {
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

/** `group 600`, of the first that names it; undefined: nothing does. What belongs to it goes with it, and needs nothing. */
async function neededBy(parts: StoreParts, kinds: readonly AnyKind[], kind: AnyKind, key: string): Promise<string | undefined> {
  for (const one of kinds) {
    const lives = kind.name === 'tenant' && one.key === 'number';
    if ((!one.refers && !lives) || (one.kept && one.kept.owner === undefined)) continue;
    for (const value of await readAll(parts, one)) {
      const itself = one.name === kind.name && value[one.key] === key;
      if (lives && tenantOf(String(value[one.key])) === key) return `${one.name} ${String(value[one.key])}`;
      const names = one.refers?.(value as never).some((reference) => reference.key === key && (reference.kind === kind.name || (reference.kind === 'number' && kind.key === 'number')));
      if (names && !itself) return `${one.name} ${String(value[one.key])}`;
    }
  }
  return undefined;
}

export const isRecord = (value: unknown): value is Value => value !== null && typeof value === 'object' && !Array.isArray(value);
