/** Changes as a person reads them: + is added, - removed, ~ changed. Secrets are never shown. */
import { jsonSchemaOf, type JsonSchema } from '../settings/json-schema';
import type { AnyKind } from '../settings/kind';
import { fieldChanges, type Change } from './plan';

const HIDDEN = '••••';

export function changesText(changes: readonly Change[]): string {
  if (changes.length === 0) return 'Nothing to change: everything is as the file says.\n';
  const count = (sign: string): number => changes.filter((change) => signOf(change) === sign).length;
  const counts = [['+', 'added'], ['~', 'changed'], ['-', 'removed']].flatMap(([sign, word]) => (count(sign!) > 0 ? [`${count(sign!)} ${word}`] : []));
  return `${changes.map(changeText).join('')}${counts.join(', ')}\n`;
}

const signOf = ({ before, after }: Change): string => (before === undefined ? '+' : after === undefined ? '-' : '~');

function changeText(change: Change): string {
  const head = `${signOf(change)} ${change.kind.name} ${change.key}\n`;
  if (change.after === undefined) return head;
  // of what is new, what is not as it would be anyway
  const fields = fieldChanges(change).filter(({ field, after }) => change.before !== undefined || text(after) !== text(defaultOf(change.kind, field))).map(({ field, before, after, secret }) => {
    const [was, is] = secret ? [before == null ? 'none' : HIDDEN, after == null ? 'none' : HIDDEN] : [text(before), text(after)];
    return `    ${field}: ${change.before === undefined ? is : `${was} → ${is}`}\n`;
  });
  return head + fields.join('');
}

function defaultOf(kind: AnyKind, field: string): unknown {
  const at = field.split('.').reduce((schema: JsonSchema | undefined, name) => schema?.properties?.[name], jsonSchemaOf(kind));
  return at?.default;
}

const text = (value: unknown): string => (value === undefined || value === null ? 'none' : typeof value === 'string' ? value : JSON.stringify(value));

/** For programs. */
export const changesJson = (changes: readonly Change[]): unknown =>
  changes.map((change) => ({
    change: { '+': 'added', '-': 'removed', '~': 'changed' }[signOf(change)],
    kind: change.kind.name,
    key: change.key,
    fields: change.after === undefined ? [] : fieldChanges(change).map(({ field, before, after, secret }) => ({ field, ...(secret ? { secret } : { before: before ?? null, after: after ?? null }) })),
    ...(change.made && { made: change.made }),
  }));
