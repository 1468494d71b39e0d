/** What a program may ask of a call, checked: its thread runs code that is not ours. */
import { z } from 'zod';

const seconds = (most: number) => z.number().min(0).max(most);
const keys = z.string().regex(/^[0-9*#A-D]{0,16}$/, 'must be keys: 0-9 * # A-D');
const number = z.string().regex(/^\+?[0-9*#]{1,32}$/, 'must be a number as it is dialled');

const sound = z.union([
  z.string().min(1).max(1000).refine((text) => !text.includes('\0'), 'must be a file or the key of a prompt'),
  z.strictObject({ tone: z.enum(['dial', 'ringback', 'busy', 'reorder', 'sit', 'beep']), seconds: seconds(3600).optional() }),
  z.strictObject({ hz: z.array(z.number().min(20).max(20_000)).min(1).max(4), seconds: seconds(3600), level: z.number().min(-60).max(0).optional() }),
  z.strictObject({ silence: seconds(3600) }),
  z.strictObject({ number: z.number().int().min(-999_999_999).max(999_999_999) }),
  z.strictObject({ digits: z.string().regex(/^[0-9*#+]{1,40}$/, 'must be digits') }),
], { error: 'must be a sound: a name, or { tone }, { hz, seconds }, { silence }, { number } or { digits }' });

const sounds = z.preprocess((what) => (Array.isArray(what) ? what : [what]), z.array(sound).max(50));

const operation = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('early') }),
  z.strictObject({ op: z.literal('answer') }),
  z.strictObject({ op: z.literal('play'), what: sounds, options: z.strictObject({ interrupt: z.boolean().optional(), loop: z.boolean().optional() }).default({}) }),
  z.strictObject({ op: z.literal('stopPlaying') }),
  z.strictObject({ op: z.literal('pause'), seconds: seconds(3600) }),
  z.strictObject({ op: z.literal('digit'), within: seconds(3600).default(8) }),
  z.strictObject({
    op: z.literal('gather'),
    options: z.strictObject({
      digits: z.number().int().min(1).max(32),
      atLeast: z.number().int().min(0).max(32).default(1),
      terminators: keys.default('#'),
      firstSeconds: seconds(600).default(8),
      betweenSeconds: seconds(600).default(3),
      prompt: sounds.default([]),
      bargeIn: z.boolean().default(true),
      tries: z.number().int().min(1).max(20).default(1),
    }),
  }),
  z.strictObject({ op: z.literal('forgetDigits') }),
  z.strictObject({
    op: z.literal('record'),
    options: z.strictObject({
      file: z.string().regex(/^[^\0]{1,1000}\.(wav|ogg)$/, 'must end in .wav or .ogg').optional(),
      maxSeconds: z.number().min(1).max(14_400).default(300),
      silenceSeconds: z.number().min(1).max(600).optional(),
      terminators: keys.default('#'),
    }).prefault({}),
  }),
  z.strictObject({
    op: z.literal('transfer'),
    to: z.union([number, z.string().regex(/^voicemail:[0-9]{2,15}$/), z.array(number).min(1).max(50)], { error: 'must be a number as it is dialled, several of extensions, or voicemail:NUMBER' }),
    options: z.strictObject({ asDialled: z.boolean().optional(), seconds: z.number().min(1).max(600).optional(), hears: z.enum(['ringback', 'the same']).optional() }).default({}),
  }),
  z.strictObject({ op: z.literal('hangup'), status: z.number().int().min(400).max(699).optional(), reason: z.string().max(200).optional() }),
]);

export type Operation = z.infer<typeof operation>;
export type Sounds = Extract<Operation, { op: 'play' }>['what'];

const displayName = z.string().min(1).max(64);

const verdict = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('allow'), name: displayName.optional() }),
  z.strictObject({ do: z.literal('deny'), status: z.number().int().min(400).max(699), reason: z.string().max(200).optional() }),
  z.strictObject({ do: z.literal('redirect'), to: number, name: displayName.optional() }),
]);

export type CheckedVerdict = z.infer<typeof verdict>;

/** Errors: `Error` whose message names what is wrong: `gather: options.digits: Too big…`. */
export const operationOf = (asked: unknown): Operation => checked(operation, asked, (asked as { op?: unknown } | null)?.op);

/** Nothing is returned for `undefined`. Errors: `Error`. */
export const verdictOf = (given: unknown): CheckedVerdict | undefined => (given === undefined || given === null ? undefined : checked(verdict, given, 'onCall'));

function checked<T>(schema: z.ZodType<T>, value: unknown, what: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`${String(what)}: ${[...(issue?.path ?? []), ''].join('.').replace(/\.$/, ': ')}${issue?.message ?? 'not understood'}`);
}
