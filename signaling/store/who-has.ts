/** Whose a number is: extensions, rooms and whatever else can be dialled share one set of numbers. */
import { FIRST_TENANT, tenantOf } from '../tenants';
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

/** `there is no tenant acme.example`; undefined: there is, or it is the first one. */
export async function noTenant(parts: Pick<StoreParts, 'items'>, id: string): Promise<string | undefined> {
  const tenant = tenantOf(id);
  return tenant === FIRST_TENANT || (await parts.items.get('tenant', tenant)) ? undefined : `there is no tenant ${tenant}`;
}
