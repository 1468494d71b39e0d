/**
 * Text of strangers on a terminal. A name from the network may hold control characters, escape sequences, characters that turn the reading
 * direction round, endless accents, or characters two columns wide: `harmless` takes out what a terminal would obey, `widthOf` and `fit`
 * count columns (Unicode UAX #11, as terminals do it).
 */

/** Obeyed or invisible: controls, formats (bidi among them), surrogates, private and unassigned ones; line separators; selectors and modifiers that change the width of what stands before. */
const TAKEN_OUT = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u{fe00}-\u{fe0f}\u{1f3fb}-\u{1f3ff}\u{034f}\u{115f}-\u{11ff}\u{d7b0}-\u{d7ff}\u{17b4}\u{17b5}\u{3164}\u{ffa0}]/u;
const MARK = /\p{M}/u;
/** A whole terminal sequence goes, not only its ESC: what is left of it would be read as part of the name. */
const SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]P_^X][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|[ -/]*[0-~])|\u009b[0-?]*[ -/]*[@-~]/g;

/** More accents than this over one character would grow into the lines above. */
const MOST_MARKS = 2;
/** Names longer than this are cut before anything else is done with them. */
const LONGEST = 4000;

/** One line of printable text; what separates words becomes one blank. `unicode` false: ASCII only, accents taken off, '?' for the rest. */
export function harmless(text: string, unicode = true): string {
  let out = '';
  let marks = 0;
  for (const char of text.slice(0, LONGEST).replace(/[\t\r\n\u0085\u2028\u2029]+/g, ' ').replace(SEQUENCE, '').normalize(unicode ? 'NFC' : 'NFKD')) {
    const code = char.codePointAt(0)!;
    if (code >= 0x20 && code < 0x7f) {
      out += char;
      marks = 0;
    } else if (TAKEN_OUT.test(char)) continue;
    else if (MARK.test(char)) {
      // A mark needs something under it, or it would change what stands before the name.
      if (unicode && out !== '' && ++marks <= MOST_MARKS) out += char;
    } else {
      marks = 0;
      // A pair of regional indicators is a flag on one terminal and two boxes on another: letters everywhere.
      if (code >= 0x1f1e6 && code <= 0x1f1ff) out += String.fromCharCode(65 + code - 0x1f1e6);
      else if (/\p{Zs}/u.test(char)) out += ' ';
      else out += unicode ? char : (PLAIN[char] ?? '?');
    }
  }
  return out;
}

const PLAIN: Readonly<Record<string, string>> = { 'ß': 'ss', 'ø': 'o', 'Ø': 'O', 'ł': 'l', 'Ł': 'L', 'æ': 'ae', 'Æ': 'AE', 'œ': 'oe', 'đ': 'd', 'ı': 'i', '–': '-', '—': '-', '‘': "'", '’': "'", '“': '"', '”': '"', '…': '...' };

/** First and last code points of the characters that take two columns, pictures aside (those Unicode lists itself). */
const WIDE: ReadonlyArray<readonly [number, number]> = [
  [0x1100, 0x115f], [0x2329, 0x232a], [0x2e80, 0x303e], [0x3041, 0x3247], [0x3250, 0x33ff], [0x3400, 0x4dbf], [0x4e00, 0xa4cf], [0xa960, 0xa97f], [0xac00, 0xd7a3],
  [0xf900, 0xfaff], [0xfe10, 0xfe19], [0xfe30, 0xfe6f], [0xff00, 0xff60], [0xffe0, 0xffe6], [0x16fe0, 0x18dff], [0x1aff0, 0x1b2ff], [0x1f200, 0x1f2ff], [0x20000, 0x3fffd],
];

/** Columns that one character takes. Of a spacing mark: 1, as most terminals have it. */
function columnsOf(char: string): number {
  const code = char.codePointAt(0)!;
  if (code < 0x300) return 1;
  if (/\p{Mn}|\p{Me}/u.test(char)) return 0;
  if (WIDE.some(([from, to]) => code >= from && code <= to) || /\p{Emoji_Presentation}/u.test(char)) return 2;
  return 1;
}

/** Of harmless text, in columns. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += columnsOf(char);
  return width;
}

/** At most `columns` wide; what is cut off is told by `ellipsis`. */
export function clip(text: string, columns: number, ellipsis = '…'): string {
  if (columns <= 0) return '';
  if (text.length <= columns && /^[ -~]*$/.test(text)) return text;
  if (widthOf(text) <= columns) return text;
  const room = columns - widthOf(ellipsis);
  if (room < 0) return '';
  let out = '';
  let width = 0;
  for (const char of text) {
    width += columnsOf(char);
    if (width > room) break;
    out += char;
  }
  return out + ellipsis;
}

/** Exactly `columns` wide. */
export function fit(text: string, columns: number, ellipsis = '…'): string {
  const clipped = clip(text, columns, ellipsis);
  return clipped + ' '.repeat(Math.max(0, columns - widthOf(clipped)));
}

/** Broken at blanks where there are some; at most `most` lines, the last one cut. */
export function wrap(text: string, columns: number, most: number, ellipsis = '…'): string[] {
  const lines: string[] = [];
  let rest = text.trim();
  while (rest !== '' && columns > 0 && lines.length < most) {
    if (lines.length === most - 1 || widthOf(rest) <= columns) {
      lines.push(clip(rest, columns, ellipsis));
      break;
    }
    let head = clip(rest, columns, '');
    // A character of two columns does not fit into one: it is left out, or this would never end.
    if (head === '') break;
    const blank = head.lastIndexOf(' ');
    if (blank > columns / 2 && rest[head.length] !== ' ') head = head.slice(0, blank);
    lines.push(head.trimEnd());
    rest = rest.slice(head.length).trimStart();
  }
  return lines;
}
