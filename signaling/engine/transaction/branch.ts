/** Random tokens for branches and tags, cut from one larger draw: a call to the generator per transaction would cost more than the rest of it. */
import type { Random } from '../../clock';
import { MAGIC_COOKIE } from './keys';

const BYTES = 12;
const DRAW = 64;

export class Tokens {
  private pool: Buffer = Buffer.alloc(0);
  private at = 0;

  constructor(private readonly random: Random) {}

  /** 96 bits as 16 characters of the token alphabet (RFC 3261 §19.3 asks for 32 bits at least). */
  next(): string {
    if (this.at >= this.pool.length) {
      this.pool = this.random(BYTES * DRAW);
      this.at = 0;
    }
    const token = this.pool.toString('base64url', this.at, this.at + BYTES);
    this.at += BYTES;
    return token;
  }

  branch(): string {
    return MAGIC_COOKIE + this.next();
  }
}
