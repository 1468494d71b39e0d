/** What fills the middle of the screen: one function a page, each gives the lines it wants for the room there is. */
import { bare, sameAddress, selectedCall, short, type CallView, type PhoneView } from '../state';
import { tail, type Piece } from './paint';
import type { RenderOptions } from './render';
import { fit, harmless, wrap } from './text';
import { callState, callTime, duration, HISTORY_WORD, timeOfDay } from './words';
import { HELP } from './hints';

export function body(view: PhoneView, options: RenderOptions): Piece[][] {
  switch (view.page) {
    case 'calls':
      return calls(view, options);
    case 'history':
      return list(view, options, 'History', 'no calls yet', historyRows(view, options));
    case 'contacts':
      return list(view, options, 'Contacts', 'no contacts yet: press n to add one', contactRows(view, options));
    case 'presence':
      return list(view, options, 'Presence', 'nobody is watched: press p to watch somebody', presenceRows(view, options));
    case 'messages':
      return messages(view, options);
    case 'help':
      return help(view, options);
  }
}

function calls(view: PhoneView, options: RenderOptions): Piece[][] {
  const { rows } = options;
  const selected = selectedCall(view);
  const lines: Piece[][] = rows >= 4 ? [[]] : [];
  const shown = aroundIndex(view.calls, Math.max(0, view.calls.findIndex((call) => call === selected)), Math.max(1, rows - 2));
  for (const call of shown) {
    lines.push(callLine(view, call, call === selected, options));
    const more = callDetail(view, call, options);
    if (more.length > 0 && lines.length < rows) lines.push(more);
  }
  if (view.calls.length === 0) lines.push(IDLE[view.registration.state]);
  const left = rows - lines.length;
  if (left >= 4 && view.history.length > 0) {
    lines.push([], [['dim', '   Lately']]);
    lines.push(...historyRows(view, options).slice(0, Math.min(8, left - 2)).map((row) => ['   ', ...row]));
  }
  const seen = presenceRows(view, options);
  if (rows - lines.length >= 3 && seen.length > 0) {
    lines.push([], [['dim', '   Watched']], ...seen.slice(0, rows - lines.length - 2).map((row) => ['   ', ...row]));
  }
  return lines;
}

const READY: Piece[] = [['strong', '   Ready.'], ['dim', ' Type a number to call.']];
const NOT_YET: Piece[] = [['dim', '   Not registered yet: nobody can call you.']];
/** What is true while there is no call. */
const IDLE: Readonly<Record<PhoneView['registration']['state'], Piece[]>> = {
  off: READY,
  registered: READY,
  connecting: NOT_YET,
  registering: NOT_YET,
  disconnected: [['strong', '   Not connected.'], ['dim', ' No calls come in or go out.']],
  failed: [['strong', '   Not registered.'], ['dim', ' Nobody can call you.']],
};

/** Names that are longer than this are cut, however wide the screen: figures far off to the right are hard to read across. */
const WIDEST_NAME = 44;

/** `▸ 1  Bob Baker  1002       in call   2:13   opus  encrypted` */
function callLine(view: PhoneView, call: CallView, selected: boolean, options: RenderOptions): Piece[] {
  const { columns, unicode } = options;
  const { text, tone } = callState(call);
  const mark = selected ? (unicode ? ' ▸ ' : ' > ') : '   ';
  const codec = call.codec === null ? '' : harmless(call.codec, unicode);
  const lock = call.state === 'up' || call.state === 'held' ? (call.encrypted ? 'encrypted' : 'not encrypted') : '';
  const extras = columns >= 76 ? `  ${fit(codec, 6, tail(options))} ${lock.padEnd(13)}` : `  ${fit(codec, 5, tail(options))} ${lock === '' ? '   ' : call.encrypted ? 'enc' : '   '}`;
  const nameRoom = Math.max(8, Math.min(WIDEST_NAME, columns - 3 - 3 - 15 - 8 - extras.length - 1));
  return [
    [selected ? 'strong' : 'plain', mark], `${call.line}  `,
    [selected ? 'strong' : 'plain', fit(partyText(view, call, unicode), nameRoom, tail(options))], ' ',
    [tone, text.padEnd(14)], callTime(call, view.nowMs).padStart(8), ['dim', extras],
  ];
}

/** 'Bob Baker  1002' */
export function partyText(view: PhoneView, call: CallView, unicode: boolean): string {
  const { uri, user, name } = call.party;
  const own = view.contacts.find((contact) => sameAddress(contact.address, uri));
  const number = harmless(user || bare(uri), unicode) || 'unknown';
  // The name in our own contacts is worth more than what the far end calls itself.
  const called = harmless(own?.name ?? name, unicode).trim();
  return called === '' || called === number ? number : `${called}  ${number}`;
}

function callDetail(view: PhoneView, call: CallView, { unicode }: RenderOptions): Piece[] {
  const said: string[] = [];
  if (call.transfer !== null) {
    const { to, state, reason } = call.transfer;
    const target = harmless(short(view, to), unicode);
    said.push(state === 'failed' ? `${target}: ${harmless(reason, unicode) || 'the transfer did not work'}` : state === 'done' ? `transferred to ${target}` : `transferring to ${target}${state === 'trying' && reason !== '' ? `: ${harmless(reason, unicode)}` : ''}`);
  }
  if (call.digits !== '') said.push(`keys ${harmless(call.digits.slice(-20), unicode)}`);
  if (call.state === 'ended' && call.ending !== null) said.push(harmless(call.ending, unicode));
  return said.length === 0 ? [] : [['dim', `      ${said.join(unicode ? ' · ' : ', ')}`]];
}

function list(view: PhoneView, options: RenderOptions, title: string, empty: string, rows: Piece[][]): Piece[][] {
  const spare = Math.max(1, options.rows - 2);
  const cursor = Math.min(view.cursor, Math.max(0, rows.length - 1));
  const head: Piece[][] = options.rows >= 3 ? [[['strong', `   ${title}`], ['dim', rows.length === 0 ? '' : `  ${cursor + 1} of ${rows.length}`]], []] : [];
  if (rows.length === 0) return [...head, [['dim', `   ${empty}`]]];
  const mark = options.unicode ? ' ▸ ' : ' > ';
  const numbered = rows.map((row, i): Piece[] => (i === cursor ? [['strong', mark], ...row.map((piece): Piece => (typeof piece === 'string' ? ['strong', piece] : piece))] : ['   ', ...row]));
  return [...head, ...aroundIndex(numbered, cursor, spare)];
}

/** At most `room` of the list with the `index`-th among them. */
function aroundIndex<T>(all: readonly T[], index: number, room: number): readonly T[] {
  const from = Math.max(0, Math.min(index - Math.floor(room / 2), all.length - room));
  return all.slice(from, from + room);
}

function historyRows(view: PhoneView, options: RenderOptions): Piece[][] {
  const { columns, unicode } = options;
  const now = view.nowMs + view.wallOffsetMs;
  return view.history.map((entry) => {
    const { text, tone } = HISTORY_WORD[entry.kind];
    const number = harmless(short(view, entry.address), unicode);
    const own = view.contacts.find((contact) => sameAddress(contact.address, entry.address));
    const name = harmless(own?.name ?? entry.name, unicode).trim();
    const who = name === '' ? number : `${name}  ${number}`;
    return [['dim', fit(timeOfDay(entry.at, now, options.utcOffsetMin), 8)], [tone, text.padEnd(11)], fit(who, Math.max(8, Math.min(WIDEST_NAME, columns - 36)), tail(options)), ['dim', (entry.durationMs > 0 ? duration(entry.durationMs) : '').padStart(9)]];
  });
}

function contactRows(view: PhoneView, options: RenderOptions): Piece[][] {
  const half = Math.max(8, Math.min(30, Math.floor((options.columns - 8) / 2)));
  return view.contacts.map((contact) => {
    const seen = view.presence.find(({ of }) => sameAddress(of, contact.address));
    return [fit(harmless(contact.name, options.unicode), half, tail(options)), '  ', fit(harmless(contact.address, options.unicode), half, tail(options)), ...(seen === undefined ? [] : [' ', PRESENCE[seen.state]])];
  });
}

const PRESENCE = { open: ['good', 'there'], closed: ['dim', 'away'], busy: ['bad', 'in a call'], ringing: ['fair', 'ringing'], unknown: ['dim', 'not known yet'], failed: ['bad', 'cannot be watched'] } as const;

function presenceRows(view: PhoneView, options: RenderOptions): Piece[][] {
  const { columns, unicode } = options;
  return view.presence.map(({ of, state, note }) => {
    const who = fit(harmless(short(view, of), unicode), Math.max(8, Math.min(24, columns - 30)), tail(options));
    const said = harmless(note, unicode);
    // Why it cannot be watched says that it cannot.
    return state === 'failed' && said !== '' ? [who, '  ', ['bad', said]] : [who, '  ', PRESENCE[state], ['dim', said === '' ? '' : `  ${said}`]];
  });
}

/** The latest at the bottom, as people are used to; the cursor goes back in time. */
function messages(view: PhoneView, options: RenderOptions): Piece[][] {
  const { columns, rows, unicode } = options;
  if (view.messages.length === 0) return [[['strong', '   Messages']], [], [['dim', '   no messages yet: press w to write one']]];
  const now = view.nowMs + view.wallOffsetMs;
  const lines = view.messages.slice(0, Math.max(1, view.messages.length - view.cursor)).flatMap((message): Piece[][] => {
    const address = short(view, message.who);
    const who = harmless(message.out ? `to ${address}` : message.name || address, unicode);
    const state = message.state === 'failed' ? '  not delivered' : message.state === 'sending' ? '  sending' : '';
    const text = wrap(harmless(message.text, unicode), columns - 14, 6, tail(options));
    const why = message.state === 'failed' ? wrap(harmless(message.problem ?? '', unicode), columns - 14, 2, tail(options)) : [];
    return [
      [['dim', `   ${fit(timeOfDay(message.atMs + view.wallOffsetMs, now, options.utcOffsetMin), 7)}`], [message.out ? 'dim' : 'strong', who], [message.state === 'failed' ? 'bad' : 'dim', state]],
      ...text.map((line): Piece[] => ['          ', line]),
      ...why.map((line): Piece[] => ['          ', ['dim', line]]),
    ];
  });
  const room = Math.max(1, rows - 2);
  return [[['strong', '   Messages']], [], ...lines.slice(Math.max(0, lines.length - room))];
}

/** In two columns where there is room, in parts where there are too many lines. */
function help(view: PhoneView, { columns, rows }: RenderOptions): Piece[][] {
  const cells = HELP.map(([key, what]): readonly [Piece, string] => [['key', key.padStart(9)], `  ${what}`]);
  const two = columns >= 58;
  const height = two ? Math.ceil(cells.length / 2) : cells.length;
  const lines = Array.from({ length: height }, (_, i): Piece[] => {
    const [left, right] = [cells[i]!, two ? cells[i + height] : undefined];
    return right === undefined ? [...left] : [left[0], fit(left[1], Math.min(30, Math.floor(columns / 2) - 9)), ...right];
  });
  if (height < rows) return [[], ...lines];
  const most = Math.max(1, rows - 1);
  const parts = Math.ceil(height / most);
  if (parts === 1 || rows < 3) return lines.slice(0, rows);
  const part = view.cursor % parts;
  const shown = lines.slice(part * most, (part + 1) * most);
  while (shown.length < most) shown.push([]);
  return [...shown, [['dim', `   ${part + 1} of ${parts}, more with Down`]]];
}
