/**
 * Tenants: a domain is one, and what it has is its own. A number is known by an id: `1001` in the first tenant, `1001@acme.example` in that one. Ids are
 * what the store, the directory and the features know numbers by, so that two tenants' 1001s never meet; what is dialled, shown and said is the number.
 */

/** Of whatever has no domain. */
export const FIRST_TENANT = '';

/** `acme.example` of `1001@acme.example`; empty: the first tenant. */
export function tenantOf(id: string): string {
  const at = id.indexOf('@');
  return at < 0 ? FIRST_TENANT : id.slice(at + 1);
}

/** As it is dialled within its tenant, shown on phones, and said. */
export function shown(id: string): string {
  const at = id.indexOf('@');
  return at < 0 ? id : id.slice(0, at);
}

/** The id of what is dialled in that tenant. Of an id it is the same number in that one: nothing that is set in one tenant leads into another. */
export function within(tenant: string, dialled: string): string {
  return tenant === FIRST_TENANT ? shown(dialled) : `${shown(dialled)}@${tenant}`;
}

/** The id of what the owner of `id` would reach with this number. */
export function beside(id: string, dialled: string): string {
  return within(tenantOf(id), dialled);
}
