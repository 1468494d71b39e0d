/**
 * Which challenges a phone is sent: MD5 and SHA-256 (RFC 8760 §2.2), or MD5 alone for phones that cannot read past an algorithm they do
 * not know. RFC 7616 §3.7 has them skip it; some drop the whole answer and never come back with credentials.
 *
 * Such phones are known by their User-Agent where we have met them. The others give themselves away: a request without credentials,
 * from where the last one was challenged and the challenge was left unanswered, gets MD5 alone, then and for as long as it is remembered.
 * Nothing is lost by that: whoever can make us leave SHA-256 out could answer the MD5 challenge as well.
 */
import type { Clock } from '../clock';
import { detached } from './text';

/** [User-Agent, what it does with a challenge it does not know] */
const knownBewildered: ReadonlyArray<readonly [RegExp, string]> = [
  [/^baresip\b/i, 'libre before 3.12 ends the transaction with ENOSYS; later ones take the second challenge of a realm for a refused password'],
];

export interface ChallengeChoiceLimits {
  /** Phones remembered. */
  max: number;
  /** A challenge unanswered for less than this may be answered yet. */
  patienceMs: number;
}

interface Phone {
  askedAt: number;
  md5Only: boolean;
}

export class ChallengeChoice {
  private readonly phones = new Map<string, Phone>();

  constructor(
    private readonly limits: ChallengeChoiceLimits,
    private readonly clock: Clock,
  ) {}

  /** A request without credentials is about to be challenged. `phone` names it: its source and its user. */
  onAsking(phone: string, userAgent: string | undefined): 'both' | 'md5' {
    if (isKnown(userAgent)) return 'md5';
    const now = this.clock.now();
    const known = this.phones.get(phone);
    const md5Only = known !== undefined && (known.md5Only || now - known.askedAt >= this.limits.patienceMs);
    this.remember(phone, { askedAt: known && !md5Only ? known.askedAt : now, md5Only });
    return md5Only ? 'md5' : 'both';
  }

  /** A request with credentials came: the challenge was understood. What it takes to answer again is returned. */
  onAnswer(phone: string, userAgent: string | undefined): 'both' | 'md5' {
    if (isKnown(userAgent)) return 'md5';
    if (this.phones.get(phone)?.md5Only) return 'md5';
    this.phones.delete(phone);
    return 'both';
  }

  get remembered(): number {
    return this.phones.size;
  }

  private remember(name: string, phone: Phone): void {
    const key = detached(name);
    this.phones.delete(key);
    while (this.phones.size > 0 && this.phones.size >= this.limits.max) this.phones.delete(this.phones.keys().next().value as string);
    this.phones.set(key, phone);
  }
}

function isKnown(userAgent: string | undefined): boolean {
  return userAgent !== undefined && knownBewildered.some(([agent]) => agent.test(userAgent));
}
