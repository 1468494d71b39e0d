/**
 * Which form of SRTP a phone is offered first: what it was last seen with. The keys themselves, and the policies: `media/sdp/keys.ts`.
 *
 * To a phone that was seen with RTP/SAVP before, that; to all others RTP/AVP with our keys in it. A phone that refuses one of the two (488)
 * is called once more with the other.
 */
import { isSecure, type Picked, type Profile } from '../../media/sdp';

const phone = (number: string, address: string): string => `${number} ${address.replace(/^::ffff:(?=\d+\.)/i, '')}`;

/** Which phones were last seen with RTP/SAVP, and which without: what to try first. Forgets the oldest above `limit`. */
export class SrtpHabits {
  private readonly seen = new Map<string, boolean>();

  constructor(private readonly limit = 10_000) {}

  learn(number: string, address: string, { stream }: Pick<Picked, 'stream'>): void {
    const key = phone(number, address);
    this.seen.delete(key);
    this.seen.set(key, isSecure(stream));
    if (this.seen.size > this.limit) this.seen.delete(this.seen.keys().next().value as string);
  }

  profileFor(number: string, address: string): Profile {
    return this.seen.get(phone(number, address)) ? 'srtp' : 'either';
  }
}
