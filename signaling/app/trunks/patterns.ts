/**
 * Patterns of numbers, and which of thousands fit a number best: those that begin with the most digits of it. They are found by these digits, so that
 * the cost does not grow with their count.
 */

export interface Pattern {
  /** Of the number in full (E.164, `+49…`), not as it was dialled. */
  readonly full: boolean;
  /** What it begins with, up to the first place that may be several digits; with the +. */
  readonly literal: string;
  matches(number: string): boolean;
}

const places: Readonly<Record<string, string>> = { X: '[0-9]', Z: '[1-9]', N: '[2-9]', '.': '[0-9*#]+', '!': '[0-9*#]*', '*': '\\*', '+': '\\+', '#': '#' };

/** Of text that the door has let in. */
export function compile(text: string): Pattern {
  const literal = /^\+?[0-9*#]*/.exec(text)?.[0] ?? '';
  const source = text.replace(/\[[0-9-]+\]|[XZN.!*+#]/g, (one) => places[one] ?? one);
  const expression = new RegExp(`^${source}$`);
  return { full: text.startsWith('+'), literal, matches: (number) => expression.test(number) };
}

interface Entry<T> {
  pattern: Pattern;
  value: T;
}

/** Numbers as they were dialled, and in full where that is known. */
export interface Asked {
  dialled: string;
  full: string | undefined;
}

export class PatternTable<T> {
  private readonly byLiteral = new Map<string, Array<Entry<T>>>();
  private longest = 0;

  constructor(entries: Iterable<readonly [pattern: string, value: T]>) {
    for (const [text, value] of entries) {
      const pattern = compile(text);
      const those = this.byLiteral.get(pattern.literal) ?? [];
      those.push({ pattern, value });
      this.byLiteral.set(pattern.literal, those);
      this.longest = Math.max(this.longest, pattern.literal.length);
    }
  }

  /** Those that fit best, in the order in which they came; none fits: empty. */
  find({ dialled, full }: Asked): T[] {
    for (let length = Math.min(this.longest, Math.max(dialled.length, full?.length ?? 0)); length >= 0; length--) {
      const found = [...this.fitting(dialled, length, false), ...(full === undefined ? [] : this.fitting(full, length, true))];
      if (found.length > 0) return found;
    }
    return [];
  }

  private fitting(number: string, length: number, full: boolean): T[] {
    if (length > number.length) return [];
    const entries = this.byLiteral.get(number.slice(0, length)) ?? [];
    return entries.filter(({ pattern }) => pattern.full === full && pattern.matches(number)).map(({ value }) => value);
  }
}
