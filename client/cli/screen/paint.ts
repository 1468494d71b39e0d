/** A line of the screen as pieces with a meaning; what a meaning looks like is decided here, once. */
import { clip, widthOf } from './text';

/** 'plain': as the terminal has it. None of them carries what is not in the words, too: the screen is read without colour. */
export type Tone = 'plain' | 'strong' | 'dim' | 'good' | 'fair' | 'bad' | 'key' | 'bar';

export type Piece = string | readonly [Tone, string];

const SGR: Readonly<Record<Tone, string>> = { plain: '', strong: '1', dim: '2', good: '32', fair: '33', bad: '1;31', key: '1;36', bar: '7' };

export interface Ink {
  colour: boolean;
  unicode: boolean;
}

export function tail(ink: Ink): string {
  return ink.unicode ? '…' : '~';
}

/** One line, at most `columns` wide, without blanks at its end unless it is a bar. */
export function paint(pieces: readonly Piece[], columns: number, ink: Ink): string {
  let left = columns;
  let out = '';
  for (const piece of pieces) {
    const [tone, text] = typeof piece === 'string' ? (['plain', piece] as const) : piece;
    const shown = clip(text, left, tail(ink));
    left -= widthOf(shown);
    const code = ink.colour ? SGR[tone] : '';
    out += code === '' || shown === '' ? shown : `\u001b[${code}m${shown}\u001b[0m`;
    if (shown !== text) break;
  }
  return out.replace(/ +$/, '');
}

/** What is left stands left, what is right stands right; the right one gives way when there is no room for both. */
export function spread(left: readonly Piece[], right: readonly Piece[], columns: number): Piece[] {
  const gap = columns - piecesWidth(left) - piecesWidth(right);
  return gap < 1 ? [...left] : [...left, ' '.repeat(gap), ...right];
}

export function piecesWidth(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + widthOf(typeof piece === 'string' ? piece : piece[1]), 0);
}
