/** What is there with what a file says about it: fields that it does not name stay, within objects of fixed fields, too. */
import { branches, type JsonSchema } from '../settings/json-schema';
import { isRecord } from '../settings/write';

export function overlay(before: unknown, given: unknown, schema: JsonSchema | undefined, root: JsonSchema): unknown {
  const made = branches(schema, root).filter(({ type }) => type !== 'null');
  const [fixed] = made;
  if (!isRecord(before) || !isRecord(given) || made.length !== 1 || !fixed?.properties) return given;
  return { ...before, ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name, overlay(before[name], value, fixed.properties?.[name], root)])) };
}
