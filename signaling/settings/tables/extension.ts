/** Extensions as they are set: with a password that is kept as its digests only. */
import { z } from 'zod';
import { checkPassword, randomPassword, type Ha1 } from '../../credentials';
import { checkExtensionNumber } from '../../numbers';
import { addExtension, ha1For, realmFor } from '../../store/seed';
import { noDiversion, type Extension, type StoreParts } from '../../store/store';
import { FIRST_TENANT, shown, tenantOf } from '../../tenants';
import { label, numberBy, refusal } from '../fields';
import { kind, type Value } from '../kind';
import { extensionSettings } from '../kinds/extension';
import { SettingsError } from '../problems';

/** `ha1:MD5:SHA-256:REALM`: digests in the place of a password, as `offhook export --secrets` writes them. */
const DIGESTS = /^ha1:([0-9a-f]{32}):([0-9a-f]{64}):(.{1,64})$/;

const digestsText = ({ md5, sha256 }: Ha1, realm: string): string => `ha1:${md5}:${sha256}:${realm}`;

function digestsOf(text: unknown): (Ha1 & { realm: string }) | undefined {
  const [, md5, sha256, realm] = (typeof text === 'string' && DIGESTS.exec(text)) || [];
  return md5 !== undefined && sha256 !== undefined && realm !== undefined ? { md5, sha256, realm } : undefined;
}

const password = z
  .string()
  .max(256)
  .superRefine((value, context) => {
    const problem = digestsOf(value) ? undefined : refusal(() => checkPassword(value));
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

const target = z
  .string()
  .regex(/^(voicemail|\+?[0-9*#]{1,32})$/, 'must be a number, or “voicemail”')
  .nullable()
  .default(null);

const diversion = z.strictObject({
  always: target.describe('Where all its calls go; null: its phones ring'),
  busy: target.describe('Where they go when it is busy, declines, or does not want to be disturbed'),
  noAnswer: target.describe('Where they go when nobody answers'),
  offline: target.describe('Where they go when it has no phone that can be reached'),
  ringSeconds: z.int().min(1).max(3600).nullable().default(null).describe('How long its phones ring; null: as long as those of all'),
  doNotDisturb: z.boolean().default(false).describe('Its phones do not ring'),
});

const schema = z.object({
  number: numberBy(checkExtensionNumber).describe('2 to 15 digits that nothing else has'),
  name: label.min(1).nullable().default(null).describe('What other phones show'),
  password: password.optional().describe('Of its phones, 6 to 128 characters; made, and shown once, when a new one has none'),
  media: z.enum(['anchored', 'direct']).default('anchored').describe('Whether media passes through us, or between the phones directly'),
  srtp: z.enum(['off', 'optional', 'required']).default('optional').describe('Encrypted media: never, as the phone likes, or nothing else'),
  recording: z.enum(['never', 'on-demand', 'always']).default('on-demand').describe('Whether its calls are recorded'),
  diversion: diversion.prefault({}).describe('What becomes of its calls besides ringing its phones'),
  settings: extensionSettings.default({}).describe('What else can be set'),
});

export const extension = kind({
  name: 'extension',
  plural: 'extensions',
  meaning: 'a phone, or several under one number',
  key: 'number',
  schema,
  example: { number: '1003', name: 'Anna', diversion: { noAnswer: 'voicemail', ringSeconds: 20 } },
  secrets: ['password'],
  check: ({ number, diversion: { always, busy, noAnswer, offline } }) =>
    Object.entries({ always, busy, noAnswer, offline }).flatMap(([field, to]) => (to === shown(number) ? [{ field: `diversion.${field}`, problem: 'is the extension itself' }] : [])),
  kept: {
    owner: 'extension',
    makes: ['password'],
    list: async (parts, page) => {
      const realm = (await parts.meta.get('realm')) ?? '';
      return (await parts.extensions.list(page)).map((one) => valueOf(one, realmIn(one.number, realm)));
    },
    get: async (parts, key) => {
      const one = await parts.extensions.get(key);
      return one && valueOf(one, realmIn(key, (await parts.meta.get('realm')) ?? ''));
    },
    prepare: async (parts, key, value, _before, { realm: fallback }) => {
      const { password: given } = value;
      if (typeof given !== 'string' || digestsOf(given) || refusal(() => checkPassword(given)) !== undefined) return value;
      const config = { sip: { realm: (await parts.meta.get('realm')) ?? fallback } };
      return { ...value, password: digestsText(await ha1For(asked(parts, config), config, key, given), realmIn(key, config.sip.realm)) };
    },
    put: async (parts, number, value, before, { now, random, realm: fallback }) => {
      const { name, media, srtp, recording, diversion: to, settings, password: kept } = value as z.output<typeof schema>;
      const config = { sip: { realm: fallback } };
      const realm = realmIn(number, await realmFor(parts, config));
      const digests = digestsOf(kept);
      if (digests && digests.realm !== realm) throw new SettingsError('extension', number, [{ field: 'password', problem: `is made for the realm “${digests.realm}”, but passwords here are for “${realm}”` }]);
      const fresh = kept === undefined ? randomPassword(random) : undefined;
      if (!before) await addExtension(parts, config, { number, password: fresh ?? '', createdAt: now });
      const secret = digests ? { md5: digests.md5, sha256: digests.sha256 } : await ha1For(parts, config, number, fresh ?? (kept as string));
      await parts.extensions.update(number, { name, media, srtp, recording, diversion: to, settings, ha1: secret });
      return fresh === undefined ? undefined : { password: fresh };
    },
    remove: (parts, key) => parts.extensions.remove(key),
  },
});

/** Of a tenant its domain, of the first one that of the store. */
const realmIn = (id: string, first: string): string => (tenantOf(id) === FIRST_TENANT ? first : tenantOf(id));

/** Nothing is written before the transaction: the realm of a store that has none yet is what it would be. */
const asked = (parts: StoreParts, { sip }: { sip: { realm: string } }): StoreParts => ({ ...parts, meta: { get: async (key) => (await parts.meta.get(key)) ?? (key === 'realm' ? sip.realm : undefined), set: async () => undefined } });

function valueOf({ number, name, ha1: digests, media, srtp, recording, diversion: to = noDiversion, settings = {} }: Extension, realm: string): Value {
  return { number, name, password: digestsText(digests, realm), media, srtp, recording, diversion: to, settings };
}
