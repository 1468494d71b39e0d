/** Entity tags (RFC 9110 §8.8.3) of plain data: the same data has the same tag, whoever wrote it and when. */
import { createHmac, randomBytes } from 'node:crypto';

/** Of this process: whoever is shown a tag must not be able to try which PIN leads to it. After a restart editors look again. */
const KEY = randomBytes(32);

/** With its quotes. */
export const etagOf = (value: unknown): string => `"${createHmac('sha256', KEY).update(canonical(value)).digest('base64url').slice(0, 27)}"`;

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (one !== null && typeof one === 'object' && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one)) ?? '';
}

/** Whether `If-Match` or `If-None-Match` (§13.1) names this tag; `undefined`: there is no such thing. */
export const matches = (header: string, etag: string | undefined): boolean =>
  header.trim() === '*' ? etag !== undefined : header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
