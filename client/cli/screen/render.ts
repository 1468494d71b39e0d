/**
 * The screen: `render(view, options)` gives exactly `rows` lines, none wider than `columns`. Pure.
 *
 *   who we are                                        registered · transport
 *   ──────────────────────────────────────────────────────────────────────────
 *   the page: calls and what was lately, or history, contacts, messages …
 *   ──────────────────────────────────────────────────────────────────────────
 *   meters; quality of what we hear; quality of what they hear   (calls page)
 *   the latest notice, or what is wrong
 *   the line that is being typed, or the switches that are on
 *   the keys that make sense right now
 */
import { bare, NOTICE_SHOWN_MS, selectedCall, type PhoneView, type Prompt } from '../state';
import { keyHints } from './hints';
import { body, partyText } from './pages';
import { paint, piecesWidth, spread, tail, type Ink, type Piece, type Tone } from './paint';
import { meters, qualityLines } from './quality';
import { harmless, widthOf, wrap } from './text';
import { registrationWord } from './words';

export interface RenderOptions extends Ink {
  columns: number;
  rows: number;
  /** Of the time zone, minutes east of Greenwich; undefined: the machine's. */
  utcOffsetMin?: number | undefined;
}

export function render(view: PhoneView, options: RenderOptions): string[] {
  const columns = Math.max(1, Math.floor(options.columns));
  const rows = Math.max(1, Math.floor(options.rows));
  const rule: Piece[] = [['dim', (options.unicode ? '─' : '-').repeat(columns)]];
  const spacious = rows >= 20;
  const head: Piece[][] = [header(view, columns, options), rule];
  const inCall = view.page === 'calls' && selectedCall(view) !== undefined;
  const foot: Piece[][] = [
    rule,
    ...(view.page === 'calls' || spacious ? [meters(view, columns, options)] : []),
    ...(inCall ? qualityLines(view, columns) : []),
    ...said(noticeLine(view, options), view.prompt === null ? switches(view, options) : promptLine(view.prompt, columns, options), columns, options),
    ...keyHints(view, columns, spacious ? 2 : 1),
  ];
  const room = Math.max(0, rows - head.length - foot.length);
  const middle = body(view, { ...options, columns, rows: room }).slice(0, room);
  while (middle.length < room) middle.push([]);
  const lines = [...head, ...middle, ...foot].map((pieces) => paint(pieces, columns, options));
  // Too low for everything: what is typed and the keys stay, from below.
  return lines.length > rows ? lines.slice(lines.length - rows) : lines;
}

/** Where the cursor of the line that is typed is: 0-based; null: hidden. */
export function cursorOf(view: PhoneView, options: RenderOptions): { row: number; column: number } | null {
  if (view.prompt === null) return null;
  const row = options.rows - 1 - keyHints(view, options.columns, options.rows >= 20 ? 2 : 1).length;
  if (row < 0) return null;
  return { row, column: Math.min(options.columns - 1, promptWindow(view.prompt, options.columns, options).column) };
}

function header(view: PhoneView, columns: number, ink: Ink): Piece[] {
  const { text, tone } = registrationWord(view);
  const { protocol, remote, problem } = view.registration;
  const dot = ink.unicode ? '·' : '-';
  const mark = ink.unicode ? (tone === 'good' ? '●' : '○') : tone === 'good' ? '*' : 'o';
  const left: Piece[] = [['strong', ' Offhook '], ` ${harmless(view.address, ink.unicode)}`];
  const state: Piece[] = [[tone, `${mark} ${text}`]];
  const more = tone === 'bad' && problem !== null ? problem : protocol !== null ? `${protocol.toUpperCase()}${remote === null ? '' : ` ${remote}`}` : '';
  const long: Piece[] = more === '' ? [...state, ' '] : [...state, ['dim', ` ${dot} ${harmless(more, ink.unicode)} `]];
  if (piecesWidth(left) + piecesWidth(long) + 1 <= columns) return spread(left, long, columns);
  if (piecesWidth(left) + piecesWidth(state) + 2 <= columns) return spread(left, [...state, ' '], columns);
  // The state is worth more than our own address.
  return [...state, '  ', ...left];
}

function noticeLine(view: PhoneView, ink: Ink): Piece[] {
  const { audio, registration } = view;
  const caller = view.page === 'calls' ? undefined : view.calls.find(({ state }) => state === 'incoming');
  // Where calls are not listed, nothing is more urgent.
  if (caller !== undefined) return [['fair', ' ! '], `${partyText(view, caller, ink.unicode)} calls you`];
  const last = view.notices.at(-1);
  const fresh = last !== undefined && view.nowMs - last.atMs < NOTICE_SHOWN_MS * (last.kind === 'problem' ? 2 : 1);
  if (fresh) return last.kind === 'problem' ? [['bad', ' ! '], harmless(last.text, ink.unicode)] : ['   ', harmless(last.text, ink.unicode)];
  if (audio.problem !== null) return [['bad', ' ! '], harmless(audio.problem, ink.unicode), ['dim', audio.retrying ? ' (trying again)' : '']];
  if (registration.problem !== null) return [['bad', ' ! '], harmless(registration.problem, ink.unicode)];
  const silent = selectedCall(view)?.silentMs ?? null;
  if (silent !== null) return [['fair', ' ! '], `nothing is heard from the far end for ${Math.round(silent / 1000)} s`];
  return [];
}

/** The notice and what stands below it. One that is too long for a line goes on in the next, which is mostly free. */
function said(notice: Piece[], below: Piece[], columns: number, ink: Ink): Piece[][] {
  if (piecesWidth(notice) <= columns) return [notice, below];
  const text = notice.map((piece) => (typeof piece === 'string' ? piece : piece[1])).join('');
  const tone = notice.find((piece): piece is readonly [Tone, string] => typeof piece !== 'string')?.[0] ?? 'plain';
  const [first = '', ...more] = wrap(text.slice(3), columns - 4, 2, tail(ink));
  return [[[tone, text.slice(0, 3)], first], ...more.map((line): Piece[] => ['   ', line]), ...(below.length > 0 ? [below] : [])];
}

/** What is on or waits, in the place of the prompt. */
function switches(view: PhoneView, ink: Ink): Piece[] {
  const gap = ink.unicode ? ' · ' : ' | ';
  const all: Piece[] = [];
  const add = (piece: Piece): void => void all.push(all.length === 0 ? '   ' : gap, piece);
  if (view.muted) add(['bad', 'MUTED']);
  if (view.doNotDisturb) add(['bad', 'do not disturb']);
  if (view.voicemail !== null && (view.voicemail.waiting || view.voicemail.newMessages > 0)) add(['fair', `voicemail: ${view.voicemail.newMessages} new${view.voicemail.urgentNew > 0 ? ` (${view.voicemail.urgentNew} urgent)` : ''}`]);
  if (view.unread > 0) add(['fair', `${view.unread} new message${view.unread === 1 ? '' : 's'}`]);
  if (view.missed > 0) add(['fair', `${view.missed} missed`]);
  if (view.audio.input === null && view.audio.output === null && selectedCall(view) !== undefined) add(['dim', 'no sound device']);
  if (view.noiseSuppression) add(['dim', 'noise suppression']);
  return all;
}

const LABEL: Readonly<Record<Prompt['kind'], (about: string) => string>> = {
  dial: () => 'Call',
  transfer: () => 'Transfer to',
  join: () => 'Connect with line',
  'message-to': () => 'Message to',
  'message-text': (to) => `Message to ${bare(to)}`,
  watch: () => 'Watch',
  'contact-name': () => 'Name of the contact',
  'contact-address': (name) => `Address of ${name}`,
  'contact-remove': (address) => `Remove ${address}? (y/n)`,
  quit: (calls) => `${calls === '1' ? 'A call is' : `${calls} calls are`} up. Hang up and quit? (y/n)`,
};

function promptLine(prompt: Prompt, columns: number, ink: Ink): Piece[] {
  const { label, shown, problem } = promptWindow(prompt, columns, ink);
  return [['key', label], shown, ...(problem === '' ? [] : [['bad', `  ! ${problem}`] as const])];
}

/** The part of the line that is seen when it is longer than its place: that around the cursor. */
function promptWindow(prompt: Prompt, columns: number, ink: Ink): { label: string; shown: string; problem: string; column: number } {
  const name = harmless(LABEL[prompt.kind](prompt.about), ink.unicode);
  const most = Math.max(8, prompt.kind === 'quit' ? columns - 8 : Math.floor(columns / 2));
  const label = ` ${widthOf(name) > most ? `${[...name].slice(0, Math.floor(most / 2)).join('')}${tail(ink)}` : name}${name.endsWith(')') ? '' : ':'} `;
  const chars = [...prompt.text];
  const problem = prompt.problem === null ? '' : harmless(prompt.problem, ink.unicode);
  const room = Math.max(4, columns - widthOf(label) - 1 - (problem === '' ? 0 : Math.min(widthOf(problem) + 4, Math.floor(columns / 2))));
  // Typed text is harmless already (keys.ts); without Unicode each character becomes at least one.
  const plain = chars.map((char) => harmless(char, ink.unicode) || '?');
  let from = 0;
  const before = (): number => widthOf(plain.slice(from, prompt.cursor).join(''));
  while (before() > room - 1 && from < prompt.cursor) from++;
  let to = plain.length;
  while (widthOf(plain.slice(from, to).join('')) > room && to > prompt.cursor) to--;
  return { label, shown: plain.slice(from, to).join(''), problem, column: widthOf(label) + before() };
}
