/** `members=1001,1002`, `hours.monday=…`: fields as they are written on the command line. */
import { isScalar, parseDocument } from 'yaml';
import { OffhookError } from '../errors';
import { branches, fieldOf, jsonSchemaOf, typesOf } from '../settings/json-schema';
import type { AnyKind, Value } from '../settings/kind';
import { isRecord } from '../settings/write';
import { Coercion } from './coerce';

/** Nothing behind the = is null: the default. Errors: `command.usage`. */
export function fieldsFrom(kind: AnyKind, texts: readonly string[]): Value {
  const fields: Value = {};
  for (const text of texts) {
    const [, path, value] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
    if (path === undefined || value === undefined) throw new OffhookError('command.usage', { problem: `“${text}” must be FIELD=VALUE.` });
    place(fields, path.split('.'), read(kind, path.split('.'), value, text));
  }
  return fields;
}

function read(kind: AnyKind, path: readonly string[], text: string, whole: string): unknown {
  const root = jsonSchemaOf(kind);
  const allowed = path.reduce((all, name) => fieldOf(all, name, root), branches(root, root));
  const types = typesOf(allowed);
  const structured = types.has('array') || types.has('object');
  // what is text is taken as it is: a name may have a colon in it
  if (types.has('string') && !/^\s*[[{]/.test(text)) return text === '' || (text === 'none' && types.has('null')) ? null : text;
  const source = types.has('array') && text !== '' && !/^\s*\[/.test(text) ? `[${text}]` : text;
  const document = parseDocument(source);
  if (document.errors.length > 0 || (!structured && document.contents !== null && !isScalar(document.contents))) throw new OffhookError('command.usage', { problem: `The value in “${whole}” cannot be read.` });
  return new Coercion(document, root).value(document.contents, allowed);
}

function place(fields: Value, [name = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) fields[name] = value;
  else {
    const inner = isRecord(fields[name]) ? fields[name] : {};
    fields[name] = inner;
    place(inner, rest, value);
  }
}
