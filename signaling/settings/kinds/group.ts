/** Ring groups: one number, several people. */
import { z } from 'zod';
import { label, mailboxIn, number, onward, target } from '../fields';
import { kind } from '../kind';

export const strategy = z.enum(['all', 'in-turn', 'random', 'longest-idle', 'round-robin']);

export const group = kind({
  name: 'group',
  plural: 'groups',
  meaning: 'a number at which several people are called',
  key: 'number',
  example: { number: '600', name: 'Sales', members: ['1001', '1002'], strategy: 'in-turn', otherwise: 'voicemail:1001' },
  schema: z.object({
    number,
    name: label.default('').describe('What it is called'),
    members: z.array(target).min(1).max(100).describe('Whose phones ring, in this order'),
    strategy: strategy
      .default('all')
      .describe('All at once; one after the other: in the order of the list, at random, who has not talked for longest first, or beginning with the next one each time'),
    memberSeconds: z.int().min(1).max(300).default(20).describe('How long each rings, when they ring one after the other'),
    seconds: z.int().min(1).max(3600).default(60).describe('How long it rings in all'),
    skipBusy: z.boolean().default(true).describe('Whether members who are in a call are passed over'),
    followForwarding: z.boolean().default(false).describe('Whether the phone rings to which a member forwards all its calls; otherwise such a member is passed over'),
    prefix: label.default('').describe('What members see before the name of the caller'),
    music: z.string().max(4096).nullable().default(null).describe('What the caller hears: null is ring-back; “default” is the music on hold; else a WAV file or a folder of them on the server. With music the call counts as answered'),
    otherwise: onward.nullable().default(null).describe('Where calls go that nobody takes; null: they are refused'),
  }),
  refers: ({ number: own, otherwise }) => mailboxIn('otherwise', own, otherwise),
  check: ({ number: own, members, otherwise }) => [
    ...(new Set(members).size < members.length ? [{ field: 'members', problem: 'has somebody twice' }] : []),
    ...(members.includes(own) ? [{ field: 'members', problem: 'has the group itself' }] : []),
    ...(otherwise === own ? [{ field: 'otherwise', problem: 'is the group itself' }] : []),
  ],
});
