/**
 * How each event changes what a person sees of the phone (`view.ts`). Pure: time comes with the event.
 *
 *   PhoneEvent (what the phone tells) ─┐
 *   UiEvent (what the person did) ─────┴─► reduce(view, event, atMs) ─► PhoneView ─► screen/render.ts
 */
import type { Party, PhoneEvent, PhoneEventOf } from '../events';
import type { CallView, HistoryEntry, MessageView, Notice, PhoneView, PresenceView, UiEvent } from './view';

export * from './view';

/** Most of each that is kept. */
export const KEPT = { messages: 200, notices: 50, dialled: 50, presence: 100, history: 500, digits: 64, text: 4000 } as const;
/** An ended call stays on the screen for so long, ms. */
export const ENDED_SHOWN_MS = 4000;
/** A notice is shown for so long, ms; a problem twice as long. */
export const NOTICE_SHOWN_MS = 8000;
/** A notice as old as this has been read by whoever presses a key, ms. */
const NOTICE_READ_MS = 1500;
/** Keys that the far end presses one after the other within so long are told together, ms. */
const DIGITS_TOGETHER_MS = 4000;

/** `wallOffsetMs` as in the view: 0 when `atMs` is the time of day itself. */
export function initialView(options: { address: string; register?: boolean; wallOffsetMs?: number; nowMs?: number; noiseSuppression?: boolean; doNotDisturb?: boolean; inputDb?: number; outputDb?: number }): PhoneView {
  return {
    address: options.address,
    registration: { state: options.register === false ? 'off' : 'connecting', protocol: null, remote: null, problem: null, retryAtMs: null },
    calls: [],
    selected: null,
    voicemail: null,
    messages: [],
    unread: 0,
    presence: [],
    audio: { backend: 'none', input: null, output: null, problem: null, retrying: false },
    levels: { input: -127, output: -127 },
    volume: { inputDb: options.inputDb ?? 0, outputDb: options.outputDb ?? 0 },
    muted: false,
    noiseSuppression: options.noiseSuppression ?? false,
    doNotDisturb: options.doNotDisturb ?? false,
    notices: [],
    page: 'calls',
    cursor: 0,
    prompt: null,
    dialled: [],
    history: [],
    missed: 0,
    contacts: [],
    nowMs: options.nowMs ?? 0,
    wallOffsetMs: options.wallOffsetMs ?? 0,
  };
}

/** What the keys mean: the selected call, if there is one that has not ended. */
export function selectedCall(view: PhoneView): CallView | undefined {
  const living = view.calls.filter((call) => call.state !== 'ended');
  return living.find((call) => call.id === view.selected) ?? living[0];
}

/** Never throws, whatever comes in whatever order; returns `view` itself when nothing changed that is seen. */
export function reduce(view: PhoneView, event: PhoneEvent | UiEvent, atMs: number): PhoneView {
  const now = Math.max(view.nowMs, atMs);
  return apply(now === view.nowMs ? view : tidy({ ...view, nowMs: now }), event, now);
}

/** What time alone does: ended calls and old notices go. */
function tidy(view: PhoneView): PhoneView {
  const calls = view.calls.filter((call) => call.endedAtMs === null || view.nowMs - call.endedAtMs < ENDED_SHOWN_MS);
  return calls.length === view.calls.length ? view : { ...view, calls };
}

function apply(view: PhoneView, event: PhoneEvent | UiEvent, now: number): PhoneView {
  switch (event.event) {
    case 'connected':
      return { ...view, registration: { ...view.registration, state: view.registration.state === 'off' ? 'off' : 'registering', protocol: event.protocol, remote: event.remote, problem: null, retryAtMs: null } };
    case 'disconnected':
      return { ...view, registration: { ...view.registration, state: 'disconnected', problem: event.problem, retryAtMs: event.retryMs === null ? null : now + event.retryMs } };
    case 'registering':
      // A refresh is no news: the phone stays registered until it is told otherwise.
      return view.registration.state === 'registered' ? view : { ...view, registration: { ...view.registration, state: 'registering' } };
    case 'registered':
      return { ...view, registration: { ...view.registration, state: 'registered', problem: null, retryAtMs: null } };
    case 'registration-failed':
      return { ...view, registration: { ...view.registration, state: 'failed', problem: event.problem, retryAtMs: event.retryMs === null || event.final ? null : now + event.retryMs } };
    case 'unregistered':
      return { ...view, registration: { ...view.registration, state: 'off', problem: null, retryAtMs: null } };

    case 'calling':
      return begin(view, event.call, 'out', 'calling', event.to, now);
    case 'incoming':
      // Whatever else the person looks at: it must see who calls.
      return { ...begin(view, event.call, 'in', 'incoming', event.from, now), page: 'calls', cursor: 0 };
    case 'ringing':
      return change(view, event.call, (call) => (call.state === 'calling' ? { ...call, state: 'ringing' } : call));
    case 'answered': {
      const next = change(view, event.call, (call) => (call.state === 'ended' ? call : { ...call, state: 'up', party: event.with, codec: event.codec, encrypted: event.encrypted, answeredAtMs: now }));
      return next.calls.some((call) => call.id === event.call && call.state === 'up') ? { ...next, selected: event.call } : next;
    }
    case 'media':
      return change(view, event.call, (call) => ({ ...call, codec: event.codec, encrypted: event.encrypted }));
    case 'held':
      return change(view, event.call, (call) => (event.by === 'remote' ? { ...call, heldByFarEnd: true } : call.state === 'up' ? { ...call, state: 'held' } : call));
    case 'resumed':
      return change(view, event.call, (call) => (event.by === 'remote' ? { ...call, heldByFarEnd: false } : call.state === 'held' ? { ...call, state: 'up' } : call));
    case 'digit':
      return pressed(view, `${partyOf(view, event.call)} pressed`, event.digit, now);
    case 'silent':
      return change(view, event.call, (call) => ({ ...call, silentMs: event.silentMs }));
    case 'heard-again':
      return change(view, event.call, (call) => ({ ...call, silentMs: null }));
    case 'quality':
      return change(view, event.call, (call) => ({ ...call, quality: event.quality }));
    case 'transfer':
      return change(view, event.call, (call) => ({ ...call, transfer: { to: event.to, state: event.state, status: event.status, reason: event.reason } }));
    case 'referred':
      return notice(view, 'info', event.newCall === null ? `${partyOf(view, event.call)} asked us to call ${event.to}; we do not` : `${partyOf(view, event.call)} transfers us to ${event.to}`, now);
    case 'party':
      return change(view, event.call, (call) => ({ ...call, party: event.with }));
    case 'ended':
      return ended(view, event, now);

    case 'message':
      return { ...view, messages: keepLast([...view.messages, { atMs: now, out: false, who: event.from.uri, name: event.from.name || event.from.user, text: event.text.slice(0, KEPT.text), state: 'received', problem: null }], KEPT.messages), unread: view.page === 'messages' ? 0 : view.unread + 1 };
    case 'message-sent':
      return sent(view, event, now);
    case 'voicemail':
      return { ...view, voicemail: { waiting: event.waiting, newMessages: event.newMessages, oldMessages: event.oldMessages, urgentNew: event.urgentNew } };
    case 'presence':
      return watched(view, { of: event.of, state: event.state, note: event.note });
    case 'presence-failed':
      return watched(view, { of: event.of, state: 'failed', note: event.problem.replace(/^.* cannot be watched: /, '') });
    case 'warning':
      return notice(view, 'problem', event.problem, now);

    case 'audio':
      return { ...view, audio: { backend: event.backend, input: event.input, output: event.output, problem: null, retrying: false } };
    case 'audio-problem':
      return { ...view, audio: { ...view.audio, problem: event.problem, retrying: event.retrying } };
    case 'audio-recovered':
      return { ...view, audio: { ...view.audio, input: event.input, output: event.output, problem: null, retrying: false } };

    case 'ui-tick':
      return view;
    case 'ui-seen':
      return view.notices.some((seen) => now - seen.atMs >= NOTICE_READ_MS) ? { ...view, notices: view.notices.filter((seen) => now - seen.atMs < NOTICE_READ_MS) } : view;
    case 'ui-levels':
      return view.levels.input === event.input && view.levels.output === event.output ? view : { ...view, levels: { input: event.input, output: event.output } };
    case 'ui-settings':
      return {
        ...view,
        muted: event.muted ?? view.muted,
        noiseSuppression: event.noiseSuppression ?? view.noiseSuppression,
        doNotDisturb: event.doNotDisturb ?? view.doNotDisturb,
        volume: { inputDb: event.inputDb ?? view.volume.inputDb, outputDb: event.outputDb ?? view.volume.outputDb },
      };
    case 'ui-page':
      return { ...view, page: event.page, cursor: 0, unread: event.page === 'messages' ? 0 : view.unread, missed: event.page === 'history' ? 0 : view.missed };
    case 'ui-cursor':
      return { ...view, cursor: Math.max(0, event.cursor) };
    case 'ui-select':
      return { ...view, selected: event.call };
    case 'ui-prompt':
      return { ...view, prompt: event.prompt };
    case 'ui-digits':
      return change(view, event.call, (call) => ({ ...call, digits: (call.digits + event.digits).slice(-KEPT.digits) }));
    case 'ui-dialled':
      return { ...view, dialled: [event.to, ...view.dialled.filter((to) => to !== event.to)].slice(0, KEPT.dialled) };
    case 'ui-message':
      return { ...view, messages: keepLast([...view.messages, { atMs: now, out: true, who: event.to, name: '', text: event.text, state: 'sending', problem: null }], KEPT.messages) };
    case 'ui-message-failed': {
      const index = view.messages.findLastIndex((message) => message.state === 'sending' && sameAddress(message.who, event.to));
      const messages = view.messages.map((message, i): MessageView => (i === index ? { ...message, state: 'failed', problem: event.problem } : message));
      return notice({ ...view, messages }, 'problem', event.problem, now);
    }
    case 'ui-watch':
      return view.presence.some((seen) => sameAddress(seen.of, event.who)) ? view : watched(view, { of: event.who, state: 'unknown', note: '' });
    case 'ui-unwatch':
      return { ...view, presence: view.presence.filter((seen) => seen.of !== event.who) };
    case 'ui-history':
      return { ...view, history: event.entries.slice(0, KEPT.history) };
    case 'ui-contacts':
      return { ...view, contacts: event.contacts };
    case 'ui-notice':
      return notice(view, event.kind, event.text, now);
    default:
      // Events of commands (a file was played) and of later versions change nothing here.
      return view;
  }
}

function begin(view: PhoneView, id: string, direction: 'in' | 'out', state: CallView['state'], party: Party, now: number): PhoneView {
  const others = view.calls.filter((call) => call.id !== id);
  let line = 1;
  while (others.some((call) => call.line === line)) line++;
  const call: CallView = { id, line, direction, state, party, heldByFarEnd: false, codec: null, encrypted: false, quality: null, transfer: null, digits: '', silentMs: null, beganAtMs: now, answeredAtMs: null, endedAtMs: null, ending: null };
  const current = selectedCall({ ...view, calls: others });
  // A call that comes in does not take the keys from the one that is spoken in.
  const selected = direction === 'out' || current === undefined ? id : current.id;
  return { ...view, calls: [...others, call].sort((a, b) => a.line - b.line), selected };
}

function change(view: PhoneView, id: string, how: (call: CallView) => CallView): PhoneView {
  const old = view.calls.find((call) => call.id === id);
  if (old === undefined) return view;
  const changed = how(old);
  return changed === old ? view : { ...view, calls: view.calls.map((call) => (call === old ? changed : call)) };
}

function ended(view: PhoneView, event: PhoneEventOf<'ended'>, now: number): PhoneView {
  const old = view.calls.find((call) => call.id === event.call);
  if (old === undefined || old.state === 'ended') return view;
  const missed = old.direction === 'in' && !event.answered && event.by !== 'local';
  const next = change(view, event.call, (call) => ({ ...call, state: 'ended', endedAtMs: now, ending: event.problem }));
  const heir = next.selected === event.call ? (selectedCall(next)?.id ?? null) : next.selected;
  const counted = { ...next, selected: heir, missed: view.missed + (missed ? 1 : 0) };
  return event.problem === null ? counted : notice(counted, 'problem', `${old.party.name || old.party.user || old.party.uri}: ${event.problem}`, now);
}

/** Only the address is told with the answer: the oldest message to it that is under way is meant. */
function sent(view: PhoneView, event: PhoneEventOf<'message-sent'>, now: number): PhoneView {
  const index = view.messages.findIndex((message) => message.state === 'sending' && sameAddress(message.who, event.to));
  const messages = view.messages.map((message, i): MessageView => (i === index ? { ...message, state: event.ok ? 'sent' : 'failed', problem: event.problem } : message));
  const next = index < 0 ? view : { ...view, messages };
  return event.ok ? next : notice(next, 'problem', `${bare(event.to)}: ${event.problem ?? 'the message was not taken'}`, now);
}

function watched(view: PhoneView, seen: PresenceView): PhoneView {
  const index = view.presence.findIndex(({ of }) => sameAddress(of, seen.of));
  if (index < 0) return { ...view, presence: keepLast([...view.presence, seen], KEPT.presence) };
  return { ...view, presence: view.presence.map((old, i) => (i === index ? seen : old)) };
}

/** '1002 pressed 1', then '1002 pressed 12'. */
function pressed(view: PhoneView, who: string, digit: string, now: number): PhoneView {
  const last = view.notices.at(-1);
  const goesOn = last !== undefined && last.text.startsWith(`${who} `) && now - last.atMs < DIGITS_TOGETHER_MS;
  return goesOn ? notice({ ...view, notices: view.notices.slice(0, -1) }, 'info', `${who} ${`${last.text.slice(who.length + 1)}${digit}`.slice(-KEPT.digits)}`, now) : notice(view, 'info', `${who} ${digit}`, now);
}

function notice(view: PhoneView, kind: Notice['kind'], text: string, now: number): PhoneView {
  return { ...view, notices: keepLast([...view.notices, { atMs: now, kind, text: text.slice(0, KEPT.text) }], KEPT.notices) };
}

/** '1002', 'sip:1002@pbx.test' and '1002@pbx.test' are the same one for a person. */
export function sameAddress(a: string, b: string): boolean {
  const [x, y] = [bare(a), bare(b)].map((address) => address.replace(/:\d+$/, '')) as [string, string];
  if (x === y) return true;
  return (!x.includes('@') || !y.includes('@')) && x.split('@')[0] === y.split('@')[0];
}

/** As it would be dialled here: '1002' for whoever belongs to the same server as we do, else '1003@elsewhere.test'. */
export function short(view: PhoneView, address: string): string {
  const [user = '', host] = bare(address).split('@');
  return host !== undefined && user !== '' && hostOf(host) === hostOf(bare(view.address).split('@')[1] ?? '') ? user : bare(address);
}

function hostOf(hostPort: string): string {
  return hostPort.replace(/:\d+$/, '');
}

/** 'sip:1002@pbx.test;transport=tcp' → '1002@pbx.test' */
export function bare(address: string): string {
  return address
    .replace(/^.*<([^>]*)>.*$/s, '$1')
    .replace(/^sips?:/i, '')
    .replace(/[;?].*$/s, '')
    .toLowerCase();
}

function partyOf(view: PhoneView, id: string): string {
  const party = view.calls.find((call) => call.id === id)?.party;
  return party === undefined ? 'the far end' : party.name || party.user || party.uri;
}

function keepLast<T>(list: readonly T[], most: number): readonly T[] {
  return list.length > most ? list.slice(list.length - most) : list;
}

/**
 * The line for the history of a call that has just ended; undefined: the call is not known. `view`: before the event was taken in.
 */
export function historyEntry(view: PhoneView, event: PhoneEventOf<'ended'>): HistoryEntry | undefined {
  const call = view.calls.find(({ id }) => id === event.call);
  if (call === undefined) return undefined;
  const kind = call.direction === 'out' ? (event.answered ? 'dialled' : 'not-answered') : event.answered ? 'answered' : 'missed';
  return { at: Math.round(call.beganAtMs + view.wallOffsetMs), kind, address: bare(call.party.uri) || call.party.user, name: call.party.name, durationMs: event.answered ? Math.max(0, Math.round(event.durationMs)) : 0 };
}
