/** Whose a number is: extensions, rooms and whatever else can be dialled share one set of numbers. */
import type { StoreParts } from './types';

export type NumberParts = Pick<StoreParts, 'extensions' | 'rooms' | 'items'>;

/** `extension`, `room`, or a kind of item; undefined: nobody's. Errors: the store's. */
export async function whoHas(parts: NumberParts, number: string): Promise<string | undefined> {
  if (await parts.extensions.get(number)) return 'extension';
  if (await parts.rooms.get(number)) return 'conference room';
  return (await parts.items.dialled(number))?.kind;
}

/** `it is the number of a queue`; undefined: it is nobody's, or `own`'s. */
export async function taken(parts: NumberParts, number: string, own: string): Promise<string | undefined> {
  const who = await whoHas(parts, number);
  return who === undefined || who === own ? undefined : `it is the number of ${/^[aeiou]/.test(who) ? 'an' : 'a'} ${who}`;
}
