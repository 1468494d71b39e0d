/**
 * The header fields of one message, in order, repeated ones kept apart (RFC 3261 §7.3.1).
 */
import { controlsAreQuoted, hasControls, sliceTrimmed, trimWs } from './chars';
import { excerpt, SipParseError } from './errors';
import { headerKey, headerName } from './header-names';

/** One header line. Entries are never changed, so clones share them. */
export interface HeaderEntry {
  readonly key: string;
  readonly name: string;
  readonly value: string;
}

/**
 * An ordered list, not a map of lists: a message has about a dozen lines, which a scan finds faster than hashing does, and the
 * order between different headers survives. Names may be given in any case and in compact form.
 */
export class Headers {
  private entries: HeaderEntry[] = [];
  /** What `lines` gave; undefined once something has changed. */
  private text: string | undefined;

  get size(): number {
    return this.entries.length;
  }

  /** The first line's value. */
  get(name: string): string | undefined {
    return this.first(name)?.value;
  }

  private first(name: string): HeaderEntry | undefined {
    const { entries } = this;
    // Nearly always it is asked for by its key.
    for (let i = 0; i < entries.length; i++) if (entries[i]!.key === name) return entries[i];
    const key = headerKey(name);
    return key === name ? undefined : entries.find((entry) => entry.key === key);
  }

  /** Every line's value, lines not split at commas. */
  getAll(name: string): string[] {
    const key = headerKey(name);
    const values: string[] = [];
    for (const entry of this.entries) if (entry.key === key) values.push(entry.value);
    return values;
  }

  /** Every element of a comma-separated header over all its lines. Not for headers whose values hold bare commas (Date, credentials). */
  getList(name: string): string[] {
    const lines = this.getAll(name);
    return lines.length === 1 ? splitList(lines[0] as string) : lines.flatMap(splitList);
  }

  /** As they go on the wire, each line closed: Via first (RFC 3261 §7.3.1 recommends it), the others in their order, without Content-Length. */
  lines(): string {
    if (this.text !== undefined) return this.text;
    let vias = '';
    let others = '';
    for (const { key, name, value } of this.entries) {
      if (key === 'via') vias += `Via: ${value}\r\n`;
      else if (key !== 'content-length') others += `${name}: ${value}\r\n`;
    }
    return (this.text = vias + others);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Replaces the first line of that name and drops its other lines; appends when there is none. */
  set(name: string, value: string): void {
    this.text = undefined;
    const entry = makeEntry(name, value);
    const at = this.entries.findIndex((e) => e.key === entry.key);
    if (at < 0) {
      this.entries.push(entry);
      return;
    }
    this.entries[at] = entry;
    this.entries = this.entries.filter((e, i) => i <= at || e.key !== entry.key);
  }

  /** Replaces the first line of that name only (the top Via); appends when there is none. */
  setFirst(name: string, value: string): void {
    this.text = undefined;
    const entry = makeEntry(name, value);
    const at = this.entries.findIndex((e) => e.key === entry.key);
    if (at < 0) this.entries.push(entry);
    else this.entries[at] = entry;
  }

  append(name: string, value: string): void {
    this.text = undefined;
    this.entries.push(makeEntry(name, value));
  }

  /** Puts a line before every other. */
  prepend(name: string, value: string): void {
    this.text = undefined;
    this.entries.unshift(makeEntry(name, value));
  }

  /** Removes every line of that name. */
  remove(name: string): void {
    this.text = undefined;
    const key = headerKey(name);
    if (this.entries.some((e) => e.key === key)) this.entries = this.entries.filter((e) => e.key !== key);
  }

  /** Removes the first line of that name only (the top Via). */
  removeFirst(name: string): void {
    this.text = undefined;
    const key = headerKey(name);
    const at = this.entries.findIndex((e) => e.key === key);
    if (at >= 0) this.entries.splice(at, 1);
  }

  clone(): Headers {
    const copy = new Headers();
    copy.entries = this.entries.slice();
    return copy;
  }

  [Symbol.iterator](): Iterator<HeaderEntry> {
    return this.entries[Symbol.iterator]();
  }

  /** For the parser, which has checked and trimmed already. */
  pushChecked(entry: HeaderEntry): void {
    this.text = undefined;
    this.entries.push(entry);
  }
}

function makeEntry(rawName: string, rawValue: string): HeaderEntry {
  const known = headerName(rawName);
  if (known === undefined) throw new SipParseError('header', `The header name ${excerpt(rawName)} is not a token: use letters, digits and -.!%*_+\`'~ only.`);
  const value = trimWs(rawValue);
  // The guard against header injection: a value made from user input cannot start a new line.
  if (hasControls(value) && !controlsAreQuoted(value)) {
    throw new SipParseError('control-character', `The value of ${known.name} contains a line break or another control character: ${excerpt(value)}.`);
  }
  return { key: known.key, name: known.name, value };
}

/**
 * The elements of a comma-separated header value, trimmed. Commas inside quoted strings and inside <> do not separate; empty elements
 * are left out.
 */
export function splitList(value: string): string[] {
  if (!value.includes(',')) {
    const only = trimWs(value);
    return only === '' ? [] : [only];
  }
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  let angle = false;
  const take = (end: number): void => {
    const part = sliceTrimmed(value, start, end);
    if (part !== '') parts.push(part);
    start = end + 1;
  };
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x3c) angle = true;
    else if (code === 0x3e) angle = false;
    else if (code === 0x2c && !angle) take(i);
  }
  take(value.length);
  return parts;
}
