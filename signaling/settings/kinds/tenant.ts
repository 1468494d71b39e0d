/** A tenant: a domain with phones, rooms, groups and trunks of its own, which nothing of another's can reach. */
import { z } from 'zod';
import { label } from '../fields';
import { kind } from '../kind';

export const tenant = kind({
  name: 'tenant',
  plural: 'tenants',
  meaning: 'a domain with extensions, rooms, groups, queues, menus and trunks of its own (1001@DOMAIN)',
  key: 'name',
  example: { name: 'acme.example', label: 'Acme', maxCalls: 50 },
  schema: z.object({
    name: z
      .string()
      .regex(/^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/, 'must be a domain in small letters, with a dot in it')
      .refine((domain) => !/^[\d.]+$/.test(domain), 'must be a name, not an address')
      .describe('The domain that its phones register with; it is the realm of their passwords, too'),
    label: label.optional().describe('What people call it'),
    maxCalls: z.int().min(1).max(100_000).optional().describe('Calls of its phones at once; more are refused'),
    enabled: z.boolean().default(true).describe('False: its phones are not admitted'),
  }),
});
