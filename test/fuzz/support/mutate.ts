/**
 * Damage to a text that consists of lines, as a broken or hostile program would do it: lines lost, doubled, exchanged with those of other
 * messages, numbers at their limits, parts repeated a thousandfold, bytes that do not belong there.
 */
import { pick, type Random } from './sip-traffic';

const NUMBERS = ['0', '-1', '1', '70', '255', '256', '65535', '65536', '2147483647', '2147483648', '4294967295', '4294967296', '99999999999999999999', '1e9', '0x10', '007', ''];
const PIECES = ['"', '<', '>', ';', ',', ':', '@', '\\', '%', '%00', '%zz', '\0', '\r', '\n', '\r\n', '\r\n ', '\t', '[', ']', '[::1]', '=', '?', '|', '#', ' ', '\u00e9', '\uffff', ';tag=', ';lr', ';branch=', '\x7f', '*'];
const METHODS = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'REGISTER', 'OPTIONS', 'PRACK', 'UPDATE', 'X', 'invite', ''];
const KEPT_LINES = 500;
/** Longer than any message should be. */
const HUGE = 70_000;

type Change = (lines: string[]) => void;

export class Mutator {
  /** Lines of other messages. */
  private readonly seen: string[] = [];

  constructor(private readonly random: Random) {}

  /** The bytes of `text`, damaged in up to `most` ways; sometimes in none. */
  damage(text: string, most = 4): Buffer {
    const lines = text.split('\r\n');
    this.remember(lines);
    // Mostly little: what is broken at once gets no further than the parser
    for (let n = Math.floor(this.random() ** 2 * (most + 1)); n > 0; n--) pick(this.random, this.changes)(lines);
    const bytes = Buffer.from(lines.join('\r\n'), 'latin1');
    return this.random() < 0.1 ? this.bits(bytes) : bytes;
  }

  private readonly changes: readonly Change[] = [
    (lines) => lines.splice(this.at(lines), 1),
    (lines) => lines.splice(this.at(lines), 0, lines[this.at(lines)] ?? ''),
    (lines) => lines.splice(this.at(lines), this.random() < 0.5 ? 1 : 0, this.foreign()),
    (lines) => lines.reverse(),
    (lines) => this.inLine(lines, (line) => line.replace(/\d+/g, (digits) => (this.random() < 0.4 ? pick(this.random, NUMBERS) : digits))),
    (lines) => this.inLine(lines, (line) => this.spliced(line, pick(this.random, PIECES))),
    (lines) => this.inLine(lines, (line) => line.slice(0, this.int(line.length + 1))),
    (lines) => this.inLine(lines, (line) => this.spliced(line, pick(this.random, PIECES).repeat(1 + this.int(1000)))),
    (lines) => this.inLine(lines, (line) => line.replace(/\b[A-Z]{3,}\b/, pick(this.random, METHODS))),
    (lines) => this.inLine(lines, (line) => line.replace(':', pick(this.random, [' :', '', '::', ':\r\n ', ';']))),
    (lines) => this.inLine(lines, (line) => line.replace(/;[^;]*/, (param) => param.repeat(1 + this.int(200)))),
    (lines) => lines.splice(this.at(lines), 0, ...Array.from({ length: this.int(300) }, (_, i) => `X-${i}: ${i}`)),
    (lines) => {
      if (this.random() < 0.1) this.inLine(lines, (line) => line + 'a'.repeat(HUGE));
    },
    (lines) => lines.splice(this.int(lines.length + 1)),
  ];

  private remember(lines: readonly string[]): void {
    const line = lines[this.int(lines.length)] ?? '';
    if (this.seen.length < KEPT_LINES) this.seen.push(line);
    else this.seen[this.int(KEPT_LINES)] = line;
  }

  private foreign(): string {
    return this.seen.length === 0 ? '' : pick(this.random, this.seen);
  }

  private spliced(line: string, piece: string): string {
    const at = this.int(line.length + 1);
    return line.slice(0, at) + piece + line.slice(at + this.int(3));
  }

  private inLine(lines: string[], change: (line: string) => string): void {
    const at = this.at(lines);
    lines[at] = change(lines[at] ?? '');
  }

  private at(lines: readonly string[]): number {
    return this.int(lines.length);
  }

  private bits(bytes: Buffer): Buffer {
    for (let n = 1 + this.int(8); n > 0 && bytes.length > 0; n--) bytes[this.int(bytes.length)] = this.int(256);
    return bytes;
  }

  private int(below: number): number {
    return Math.floor(this.random() * below);
  }
}
