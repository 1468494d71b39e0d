/** What a kind is made of as JSON Schema, as far as it is needed to read what people write. */
import { z } from 'zod';
import type { AnyKind } from './kind';

export interface JsonSchema {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
}

const known = new WeakMap<AnyKind, JsonSchema>();

export function jsonSchemaOf(kind: AnyKind): JsonSchema {
  const before = known.get(kind);
  if (before) return before;
  const made = z.toJSONSchema(kind.schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  known.set(kind, made);
  return made;
}

/** Its alternatives, without those that are made of others. */
export function branches(schema: JsonSchema | undefined, root: JsonSchema): JsonSchema[] {
  if (!schema) return [];
  const name = /^#\/\$defs\/(.+)$/.exec(schema.$ref ?? '')?.[1];
  if (schema.$ref === '#') return branches({ ...root, $defs: {} }, root);
  if (name !== undefined) return branches(root.$defs?.[name], root);
  const choices = schema.anyOf ?? schema.oneOf;
  return choices ? choices.flatMap((one) => branches(one, root)) : [schema];
}

/** Of a field of an object. */
export const fieldOf = (all: readonly JsonSchema[], name: string, root: JsonSchema): JsonSchema[] =>
  all.flatMap(({ properties, additionalProperties }) => branches(properties?.[name] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined), root));

/** Of something in a list. */
export const itemOf = (all: readonly JsonSchema[], root: JsonSchema): JsonSchema[] => all.flatMap(({ items }) => branches(items, root));

/** `string`, `integer`… that are allowed. */
export const typesOf = (all: readonly JsonSchema[]): ReadonlySet<string> =>
  new Set(all.flatMap(({ type, enum: values, const: value }) => type ?? [...(values ?? []), ...(value === undefined ? [] : [value])].map((one) => (one === null ? 'null' : typeof one))));
