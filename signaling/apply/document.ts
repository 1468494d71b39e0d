/** The file of `offhook apply`: lists of things by the plural of their kind, each value with the line where it stands. */
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type YAMLMap } from 'yaml';
import { jsonSchemaOf } from '../settings/json-schema';
import type { AnyKind, Value } from '../settings/kind';
import { Coercion, isNode, nameOf } from './coerce';

export interface Given {
  kind: AnyKind;
  key: string;
  value: Value;
  /** Of a field of it, `members.1`. */
  line(field: string): number;
}

export interface Wrong {
  line: number;
  problem: string;
}

export interface ReadFile {
  /** Those that the file speaks of, those that others name first. */
  kinds: AnyKind[];
  /** In that order. */
  given: Given[];
  wrong: Wrong[];
}

export function readDocument(text: string, kinds: readonly AnyKind[]): ReadFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (node: unknown): number => (isNode(node) && node.range ? lines.linePos(node.range[0]).line : 1);
  const wrong: Wrong[] = document.errors.map(({ pos, message }) => ({ line: lines.linePos(pos[0]).line, problem: message }));
  const read: ReadFile = { kinds: [], given: [], wrong };
  if (wrong.length > 0) return read;
  if (document.contents === null) return read;
  if (!isMap(document.contents)) return { ...read, wrong: [{ line: 1, problem: `it must be a map of lists: ${kinds.map(({ plural }) => plural).join(', ')}` }] };

  const sections = new Map<AnyKind, unknown>();
  for (const { key, value } of document.contents.items) {
    const kind = kinds.find(({ plural }) => plural === nameOf(key));
    if (kind) sections.set(kind, value);
    else wrong.push({ line: lineOf(key), problem: `there is no “${nameOf(key)}”; there are ${kinds.map(({ plural }) => plural).join(', ')}` });
  }
  for (const kind of kinds) {
    if (!sections.has(kind)) continue;
    read.kinds.push(kind);
    const list = sections.get(kind);
    if (list === null || (isScalar(list) && list.value === null)) continue;
    if (!isSeq(list)) {
      wrong.push({ line: lineOf(list), problem: `${kind.plural} must be a list` });
      continue;
    }
    for (const item of list.items) {
      const one = isMap(item) ? given(document, kind, item, lineOf) : { line: lineOf(item), problem: `${kind.plural}: each must be a map with a ${kind.key}` };
      if ('problem' in one) wrong.push(one);
      else if (read.given.some((other) => other.kind === kind && other.key === one.key)) wrong.push({ line: lineOf(item), problem: `${kind.name} ${one.key} is there twice` });
      else read.given.push(one);
    }
  }
  return read;
}

function given(document: Document, kind: AnyKind, item: YAMLMap, lineOf: (node: unknown) => number): Given | Wrong {
  const schema = jsonSchemaOf(kind);
  try {
    const value = new Coercion(document, schema).value(item, [schema]) as Value;
    const key = value[kind.key];
    if (typeof key !== 'string') return { line: lineOf(item), problem: `${kind.name}: ${kind.key}: must be given, as text` };
    return { kind, key, value, line: (field) => lineOf(nearest(item, field.split('.'))) };
  } catch (err) {
    if (!(err instanceof RangeError)) throw err;
    return { line: lineOf(item), problem: err.message };
  }
}

/** What stands at this path, or the innermost that is there. */
function nearest(item: YAMLMap, path: readonly string[]): unknown {
  let found: unknown = item;
  for (const name of path) {
    const inner: unknown = isMap(found) ? found.items.find(({ key }) => nameOf(key) === name)?.value : isSeq(found) ? found.items[Number(name)] : undefined;
    if (!isNode(inner)) return found;
    found = inner;
  }
  return found;
}
