/**
 * PINs of mailboxes: which can be one, and their digests. A few digits are soon guessed by whoever has the digest; it keeps them from being
 * read, and scrypt (RFC 7914) makes guessing cost something.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { type Random, systemRandom } from './clock';
import { OffhookError } from './errors';

const COST = { N: 16_384, r: 8, p: 1 } as const;
const LENGTH = 32;

export const isPin = (pin: string): boolean => /^\d{4,10}$/.test(pin);

/** `scrypt$<salt>$<digest>`, both base64url. Errors: `mailbox.bad-pin`. */
export async function pinDigest(pin: string, random: Random = systemRandom): Promise<string> {
  if (!isPin(pin)) throw new OffhookError('mailbox.bad-pin', {});
  const salt = Buffer.from(random(16));
  return `scrypt$${salt.toString('base64url')}$${(await derive(pin, salt)).toString('base64url')}`;
}

export async function pinFits(pin: string, digest: string): Promise<boolean> {
  const [kind, salt = '', hash = ''] = digest.split('$');
  const wanted = Buffer.from(hash, 'base64url');
  if (kind !== 'scrypt' || wanted.length !== LENGTH) return false;
  return timingSafeEqual(await derive(pin, Buffer.from(salt, 'base64url')), wanted);
}

function derive(pin: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => scrypt(pin, salt, LENGTH, COST, (err, key) => (err ? reject(err) : resolve(key))));
}
