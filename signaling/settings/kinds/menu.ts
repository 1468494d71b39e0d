/** Menus: one number, a prompt, and keys that lead on. */
import { z } from 'zod';
import { beside, shown } from '../../tenants';
import { isSound } from '../../prompt-folder';
import { label, mailboxIn, name, number, onward } from '../fields';
import { kind } from '../kind';

const sounds = z
  .array(z.string().max(100).refine(isSound, 'must be a file of the folder “prompts” (welcome.wav), or the key of a spoken prompt'))
  .max(20);

const onwardOr = /^(repeat|hangup)$/;
const choice = z
  .string()
  .max(281)
  .refine((value) => onwardOr.test(value) || onward.safeParse(value).success, 'must be a number as it would be dialled, voicemail:NUMBER, repeat or hangup')
  .describe('A number as it would be dialled, `voicemail:NUMBER`, `repeat` or `hangup`');

export const menu = kind({
  name: 'menu',
  plural: 'menus',
  meaning: 'a number at which callers hear a prompt and choose by keys',
  key: 'number',
  example: { number: '610', name: 'Reception', prompt: ['one-moment'], options: { '1': '1001', '2': 'voicemail:1002', '9': 'repeat' } },
  schema: z.object({
    number,
    name: label.default('').describe('What it is called'),
    prompt: sounds.min(1).describe('What is heard, one after the other: files of the folder “prompts” (welcome.wav), keys of spoken prompts (the-number-you-dialled). Text is not made into speech'),
    options: z
      .record(z.string().regex(/^[0-9*]{1,4}$/, 'must be 1 to 4 of the keys 0 to 9 and *'), choice)
      .default({})
      .describe('Where keys lead: a number as it would be dialled (phones, groups, queues, rooms, other menus), voicemail:NUMBER, repeat, hangup'),
    dialByExtension: z.boolean().default(false).describe('Whether callers may press the number of an extension instead'),
    firstSeconds: z.int().min(1).max(60).default(6).describe('How long a key is waited for after the prompt'),
    betweenSeconds: z.int().min(1).max(10).default(2).describe('How long the next key is waited for where more than one could follow'),
    tries: z.int().min(1).max(10).default(3).describe('How often the prompt is heard by who presses nothing, or nothing that leads anywhere'),
    invalidPrompt: sounds.default(['not-right']).describe('What is heard after keys that lead nowhere'),
    otherwise: choice.nullable().default(null).describe('Where callers go after that many tries; null: they hear goodbye'),
    hours: name.nullable().default(null).describe('Opening hours; null: always open'),
    closedPrompt: sounds.default([]).describe('What is heard when closed'),
    closedTo: choice.nullable().default(null).describe('Where callers go when closed; null: they hear goodbye'),
  }),
  check: ({ number: own, otherwise, closedTo }) => [
    ...(closedTo === 'repeat' ? [{ field: 'closedTo', problem: 'cannot be repeat' }] : []),
    ...(otherwise === 'repeat' ? [{ field: 'otherwise', problem: 'cannot be repeat' }] : []),
    ...(closedTo !== null && closedTo === shown(own) ? [{ field: 'closedTo', problem: 'is the menu itself' }] : []),
  ],
  refers: ({ number: own, options = {}, otherwise = null, closedTo = null, hours = null }) => [
    ...Object.entries(options).flatMap(([keys, to]) => mailboxIn(`options.${keys}`, own, to)),
    ...mailboxIn('otherwise', own, otherwise),
    ...mailboxIn('closedTo', own, closedTo),
    ...(hours === null ? [] : [{ field: 'hours', kind: 'hours', key: beside(own, hours) }]),
  ],
});
