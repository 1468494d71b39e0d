/** Fields that several kinds have. */
import { z } from 'zod';
import { checkDialledNumber } from '../numbers';
import { isOffhookError } from '../errors';
import { beside, shown } from '../tenants';
import type { Reference } from './kind';

/** A number that a check of `numbers.ts` lets pass. */
export const numberBy = (check: (number: string) => unknown): z.ZodString =>
  z
    .string()
    .max(271)
    .superRefine((value, context) => {
      const problem = refusal(() => check(value));
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    });

/** Why a check refuses; undefined: it does not. Errors: others than those of the table with a reason. */
export function refusal(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (err) {
    const { reason } = isOffhookError(err) ? (err.fields as { reason?: string }) : {};
    if (reason === undefined) throw err;
    return reason;
  }
}

/** One's own, by which one is dialled: 2 to 15 digits that mean nothing else; of another tenant than the first with `@domain`. */
export const number = numberBy(checkDialledNumber).describe('The number by which it is dialled: 2 to 15 digits that nothing else has');

/** Something that can be dialled. */
export const target = z
  .string()
  .max(271)
  .refine((value) => /^\+?[0-9*#]{1,32}$/.test(shown(value)), 'must be a number as it would be dialled')
  .describe('A number as it would be dialled');

/** Where a call goes on: something that can be dialled, or the mailbox of an extension. */
export const onward = z
  .string()
  .max(281)
  .refine((value) => /^(\+?[0-9*#]{1,32}|voicemail:[0-9]{2,15})$/.test(shown(value)), 'must be a number as it would be dialled, or voicemail:NUMBER')
  .describe('A number as it would be dialled, or `voicemail:NUMBER`');

/** Whose mailbox an `onward` of whoever has the number `own` is: that extension has to be there. */
export function mailboxIn(field: string, own: string, target: string | null): Reference[] {
  const of = target?.startsWith('voicemail:') ? target.slice('voicemail:'.length) : undefined;
  return of === undefined ? [] : [{ field, kind: 'extension', key: beside(own, of) }];
}

export const name = z
  .string()
  .max(320)
  // a pattern of JSON Schema knows no flags
  .refine((value) => /^[\p{L}\p{N}][\p{L}\p{N}._ -]{0,63}(@[a-z0-9.-]+)?$/u.test(value), 'must be 1 to 64 letters, digits, spaces, dots, - and _, a letter or digit first')
  .describe('What it is known by');

/** What people are shown. */
export const label = z
  .string()
  .max(64)
  .refine((value) => !/\p{Cc}/u.test(value), 'must have no control characters');

export const timeZone = z.string().refine((zone) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}, 'must be a time zone such as Europe/Berlin');
