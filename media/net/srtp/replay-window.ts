/**
 * Which packet indexes were seen (RFC 3711 §3.3.2): the highest, and a bit for each of the 128 up to it.
 *
 * The bits lie in a ring of words that the index addresses, so that moving on clears words instead of shifting all of them.
 */
export const WINDOW = 128;
/** A power of two, and one word more than the window needs: the highest index may be anywhere within its word. */
const WORDS = 8;

export class ReplayWindow {
  /** -1 before the first. */
  highest = -1;
  private readonly bits = new Int32Array(WORDS);

  /** False for an index that was seen, or is too old to tell. */
  isNew(index: number): boolean {
    if (index > this.highest) return true;
    if (this.highest - index >= WINDOW) return false;
    return (this.bits[(index / 32) & (WORDS - 1)]! & (1 << (index & 31))) === 0;
  }

  /** Call with an index that is new. */
  mark(index: number): void {
    if (index > this.highest) {
      const from = Math.floor(this.highest / 32);
      const words = Math.min(Math.floor(index / 32) - from, WORDS);
      for (let i = 1; i <= words; i++) this.bits[(from + i) & (WORDS - 1)] = 0;
      this.highest = index;
    }
    this.bits[(index / 32) & (WORDS - 1)]! |= 1 << (index & 31);
  }
}
