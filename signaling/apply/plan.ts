/**
 * Makes the store as a file says, in one transaction: all of it, or nothing.
 *
 *   file ─▶ each thing: as it is, with what the file says ─▶ checked ─▶ written when it differs ─▶ everything named is there? ─▶ kept, or not
 */
import { prepared } from '../settings/door';
import { etagOf } from '../settings/etag';
import { jsonSchemaOf } from '../settings/json-schema';
import type { AnyKind, KeepingContext, Value } from '../settings/kind';
import { SettingsError } from '../settings/problems';
import { withSecrets } from '../settings/secrets';
import { dangling, isRecord, parse, read, readAll, write } from '../settings/write';
import type { Store, StoreParts } from '../store/store';
import { isOffhookError } from '../errors';
import type { Given, ReadFile, Wrong } from './document';
import { overlay } from './overlay';

export interface Change {
  kind: AnyKind;
  key: string;
  before: Value | undefined;
  after: Value | undefined;
  /** Secrets that were made up. */
  made?: Value | undefined;
}

/** What the file says that cannot be; by line. */
export class Refused extends Error {
  constructor(readonly wrong: readonly Wrong[]) {
    super('refused');
  }
}

export interface ApplyOptions extends KeepingContext {
  /** All kinds there are. */
  kinds: readonly AnyKind[];
  /** Of the kinds in the file, whatever is not in it is removed. */
  prune: boolean;
  /** Asked last: false leaves everything as it was. */
  keep: (changes: readonly Change[]) => boolean;
}

class LeftAlone extends Error {}

/** What was changed, or would be. Errors: `Refused`, the store's. */
export async function applyFile(store: Store, file: ReadFile, options: ApplyOptions): Promise<Change[]> {
  if (file.wrong.length > 0) throw new Refused(file.wrong);
  const ready: Given[] = [];
  for (const one of file.given) ready.push({ ...one, value: await prepared(store, one.kind, one.key, one.value, options) });
  let changes: Change[] = [];
  try {
    await store.transaction(async (parts) => {
      changes = await new Application(parts, { ...file, given: ready }, options).run();
      // the only way to have a transaction undone
      if (!options.keep(changes)) throw new LeftAlone();
    });
  } catch (err) {
    if (!(err instanceof LeftAlone)) throw err;
  }
  return changes;
}

class Application {
  private readonly changes: Change[] = [];
  private readonly wrong: Wrong[] = [];

  constructor(
    private readonly parts: StoreParts,
    private readonly file: ReadFile,
    private readonly options: ApplyOptions,
  ) {}

  async run(): Promise<Change[]> {
    // first, so that numbers are free
    if (this.options.prune) for (const kind of [...this.file.kinds].reverse()) await this.prune(kind);
    for (const one of this.file.given) await this.write(one);
    await this.checkNames();
    if (this.wrong.length > 0) throw new Refused([...this.wrong].sort((a, b) => a.line - b.line));
    return this.changes;
  }

  private async prune(kind: AnyKind): Promise<void> {
    const stay = new Set(this.file.given.filter((one) => one.kind === kind).map(({ key }) => key));
    for (const before of await readAll(this.parts, kind)) {
      const key = String(before[kind.key]);
      if (stay.has(key) || kind.kept?.permanent?.(key)) continue;
      if (kind.kept) await kind.kept.remove(this.parts, key);
      else await this.parts.items.remove(kind.name, key);
      this.changes.push({ kind, key, before, after: undefined });
    }
  }

  private async write(one: Given): Promise<void> {
    const { kind, key, value } = one;
    try {
      const before = await read(this.parts, kind, key);
      const schema = jsonSchemaOf(kind);
      const wanted = before ? (overlay(before, withSecrets(kind, value, before), schema, schema) as Value) : value;
      if (before && etagOf(parse(kind, key, wanted)) === etagOf(before)) return;
      const { value: after, made } = await write(this.parts, kind, key, wanted, before, { ...this.options, references: 'later' });
      this.changes.push({ kind, key, before, after, made });
    } catch (err) {
      this.refuse(one, err);
    }
  }

  /** What the file has, and after something went, whatever there is. */
  private async checkNames(): Promise<void> {
    if (this.wrong.length > 0) return;
    const given = new Map(this.file.given.map((one) => [`${one.kind.name} ${one.key}`, one]));
    const gone = this.changes.some(({ after }) => after === undefined);
    for (const kind of this.options.kinds) {
      if (!kind.refers) continue;
      const mine = kind.kept && kind.kept.owner === undefined;
      const values = gone && !mine ? await readAll(this.parts, kind) : await this.valuesOf(kind);
      for (const value of values) {
        const key = String(value[kind.key]);
        const one = given.get(`${kind.name} ${key}`);
        for (const { field, problem } of await dangling(this.parts, kind, value)) {
          this.wrong.push({ line: one?.line(field) ?? 0, problem: `${kind.name} ${key}${one ? '' : ', which is not in the file'}: ${field}: ${problem}` });
        }
      }
    }
  }

  private async valuesOf(kind: AnyKind): Promise<Value[]> {
    const all: Value[] = [];
    for (const { kind: of, key } of this.file.given) {
      const value = of === kind ? await read(this.parts, kind, key) : undefined;
      if (value) all.push(value);
    }
    return all;
  }

  private refuse({ kind, key, line }: Given, err: unknown): void {
    if (err instanceof SettingsError) for (const { field, problem } of err.problems) this.wrong.push({ line: line(field), problem: `${kind.name} ${key}: ${field === '' ? '' : `${field}: `}${problem}` });
    else if (isOffhookError(err) && !err.code.startsWith('store.')) this.wrong.push({ line: line(''), problem: err.message });
    else throw err;
  }
}

/** By field, what it was and is; those within objects by their path. Secrets are only said to be others. */
export function fieldChanges({ kind, before, after }: Change): Array<{ field: string; before: unknown; after: unknown; secret: boolean }> {
  const secrets = new Set(kind.secrets);
  const walk = (was: unknown, is: unknown, path: string[]): ReturnType<typeof fieldChanges> => {
    if (isRecord(was ?? is) && isRecord(is ?? was)) {
      const names = new Set([...Object.keys((is ?? {}) as Value), ...Object.keys((was ?? {}) as Value)]);
      return [...names].flatMap((name) => walk((was as Value | undefined)?.[name], (is as Value | undefined)?.[name], [...path, name]));
    }
    if (etagOf(was ?? null) === etagOf(is ?? null)) return [];
    return [{ field: path.join('.'), before: was, after: is, secret: secrets.has(path[0] ?? '') }];
  };
  return walk(before, after, []).filter(({ field }) => field !== kind.key);
}
