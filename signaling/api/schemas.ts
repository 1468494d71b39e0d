/** What several routes speak of. */
import { z } from 'zod';

/** Unix milliseconds inside, ISO 8601 outside. */
export const time = z.iso.datetime();
export const isoTime = (ms: number): string => new Date(ms).toISOString();

export const count = z.number();
/** By name; what counts nothing may be missing. */
export const counts = z.record(z.string(), count);

/** What `problems.ts` makes. */
export const problemSchema = z
  .object({
    type: z.string().describe('urn:offhook:problem: and the code'),
    title: z.string().describe('What the status means'),
    status: z.int(),
    detail: z.string().describe('A sentence: what is wrong, and what to do about it'),
    code: z.string().describe('Which problem; the same for ever'),
    retryable: z.boolean().describe('The same request may succeed a moment later'),
    errors: z.array(z.object({ field: z.string().describe('`members.0`; empty: all of it'), problem: z.string() })).optional().describe('What is wrong with what was sent, by field'),
  })
  .describe('A problem (RFC 9457)');

/** Of a list. */
export const page = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('At most so many'),
  cursor: z.string().min(1).max(300).optional().describe('`next` of the page before'),
});
export const next = z.string().nullable().describe('What to ask for as `cursor` to see more, which the header Link says, too; null: this is the end');

export const noContent = z.null().describe('Done');
