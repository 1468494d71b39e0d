/** Paging: one number, the loudspeakers of several phones. */
import { z } from 'zod';
import { label, number, target } from '../fields';
import { kind } from '../kind';

export const paging = kind({
  name: 'paging',
  plural: 'paging',
  meaning: 'a number at which one speaks through the loudspeakers of several phones',
  key: 'number',
  example: { number: '620', name: 'Workshop', members: ['1001', '1002'] },
  schema: z.object({
    number,
    name: label.default('').describe('What it is called, on the phones, too'),
    members: z.array(target).min(1).max(200).describe('Whose phones answer by themselves'),
    talkBack: z.boolean().default(false).describe('Whether members are heard, too'),
    skipBusy: z.boolean().default(true).describe('Whether members who are in a call are left in peace'),
    beep: z.boolean().default(true).describe('Whether a beep is heard first'),
    seconds: z.int().min(1).max(60).default(5).describe('How long phones are given to answer'),
    callers: z.array(target).max(500).default([]).describe('Who may speak; empty: every extension of the tenant'),
  }),
  check: ({ number: own, members }) => [
    ...(new Set(members).size < members.length ? [{ field: 'members', problem: 'has somebody twice' }] : []),
    ...(members.includes(own) ? [{ field: 'members', problem: 'has its own number' }] : []),
  ],
});
