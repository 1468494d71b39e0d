/** Tokens of programs that ask the API: made here, shown once, and kept as a digest only. */
import { createHash } from 'node:crypto';
import { type Random, systemRandom } from './clock';

/** 256 bits: nobody guesses one, so a digest without salt and work is enough (a password's would not be). */
const BYTES = 32;
/** Says what it is where one turns up in a log or a repository. */
const PREFIX = 'offhook_';

export const newToken = (random: Random = systemRandom): string => `${PREFIX}${random(BYTES).toString('base64url')}`;

/** Whether it can be one at all. */
export const isToken = (text: string): boolean => /^offhook_[A-Za-z0-9_-]{43}$/.test(text);

/** 64 hex digits. */
export const tokenDigest = (token: string): string => createHash('sha256').update(token).digest('hex');
