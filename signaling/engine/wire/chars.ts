/**
 * Character classes of SIP's grammar (RFC 3261 §25.1) as tables: the parsers here look bytes up, they run no regular
 * expressions on the hot path.
 */

/** token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~") */
const TOKEN = table("-.!%*_+`'~", true);
/** Characters of a host name or IPv4 address. "_" is not in the grammar, but is in names people have. */
const HOST = table('-._', true);

function table(extra: string, alphanumeric: boolean): Uint8Array {
  const set = new Uint8Array(128);
  for (let code = 0; code < 128; code++) {
    const char = String.fromCharCode(code);
    if (extra.includes(char) || (alphanumeric && /[0-9A-Za-z]/.test(char))) set[code] = 1;
  }
  return set;
}

function all(text: string, set: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) {
    if (set[text.charCodeAt(i)] !== 1) return false;
  }
  return text.length > 0;
}

export function isToken(text: string): boolean {
  return all(text, TOKEN);
}

export function isTokenByte(code: number): boolean {
  return TOKEN[code] === 1;
}

export function isHostName(text: string): boolean {
  return all(text, HOST);
}

/** SP or HTAB; line ends never reach the value parsers, folding is undone before. */
export function isWs(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The index of the first character at or after `at` that is not white space. */
export function skipWs(text: string, at: number): number {
  while (isWs(text.charCodeAt(at))) at++;
  return at;
}

/** `text.slice(start, end)` without white space at either end. */
export function sliceTrimmed(text: string, start: number, end: number): string {
  while (start < end && isWs(text.charCodeAt(start))) start++;
  while (end > start && isWs(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Trims SP and HTAB only: `String.trim` would also take Unicode spaces, which are content. */
export function trimWs(text: string): string {
  return sliceTrimmed(text, 0, text.length);
}

/**
 * 1*DIGIT as a number, or undefined when it is anything else or more than `max`. Leading zeros are legal in SIP.
 */
export function parseDigits(text: string, max: number): number | undefined {
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
    if (value > max) return undefined;
  }
  return text.length > 0 ? value : undefined;
}

/**
 * Whether every control character in a header value is legal: HTAB anywhere, others (never CR or LF) only as the second half of
 * a quoted-pair inside a quoted string (RFC 3261 §25.1; RFC 4475 §3.1.1.2 has NUL, BEL and DEL there).
 */
export function controlsAreQuoted(value: string): boolean {
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0x22) quoted = !quoted;
    else if (code === 0x5c && quoted) {
      i++;
      const escaped = value.charCodeAt(i);
      if (escaped === 0x0a || escaped === 0x0d) return false;
    } else if ((code < 0x20 && code !== 0x09) || code === 0x7f) return false;
  }
  return true;
}

/** Whether a value holds a control character other than HTAB: the cheap test before `controlsAreQuoted`. */
export function hasControls(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true;
  }
  return false;
}

/**
 * The index after the quoted string that starts at `at` (which holds the opening quote), or -1 when it never closes.
 */
export function endOfQuoted(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === 0x22) return i + 1;
  }
  return -1;
}

/** The content of a quoted string, its quoted-pairs undone; any other text comes back as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== 0x22 || text.charCodeAt(text.length - 1) !== 0x22) return text;
  const inner = text.slice(1, -1);
  return inner.includes('\\') ? inner.replace(/\\([\s\S])/g, '$1') : inner;
}

/** A quoted string. CR and LF cannot be written in one (RFC 3261 §25.1): they become a space. */
export function quote(text: string): string {
  if (!/["\\\x00-\x1f\x7f]/.test(text)) return `"${text}"`;
  return `"${text.replace(/[\r\n]+/g, ' ').replace(/["\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, '\\$&')}"`;
}
