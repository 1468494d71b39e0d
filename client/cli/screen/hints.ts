/** Which keys there are, and which of them make sense right now. The keys themselves: keys.ts. */
import { selectedCall, TAKES_ADDRESS, type PhoneView } from '../state';
import { piecesWidth, type Piece } from './paint';

export type Hint = readonly [key: string, what: string];

export const HELP: readonly Hint[] = [
  ['d, 0-9', 'call somebody'],
  ['a, Enter', 'answer'],
  ['r', 'reject'],
  ['x', 'hang up'],
  ['h', 'hold, resume'],
  ['m', 'mute'],
  ['0-9 * #', 'keys into the call'],
  ['t', 'transfer, blind'],
  ['j', 'connect two calls'],
  ['Tab', 'mark the next line'],
  ['n', 'speak on next line'],
  ['+ -', 'volume'],
  ['] [', 'microphone'],
  ['s', 'noise suppression'],
  ['z', 'do not disturb'],
  ['w', 'write a message'],
  ['v', 'messages'],
  ['l', 'history'],
  ['c', 'contacts'],
  ['p', 'presence'],
  ['Enter', 'in a list: call'],
  ['Del', 'in a list: remove'],
  ['Esc', 'back'],
  ['Ctrl-L', 'draw anew'],
  ['Ctrl-Z', 'to the shell; fg'],
  ['q', 'quit'],
];

export function hints(view: PhoneView): Hint[] {
  if (view.prompt !== null) {
    if (view.prompt.kind === 'quit' || view.prompt.kind === 'contact-remove') return [['y', 'yes'], ['n', 'no']];
    return [['Enter', 'done'], ['Esc', 'never mind'], ...(TAKES_ADDRESS.has(view.prompt.kind) ? ([['Up', 'earlier'], ['Tab', 'contacts']] as const) : [])];
  }
  if (view.page !== 'calls') return [...takeHints(view), ...pageHints(view)];
  return callHints(view);
}

/** From every page. */
function takeHints(view: PhoneView): Hint[] {
  return view.calls.some(({ state }) => state === 'incoming') ? [['a', 'answer'], ['r', 'reject']] : [];
}

function pageHints(view: PhoneView): Hint[] {
  const back: Hint = ['Esc', 'back'];
  switch (view.page) {
    case 'history':
      return [['Enter', 'call'], ['n', 'add to contacts'], ['w', 'message'], back];
    case 'contacts':
      return [['Enter', 'call'], ['n', 'new'], ['Del', 'remove'], ['w', 'message'], ['p', 'watch'], back];
    case 'presence':
      return [['Enter', 'call'], ['p', 'watch'], ['Del', 'stop'], back];
    case 'messages':
      return [['w', 'write'], ['Up/Down', 'earlier, later'], back];
    case 'help':
    case 'calls':
      return [back];
  }
}

function callHints(view: PhoneView): Hint[] {
  const call = selectedCall(view);
  const living = view.calls.filter(({ state }) => state !== 'ended');
  const out = takeHints(view);
  if (call !== undefined && call.state !== 'incoming') out.push(['x', 'hang up']);
  if (call?.state === 'up') out.push(['h', 'hold']);
  if (call?.state === 'held') out.push(['h', 'resume']);
  if (call !== undefined) out.push(['m', view.muted ? 'unmute' : 'mute']);
  const established = living.filter(({ state }) => state === 'up' || state === 'held');
  if (call?.state === 'up' || call?.state === 'held') out.push(['t', 'transfer']);
  if (established.length > 1) out.push(['j', 'connect the two'], ['n', 'next line']);
  if (call?.state === 'up') out.push(['0-9*#', 'keys']);
  out.push(['d', call === undefined ? 'dial' : 'new call'], ['+/-', 'volume']);
  if (call === undefined) out.push(['l', 'history'], ['c', 'contacts'], ['v', 'messages'], ['w', 'write'], ['z', 'do not disturb']);
  out.push(['?', 'help'], ['q', 'quit']);
  return out;
}

/** As many as there is room for; on the page of calls help and quit (the last two) stay when others have to go. Always `lines` lines. */
export function keyHints(view: PhoneView, columns: number, lines: number): Piece[][] {
  const all = hints(view).map(([key, what]): Piece[] => [['key', key], ` ${what}`]);
  for (;;) {
    const rows = laidOut(all, columns, lines);
    if (rows !== undefined) return rows;
    // The last but two goes; of two or one, whatever there is room for. Of a line that is typed, the first two stay.
    all.splice(view.prompt === null ? Math.max(0, all.length - 3) : all.length - 1, 1);
  }
}

/** undefined: there is no room for all of them. */
function laidOut(all: readonly Piece[][], columns: number, lines: number): Piece[][] | undefined {
  const rows: Piece[][] = Array.from({ length: lines }, () => []);
  let row = 0;
  for (const pieces of all) {
    while (row < lines && piecesWidth(rows[row]!) + piecesWidth(pieces) + (rows[row]!.length === 0 ? 1 : 3) > columns) row++;
    if (row === lines) return undefined;
    rows[row]!.push(rows[row]!.length === 0 ? ' ' : '   ', ...pieces);
  }
  return rows;
}
