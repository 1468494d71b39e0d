/**
 * A call as people draw it:
 *
 *                 192.0.2.7:5060          engine         192.0.2.9:5060
 *                      udp                                    tls
 *                       │                   │                   │
 *     10:00:00.000      ├─ INVITE ─────────▶│                   │
 *     10:00:00.012      │                   ├─ INVITE ─────────▶│
 *     10:00:00.512      │                   ├╌ INVITE again ╌╌╌▶│
 */
import type { LadderMessage } from './ladder';

const NARROWEST = 80;
const WIDEST = 120;
/** `10:00:00.000 12 `: the time, and which of the calls. */
const MARGIN = 16;
/** Half of what stands over the outer columns. */
const OVERHANG = 8;
const LEAST_GAP = 16;
const OTHERS = 'others';

export function draw(messages: readonly LadderMessage[], columns = 100): string {
  if (messages.length === 0) return 'No message of this call is remembered.';
  const width = Math.min(WIDEST, Math.max(NARROWEST, Math.floor(columns) || 0));
  const calls = [...new Set(messages.map((one) => one.callId))];
  const stage = new Stage(messages, width);
  const lines = calls.map((id, index) => cut(`${calls.length > 1 ? `${index + 1}  ` : ''}Call-ID ${shown(id)}`, width));
  lines.push('', ...stage.titles(), stage.lifelines());
  for (const one of messages) {
    const margin = `${clock(one.at)} ${calls.length > 1 ? calls.indexOf(one.callId) + 1 : ''}`;
    lines.push(stage.arrow(one, margin));
  }
  const again = messages.filter((one) => one.again).length;
  lines.push(stage.lifelines(), `${messages.length} messages${again > 0 ? `, ${again} of them again` : ''}; times are UTC`);
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** The columns: the one who spoke first, the engine, then everybody else in the order in which they turned up. */
class Stage {
  private readonly names: string[];
  private readonly first: number;
  private readonly gap: number;
  private readonly transports = new Map<string, string>();

  constructor(messages: readonly LadderMessage[], private readonly width: number) {
    const most = Math.floor((width - MARGIN - 2 * OVERHANG) / LEAST_GAP);
    for (const one of messages) this.transports.set(peerOf(one), one.transport);
    const peers = [...this.transports.keys()];
    const seen = peers.length <= most ? peers : [...peers.slice(0, most - 1), OTHERS];
    this.names = [seen[0] as string, 'engine', ...seen.slice(1)];
    this.first = MARGIN + OVERHANG;
    this.gap = Math.floor((width - OVERHANG - 1 - this.first) / (this.names.length - 1));
  }

  /** Addresses, and below them what they speak over. */
  titles(): string[] {
    return [this.over((name) => name), this.over((name) => this.transports.get(name) ?? '')];
  }

  private over(text: (name: string) => string): string {
    const line = new Array<string>(this.width).fill(' ');
    this.names.forEach((name, index) => {
      const title = cut(shown(text(name)), this.gap - 1);
      put(line, Math.max(0, Math.min(this.width - title.length, this.at(index) - Math.floor(title.length / 2))), title);
    });
    return line.join('');
  }

  lifelines(): string {
    return this.blank().join('');
  }

  arrow(one: LadderMessage, margin: string): string {
    const line = this.blank();
    put(line, 0, margin);
    const named = this.names.indexOf(peerOf(one));
    const peer = named >= 0 ? named : this.names.indexOf(OTHERS);
    const [from, to] = one.direction === 'sent' ? [1, peer] : [peer, 1];
    const [left, right] = [Math.min(from, to), Math.max(from, to)];
    const stroke = one.again ? '╌' : '─';
    for (let at = this.at(left) + 1; at < this.at(right); at++) line[at] = line[at] === '│' ? '┼' : stroke;
    line[this.at(from)] = from === left ? '├' : '┤';
    put(line, from === left ? this.at(right) - 1 : this.at(left) + 1, from === left ? '▶' : '◀');
    const room = this.gap - 6;
    const label = cut(`${named >= 0 ? '' : `${peerOf(one)} `}${labelOf(one)}`, room);
    // Beside the engine's line, where there is always a whole gap.
    put(line, (left < 1 ? this.at(left) : this.at(1)) + (from === left ? 2 : 3), ` ${label} `);
    return line.join('');
  }

  private blank(): string[] {
    const line = new Array<string>(this.width).fill(' ');
    for (let index = 0; index < this.names.length; index++) line[this.at(index)] = '│';
    return line;
  }

  private at(index: number): number {
    return this.first + index * this.gap;
  }
}

/** `INVITE sdp`, `200 OK (BYE)`. */
function labelOf(one: LadderMessage): string {
  const status = /^SIP\/2\.0 (\d{3} ?.*)$/i.exec(one.firstLine)?.[1];
  const method = /^CSeq[ \t]*:[ \t]*\d+[ \t]+(\S+)/im.exec(one.text)?.[1] ?? '';
  const sdp = /^(?:Content-Type|c)[ \t]*:[ \t]*application\/sdp/im.test(one.text) ? ' sdp' : '';
  const what = status === undefined ? (one.firstLine.split(' ')[0] as string) : `${status.trim()}${method === '' || method === 'INVITE' ? '' : ` (${method})`}`;
  return shown(`${what}${sdp}${one.again ? ' again' : ''}`);
}

function peerOf(one: LadderMessage): string {
  return one.direction === 'sent' ? one.to : one.from;
}

function put(line: string[], at: number, text: string): void {
  for (let i = 0; i < text.length && at + i < line.length; i++) line[at + i] = text[i] as string;
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, Math.max(0, most - 1))}…`;
}

/** Nothing that a stranger wrote may move the cursor, colour the screen or turn the line around. */
function shown(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '?');
}

/** `10:00:00.000`, UTC. */
function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}
