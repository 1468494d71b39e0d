/** What can be set for the mailbox that every extension has. */
import { z } from 'zod';
import { isPin, pinDigest, pinFits } from '../../pin';
import { checkExtensionNumber } from '../../numbers';
import type { Mailbox } from '../../store/store';
import { numberBy } from '../fields';
import { kind, type Value } from '../kind';

/** As `pin.ts` makes them. */
const DIGEST = /^scrypt\$[\w-]{22}\$[\w-]{43}$/;

const FEW = 200;

const schema = z.object({
  number: numberBy(checkExtensionNumber).describe('Of its extension'),
  enabled: z.boolean().default(true).describe('Whether calls that nobody takes go there'),
  email: z
    .string()
    .regex(/^[^\s@<>",;:]{1,64}@[^\s@<>",;:]{1,255}$/, 'must be an e-mail address')
    .nullable()
    .default(null)
    .describe('Where new messages are sent; null: nowhere'),
  pin: z
    .string()
    .refine((value) => isPin(value) || DIGEST.test(value), 'must be 4 to 10 digits')
    .nullable()
    .default(null)
    .describe('4 to 10 digits; null: only the own phone reaches it'),
});

export const mailbox = kind({
  name: 'mailbox',
  plural: 'mailboxes',
  meaning: 'what is set for the mailbox of an extension; each has one, and it goes with it',
  key: 'number',
  schema,
  example: { number: '1001', email: 'anna@example.org', pin: '2580' },
  secrets: ['pin'],
  refers: ({ number }) => [{ field: 'number', kind: 'extension', key: number }],
  kept: {
    owner: undefined,
    list: async (parts, page) => {
      const extensions = await parts.extensions.list(page);
      // a page of them is looked up, all are read at once
      if (extensions.length <= FEW) return Promise.all(extensions.map(async ({ number }) => valueOf(await parts.voicemail.mailbox(number))));
      const set = new Map((await parts.voicemail.mailboxes()).map((one) => [one.number, one]));
      return extensions.map(({ number }) => valueOf(set.get(number) ?? { number, enabled: true, email: null, pin: null }));
    },
    get: async (parts, key) => ((await parts.extensions.get(key)) ? valueOf(await parts.voicemail.mailbox(key)) : undefined),
    prepare: async (_parts, _key, value, before, { random }) => {
      const { pin } = value;
      if (typeof pin !== 'string' || !isPin(pin)) return value;
      const same = typeof before?.['pin'] === 'string' && (await pinFits(pin, before['pin']));
      return { ...value, pin: same ? before['pin'] : await pinDigest(pin, random) };
    },
    put: async (parts, number, value) => {
      const { enabled, email, pin } = value as z.output<typeof schema>;
      await parts.voicemail.set(number, { enabled, email, pin });
      return undefined;
    },
    // nothing is set for it any more
    remove: async (parts, key) => {
      if (!(await parts.extensions.get(key))) return false;
      await parts.voicemail.set(key, { enabled: true, email: null, pin: null });
      return true;
    },
    permanent: () => true,
  },
});

function valueOf({ number, enabled, email, pin }: Omit<Mailbox, 'greeting'>): Value {
  return { number, enabled, email, pin };
}
