/** Which events somebody wants: `call.ended`, `call` or `call.*` for all of calls. */

export const EVENT_NAME = /^[a-z]+(\.([a-z-]+|\*))?$/;

/** Keys may be secrets: they are told to whoever asks for them by name. */
const onlyByName = new Set(['dtmf']);

/** @param names each as `EVENT_NAME` has it; none: everything */
export function wantedBy(names: readonly string[]): (type: string) => boolean {
  if (names.length === 0) return (type) => !onlyByName.has(type);
  const plain = names.map((name) => name.replace(/\.\*$/, ''));
  return (type) => plain.some((name) => type === name || type.startsWith(`${name}.`));
}
