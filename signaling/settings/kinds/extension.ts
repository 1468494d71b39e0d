/** What can be set for an extension besides what has columns of its own. */
import { z } from 'zod';
import { label, target } from '../fields';
import { callClass } from './trunk';
import type { ExtensionSettings } from '../../store/store';

export const extensionSettings = z.strictObject({
  callWaiting: z.boolean().optional().describe('Whether it rings while it talks'),
  maxCalls: z.int().min(1).max(1000).optional().describe('Calls at once, its own included; one more is busy'),
  findMe: z
    .strictObject({
      order: z.enum(['at-once', 'in-turn']).default('in-turn').describe('All after their delays while the own phones ring on, or one after the other'),
      targets: z
        .array(
          z.strictObject({
            number: target,
            delay: z.int().min(0).max(300).default(0).describe('Seconds after the own phones, when all ring at once'),
            seconds: z.int().min(1).max(300).default(20).describe('How long it rings'),
          }),
        )
        .max(10),
    })
    .optional()
    .describe('Where else it rings; whoever answers first has the call'),
  permissions: z.array(callClass).max(10).optional().describe('What it may call outside, by the classes of routes'),
  callerId: z
    .strictObject({ number: target.optional().describe('Its number, as a provider takes it'), name: label.optional(), anonymous: z.boolean().optional().describe('Whether its number is kept back') })
    .optional()
    .describe('What those see whom it calls outside'),
  limits: z
    .strictObject({
      maxCalls: z.int().min(1).max(1000).optional().describe('Calls outside at once'),
      callsPerMinute: z.int().min(1).max(1000).optional().describe('Calls outside begun in a minute'),
      dailyBudget: z.number().min(0).max(1_000_000_000).optional().describe('What they may cost in a day'),
    })
    .optional()
    .describe('Of its calls outside'),
  watchable: z.boolean().optional().describe('Whether others may see by lamps and presence what it does'),
  pickupGroups: z.array(z.string().regex(/^[\p{L}\p{N}._-]{1,32}$/u, 'must be 1 to 32 letters, digits, dots, - and _')).max(20).optional().describe('Whoever has one in common takes calls that ring here with *8'),
  autoAnswer: z
    .union([z.enum(['nobody', 'anyone']), z.array(target).max(100)])
    .optional()
    .describe('For whom its phone answers by itself when *80 and its number is dialled: nobody, anyone of its tenant, or these numbers'),
  supervisor: z
    .strictObject({
      calls: z.array(target).max(500).describe('Numbers of extensions and ring groups; * is everybody of its tenant'),
      tone: z.boolean().default(false).describe('Whether those who talk hear a tone when it begins'),
    })
    .optional()
    .describe('Whose calls it may listen to (*81), whisper into (*82) and join (*83)'),
}) satisfies z.ZodType<ExtensionSettings>;
