/**
 * Reads Authorization and Proxy-Authorization (RFC 3261 §20.7, §20.28, §25.1; RFC 7235 §2.1).
 *
 *   Digest username="1001", realm="offhook", nonce="…", uri="sip:…", response="…", algorithm=MD5, qop=auth, nc=00000001, cnonce="…"
 *   ^scheme ^directive=value, value a token or a quoted-string
 *
 * srf joins several header lines with a comma, so a comma may be followed by a directive or by another scheme: a name
 * followed by `=` is a directive, a name followed by a space and a name is a scheme. Phones quote what the grammar has
 * unquoted (qop, nc, algorithm) and the reverse: both are taken.
 */

/** The header is not in the grammar, or says a thing twice. `message` is a sentence of our own. */
export class DigestHeaderError extends Error {
  override readonly name = 'DigestHeaderError';
}

export interface Directive {
  /** Quotes and escapes removed. */
  value: string;
  /** Between the quotes, escapes left as they came: what a digest is computed over (RFC 7616 §3.3, unq()). */
  raw: string;
}

/** One set of Digest credentials; directive names in lower case. */
export type DigestCredentials = ReadonlyMap<string, Directive>;

const maxCredentials = 8;
const maxDirectives = 24;

/** The Digest credentials of a header in their order; other schemes are skipped. Errors: `DigestHeaderError`. */
export function parseDigestCredentials(header: string): DigestCredentials[] {
  const found: DigestCredentials[] = [];
  const at = new Cursor(header);
  at.skipSeparators();
  while (!at.done) {
    const scheme = at.token();
    if (scheme === '') throw new DigestHeaderError('authentication scheme expected');
    if (!at.skipSpace()) throw new DigestHeaderError('space expected after the authentication scheme');
    if (scheme.toLowerCase() === 'digest') {
      found.push(directives(at));
      if (found.length > maxCredentials) throw new DigestHeaderError('too many credentials');
    } else {
      skipForeign(at);
    }
  }
  return found;
}

function directives(at: Cursor): DigestCredentials {
  const map = new Map<string, Directive>();
  for (;;) {
    const name = at.token().toLowerCase();
    if (name === '') throw new DigestHeaderError('directive expected');
    at.skipSpace();
    if (!at.take('=')) throw new DigestHeaderError('= expected after a directive name');
    at.skipSpace();
    const value = at.value();
    // two usernames or two nonces: whoever reads the first and whoever reads the last would disagree
    if (map.has(name)) throw new DigestHeaderError('directive given twice');
    if (map.size === maxDirectives) throw new DigestHeaderError('too many directives');
    map.set(name, value);
    at.skipSpace();
    if (at.done) return map;
    if (!at.take(',')) throw new DigestHeaderError('comma expected between directives');
    at.skipSeparators();
    if (at.done || !at.directiveFollows()) return map;
  }
}

/** Past the credentials of a scheme that is not ours: token68 or directives, up to the next scheme. */
function skipForeign(at: Cursor): void {
  do {
    at.skipToComma();
    at.skipSeparators();
  } while (!at.done && at.directiveFollows());
}

const tokenChars = tableOf("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~");

function tableOf(chars: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const c of chars) table[c.charCodeAt(0)] = 1;
  return table;
}

class Cursor {
  private i = 0;

  constructor(private readonly text: string) {}

  get done(): boolean {
    return this.i >= this.text.length;
  }

  take(c: string): boolean {
    if (this.text[this.i] !== c) return false;
    this.i++;
    return true;
  }

  /** Linear white space, folding included. */
  skipSpace(): boolean {
    const start = this.i;
    while (this.i < this.text.length && isSpace(this.text.charCodeAt(this.i))) this.i++;
    return this.i > start;
  }

  skipSeparators(): void {
    do this.skipSpace();
    while (this.take(','));
  }

  /** A token; empty when there is none. */
  token(): string {
    const start = this.i;
    while (this.i < this.text.length && tokenChars[this.text.charCodeAt(this.i)] === 1) this.i++;
    return this.text.slice(start, this.i);
  }

  value(): Directive {
    return this.text.charCodeAt(this.i) === 0x22 ? this.quotedString() : this.bareValue();
  }

  private quotedString(): Directive {
    const start = this.i + 1;
    let escaped = false;
    for (let i = start; i < this.text.length; i++) {
      const c = this.text.charCodeAt(i);
      if (c === 0x22) {
        this.i = i + 1;
        const raw = this.text.slice(start, i);
        return { raw, value: escaped ? raw.replace(/\\([^])/g, '$1') : raw };
      }
      if (c === 0x5c) {
        escaped = true;
        i++;
        if (this.text.charCodeAt(i) < 0x20) break;
      } else if ((c < 0x20 && c !== 0x09) || c === 0x7f) {
        break;
      }
    }
    throw new DigestHeaderError('quoted string not closed, or a control character in it');
  }

  /** What phones leave unquoted is more than a token (`uri=sip:…`). */
  private bareValue(): Directive {
    const start = this.i;
    while (this.i < this.text.length) {
      const c = this.text.charCodeAt(this.i);
      if (c <= 0x20 || c === 0x22 || c === 0x2c || c === 0x7f) break;
      this.i++;
    }
    if (this.i === start) throw new DigestHeaderError('value expected');
    const raw = this.text.slice(start, this.i);
    return { raw, value: raw };
  }

  /** Looks ahead: a name and then `=`, or a name and then something else (a scheme). */
  directiveFollows(): boolean {
    const start = this.i;
    this.token();
    this.skipSpace();
    const follows = this.text[this.i] === '=';
    this.i = start;
    return follows;
  }

  /** To the next comma outside quotes, or to the end. */
  skipToComma(): void {
    let quoted = false;
    for (; this.i < this.text.length; this.i++) {
      const c = this.text.charCodeAt(this.i);
      if (c === 0x5c && quoted) this.i++;
      else if (c === 0x22) quoted = !quoted;
      else if (c === 0x2c && !quoted) return;
    }
  }
}

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x09 || c === 0x0d || c === 0x0a;
}
