/** Fields that are written and never shown. */
import type { AnyKind, Value } from './kind';

/** What may be shown: secrets that are set are `true`. */
export function withoutSecrets(kind: AnyKind, value: Value): Value {
  if (!kind.secrets?.length) return value;
  const secrets = new Set(kind.secrets);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, secrets.has(name) && one !== null && one !== undefined ? true : one]));
}

/** Whoever edits what was shown sends secrets back as they were shown, or not at all: both leave them as they are. */
export function withSecrets(kind: AnyKind, value: Value, before: Value | undefined): Value {
  if (!kind.secrets?.length || !before) return value;
  const kept = kind.secrets.filter((name) => (value[name] === undefined || value[name] === true) && before[name] !== undefined);
  return { ...value, ...Object.fromEntries(kept.map((name) => [name, before[name]])) };
}
