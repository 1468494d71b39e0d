/** What a data folder needs before calls can be made: the realm its passwords belong to, and two phones to begin with. */
import { type Clock, type Random, systemClock } from '../clock';
import { ha1, randomPassword } from '../credentials';
import { OffhookError } from '../errors';
import { FIRST_TENANT, shown, tenantOf } from '../tenants';
import { noTenant, taken } from './who-has';
import type { Extension, Store, StoreParts } from './types';

const REALM = 'realm';
const SEEDED = 'seeded';
const FIRST_EXTENSIONS = ['1001', '1002'];

export interface NewExtension {
  number: string;
  /** In clear, to be shown once: only its digests are kept. */
  password: string;
}

interface RealmConfig {
  sip: { readonly realm: string };
}

/**
 * Makes sure that the realm in the settings is the one that passwords were made for; a store without extensions takes over the setting.
 * Errors: `store.realm-changed`.
 */
export async function checkRealm(store: Store, config: RealmConfig): Promise<void> {
  await store.transaction(async (parts) => {
    const stored = await realmFor(parts, config);
    if (stored === config.sip.realm) return;
    if ((await parts.extensions.count()) > 0) {
      throw new OffhookError('store.realm-changed', { realm: config.sip.realm, stored, folder: store.where });
    }
    await parts.meta.set(REALM, config.sip.realm);
  });
}

/** The realm that passwords in this store are made for; set from the settings when it is the first time. */
export async function realmFor(parts: StoreParts, config: RealmConfig): Promise<string> {
  const stored = await parts.meta.get(REALM);
  if (stored !== undefined) return stored;
  await parts.meta.set(REALM, config.sip.realm);
  return config.sip.realm;
}

/**
 * Extensions 1001 and 1002 with random passwords, in a store that has never had an extension; otherwise none. All or nothing.
 */
export async function seedFirstExtensions(
  store: Store,
  config: RealmConfig,
  { clock = systemClock, random }: { clock?: Clock; random?: Random } = {},
): Promise<NewExtension[]> {
  return store.transaction(async (parts) => {
    if ((await parts.meta.get(SEEDED)) !== undefined) return [];
    await parts.meta.set(SEEDED, 'yes');
    // Extensions that were added by hand before the first start are what this person wants.
    if ((await parts.extensions.count()) > 0) return [];
    const made = FIRST_EXTENSIONS.map((number) => ({ number, password: randomPassword(random) }));
    for (const { number, password } of made) {
      await addExtension(parts, config, { number, password, createdAt: clock.wall().getTime() });
    }
    return made;
  });
}

/** The digests of its password: in the realm that is the domain of its tenant, for the first one that of the settings. */
export async function ha1For(parts: StoreParts, config: RealmConfig, id: string, password: string): Promise<Extension['ha1']> {
  const tenant = tenantOf(id);
  return ha1(shown(id), tenant === FIRST_TENANT ? await realmFor(parts, config) : tenant, password);
}

/** Adds an extension with the digests of its password. Errors: `store.exists`; `extension.bad-number` when something else has it. */
export async function addExtension(
  parts: StoreParts,
  config: RealmConfig,
  fresh: NewExtension & Partial<Pick<Extension, 'name' | 'media' | 'srtp' | 'recording'>> & Pick<Extension, 'createdAt'>,
): Promise<Extension> {
  const { number, password, name = null, media = 'anchored', srtp = 'optional', recording = 'on-demand', createdAt } = fresh;
  const who = (await taken(parts, number, 'extension')) ?? (await noTenant(parts, number));
  if (who !== undefined) throw new OffhookError('extension.bad-number', { number, reason: who });
  const extension: Extension = { number, name, media, srtp, recording, createdAt, ha1: await ha1For(parts, config, number, password) };
  await parts.extensions.add(extension);
  // Removing the last one later must not bring the first two back at the next start.
  await parts.meta.set(SEEDED, 'yes');
  return extension;
}
