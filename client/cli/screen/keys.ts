/**
 * Key presses → what changes on the screen and what the phone is told. `keyPressed` is pure; `KeyReader` adds what needs memory: pastes,
 * and keys that repeat while they are held down. Nothing here throws; what cannot be done is said in the line of the prompt or as a notice.
 */
import type { PhoneEvent } from '../../events';
import { bare, selectedCall, TAKES_ADDRESS, type CallView, type Page, type PhoneView, type Prompt, type PromptKind, type UiEvent } from '../state';
import type { UserCommand } from './commands';
import { harmless } from './text';

/** As `node:readline` tells it. */
export interface Key {
  /** What the key types; undefined for those that type nothing. */
  text?: string | undefined;
  /** 'return', 'up', 'a' … */
  name?: string | undefined;
  ctrl?: boolean | undefined;
  meta?: boolean | undefined;
}

export interface Outcome {
  events: UiEvent[];
  commands: UserCommand[];
}

/** What a line may hold. */
const LONGEST_INPUT = 1000;
/** More than the page of help ever has; which of them there are is known where it is drawn. */
const HELP_PARTS = 100;
const STEP_DB = 2;
const MOST_DB = 40;

export function keyPressed(view: PhoneView, key: Key): Outcome {
  const out: Outcome = { events: [], commands: [] };
  if (key.ctrl === true && key.name === 'c') return quit(view, out);
  if (key.ctrl === true && key.name === 'l') return did(out, { do: 'redraw' });
  if (key.ctrl === true && key.name === 'z') return did(out, { do: 'suspend' });
  if (view.prompt !== null) return inPrompt(view, view.prompt, key, out);
  if (key.ctrl === true || key.meta === true) return out;
  const page = view.page === 'calls' ? undefined : onPage(view, key, out);
  return page ?? onPhone(view, key, out);
}

/** Text that was pasted: into the line that is typed, or into a new one to dial. Never obeyed as keys. */
export function pasted(view: PhoneView, text: string): Outcome {
  const line = harmless(text).trim();
  const out: Outcome = { events: [], commands: [] };
  if (line === '' || isQuestion(view.prompt)) return out;
  return shown(out, insert(view.prompt ?? newPrompt('dial'), line));
}

export function newPrompt(kind: PromptKind, text = '', about = ''): Prompt {
  return { kind, text, cursor: [...text].length, problem: null, about, recall: -1, draft: '', completion: 0 };
}

function did(out: Outcome, ...commands: UserCommand[]): Outcome {
  out.commands.push(...commands);
  return out;
}

function shown(out: Outcome, prompt: Prompt | null): Outcome {
  out.events.push({ event: 'ui-prompt', prompt });
  return out;
}

function told(out: Outcome, text: string): Outcome {
  out.events.push({ event: 'ui-notice', kind: 'info', text });
  return out;
}

function isQuestion(prompt: Prompt | null): boolean {
  return prompt?.kind === 'quit' || prompt?.kind === 'contact-remove';
}

function living(view: PhoneView): CallView[] {
  return view.calls.filter(({ state }) => state !== 'ended');
}

function established(view: PhoneView): CallView[] {
  return view.calls.filter(({ state }) => state === 'up' || state === 'held');
}

function quit(view: PhoneView, out: Outcome): Outcome {
  // Whoever presses Ctrl-C twice means it.
  if (view.prompt?.kind === 'quit' || living(view).length === 0) return did(shown(out, null), { do: 'quit' });
  return shown(out, newPrompt('quit', '', String(living(view).length)));
}

/** Keys that act on calls, switches and pages; from every page. */
function onPhone(view: PhoneView, key: Key, out: Outcome): Outcome {
  const call = selectedCall(view);
  // with Caps Lock on, too
  const text = (key.text ?? '').toLowerCase();
  if (/^[0-9*#]$/.test(text)) {
    if (call?.state !== 'up') return call === undefined ? shown(out, newPrompt('dial', text)) : told(out, 'this call is not up: press d to dial another number');
    out.events.push({ event: 'ui-digits', call: call.id, digits: text });
    return did(out, { do: 'digits', call: call.id, digits: text });
  }
  switch (key.name) {
    case 'return':
    case 'enter':
      if (call?.state === 'incoming') return did(out, { do: 'answer', call: call.id });
      if (call?.state === 'held') return did(out, { do: 'resume', call: call.id });
      return call === undefined ? shown(out, newPrompt('dial')) : out;
    case 'tab':
    case 'down':
      return select(view, 1, out);
    case 'up':
      return select(view, -1, out);
    case 'escape':
      return toPage('calls', out);
  }
  switch (text) {
    case 'd':
      return shown(out, newPrompt('dial'));
    case 'a':
    case 'r': {
      const incoming = call?.state === 'incoming' ? call : living(view).find(({ state }) => state === 'incoming');
      if (incoming === undefined) return told(out, 'nobody calls just now');
      return did(out, { do: text === 'a' ? 'answer' : 'reject', call: incoming.id });
    }
    case 'x':
      if (call === undefined) return told(out, 'there is no call to hang up');
      return did(out, call.state === 'incoming' ? { do: 'reject', call: call.id } : { do: 'hangup', call: call.id });
    case 'h':
      if (call?.state === 'up') return did(out, { do: 'hold', call: call.id });
      if (call?.state === 'held') return did(out, { do: 'resume', call: call.id });
      return told(out, 'only a call that is up can be put on hold');
    case 'n':
      return nextLine(view, out);
    case 't':
      if (call?.state !== 'up' && call?.state !== 'held') return told(out, 'only a call that is up can be transferred');
      return shown(out, newPrompt('transfer', '', call.id));
    case 'j':
      return join(view, out);
    case 'm':
      out.events.push({ event: 'ui-settings', muted: !view.muted });
      return did(out, { do: 'mute', on: !view.muted });
    case 's':
      out.events.push({ event: 'ui-settings', noiseSuppression: !view.noiseSuppression });
      return did(out, { do: 'noise-suppression', on: !view.noiseSuppression });
    case 'z':
      out.events.push({ event: 'ui-settings', doNotDisturb: !view.doNotDisturb });
      return did(out, { do: 'do-not-disturb', on: !view.doNotDisturb });
    case '+':
    case '=':
      return volume(view, 'outputDb', STEP_DB, out);
    case '-':
      return volume(view, 'outputDb', -STEP_DB, out);
    case ']':
      return volume(view, 'inputDb', STEP_DB, out);
    case '[':
      return volume(view, 'inputDb', -STEP_DB, out);
    case 'w':
      return shown(out, newPrompt('message-to'));
    case 'p':
      return view.page === 'presence' ? shown(out, newPrompt('watch')) : toPage('presence', out);
    case 'v':
      return toPage(view.page === 'messages' ? 'calls' : 'messages', out);
    case 'l':
      return toPage(view.page === 'history' ? 'calls' : 'history', out);
    case 'c':
      return toPage(view.page === 'contacts' ? 'calls' : 'contacts', out);
    case '?':
      return toPage(view.page === 'help' ? 'calls' : 'help', out);
    case 'q':
      return quit(view, out);
  }
  return out;
}

function toPage(page: Page, out: Outcome): Outcome {
  out.events.push({ event: 'ui-page', page });
  return out;
}

function select(view: PhoneView, by: number, out: Outcome): Outcome {
  const calls = living(view);
  if (calls.length < 2) return out;
  const index = calls.findIndex((call) => call === selectedCall(view));
  out.events.push({ event: 'ui-select', call: calls[(index + by + calls.length) % calls.length]!.id });
  return out;
}

/** The next call that can be spoken in comes to the front; the phone puts the others on hold. */
function nextLine(view: PhoneView, out: Outcome): Outcome {
  const calls = established(view);
  const index = calls.findIndex((call) => call === selectedCall(view));
  const next = calls[(index + 1) % Math.max(1, calls.length)];
  if (next === undefined || (calls.length === 1 && next.state === 'up')) return told(out, 'there is no other line');
  out.events.push({ event: 'ui-select', call: next.id });
  return next.state === 'held' ? did(out, { do: 'resume', call: next.id }) : out;
}

function join(view: PhoneView, out: Outcome): Outcome {
  const call = selectedCall(view);
  const others = established(view).filter((other) => other !== call);
  if (call === undefined || (call.state !== 'up' && call.state !== 'held') || others.length === 0) return told(out, 'two calls are needed: call the second one with d, then press j');
  if (others.length > 1) return shown(out, newPrompt('join', '', call.id));
  return did(out, { do: 'transfer-to', call: others[0]!.id, other: call.id });
}

function volume(view: PhoneView, which: 'inputDb' | 'outputDb', by: number, out: Outcome): Outcome {
  const db = Math.max(-MOST_DB, Math.min(MOST_DB, view.volume[which] + by));
  if (db === view.volume[which]) return out;
  out.events.push({ event: 'ui-settings', [which]: db });
  return did(out, { do: 'volume', [which]: db });
}

/** Keys of a list; undefined: this one means what it always does. */
function onPage(view: PhoneView, key: Key, out: Outcome): Outcome | undefined {
  const addresses = view.page === 'history' ? view.history.map((e) => e.address) : view.page === 'contacts' ? view.contacts.map((c) => c.address) : view.page === 'presence' ? view.presence.map((p) => bare(p.of)) : [];
  const length = view.page === 'messages' ? view.messages.length : view.page === 'help' ? HELP_PARTS : addresses.length;
  const cursor = Math.min(view.cursor, Math.max(0, length - 1));
  const address = addresses[cursor];
  const move = (by: number): Outcome => {
    out.events.push({ event: 'ui-cursor', cursor: Math.max(0, Math.min(length - 1, cursor + by)) });
    return out;
  };
  // The latest message is at the bottom, everything else begins at the top.
  const down = view.page === 'messages' ? -1 : 1;
  switch (key.name) {
    case 'up':
      return move(-down);
    case 'down':
      return move(down);
    case 'pageup':
      return move(-10 * down);
    case 'pagedown':
      return move(10 * down);
    case 'home':
      return move(view.page === 'messages' ? length : -length);
    case 'end':
      return move(view.page === 'messages' ? -length : length);
    case 'escape':
    case 'backspace':
      return toPage('calls', out);
    case 'return':
    case 'enter':
      if (address === undefined) return out;
      return did(toPage('calls', out), { do: 'dial', to: address });
    case 'delete':
      if (address === undefined) return out;
      if (view.page === 'contacts') return shown(out, newPrompt('contact-remove', '', address));
      if (view.page === 'presence') return stopWatching(view.presence[cursor]!.of, out);
      return out;
  }
  const text = key.text?.toLowerCase();
  if (text === 'n' && view.page === 'contacts') return shown(out, newPrompt('contact-name'));
  if (text === 'n' && view.page === 'history') return address === undefined ? out : shown(out, newPrompt('contact-name', harmless(view.history[cursor]!.name), address));
  if (text === 'w' && address !== undefined) return shown(out, newPrompt('message-text', '', address));
  if (text === 'p' && view.page === 'contacts' && address !== undefined) return watch(address, out);
  return undefined;
}

function watch(who: string, out: Outcome): Outcome {
  out.events.push({ event: 'ui-watch', who });
  return did(out, { do: 'watch', who });
}

function stopWatching(who: string, out: Outcome): Outcome {
  out.events.push({ event: 'ui-unwatch', who });
  return did(out, { do: 'unwatch', who });
}

function inPrompt(view: PhoneView, prompt: Prompt, key: Key, out: Outcome): Outcome {
  if (isQuestion(prompt)) return question(prompt, key, out);
  const chars = [...prompt.text];
  const put = (text: readonly string[], cursor: number): Outcome => shown(out, { ...prompt, text: text.join(''), cursor, problem: null, completion: 0 });
  const { cursor } = prompt;
  if (key.ctrl === true) {
    switch (key.name) {
      case 'a':
        return put(chars, 0);
      case 'e':
        return put(chars, chars.length);
      case 'u':
        return put(chars.slice(cursor), 0);
      case 'k':
        return put(chars.slice(0, cursor), cursor);
      case 'w': {
        const kept = [...chars.slice(0, cursor).join('').replace(/\S+\s*$/, '')];
        return put([...kept, ...chars.slice(cursor)], kept.length);
      }
      case 'h':
        return cursor === 0 ? out : put([...chars.slice(0, cursor - 1), ...chars.slice(cursor)], cursor - 1);
    }
    return out;
  }
  if (key.meta === true && key.name !== 'escape') return out;
  switch (key.name) {
    case 'escape':
      return shown(out, null);
    case 'return':
    case 'enter':
      return submit(view, prompt, out);
    case 'left':
      return put(chars, Math.max(0, cursor - 1));
    case 'right':
      return put(chars, Math.min(chars.length, cursor + 1));
    case 'home':
      return put(chars, 0);
    case 'end':
      return put(chars, chars.length);
    case 'backspace':
      return cursor === 0 ? out : put([...chars.slice(0, cursor - 1), ...chars.slice(cursor)], cursor - 1);
    case 'delete':
      return put([...chars.slice(0, cursor), ...chars.slice(cursor + 1)], cursor);
    case 'up':
      return recall(view, prompt, 1, out);
    case 'down':
      return recall(view, prompt, -1, out);
    case 'tab':
      return complete(view, prompt, out);
  }
  const text = harmless(key.text ?? '');
  return text === '' ? out : shown(out, insert(prompt, text));
}

function insert(prompt: Prompt, text: string): Prompt {
  const chars = [...prompt.text];
  const room = LONGEST_INPUT - chars.length;
  const added = [...text].slice(0, Math.max(0, room));
  const problem = [...text].length > room ? `at most ${LONGEST_INPUT} characters` : null;
  return { ...prompt, text: [...chars.slice(0, prompt.cursor), ...added, ...chars.slice(prompt.cursor)].join(''), cursor: prompt.cursor + added.length, problem, completion: 0 };
}

function question(prompt: Prompt, key: Key, out: Outcome): Outcome {
  const text = (key.text ?? '').toLowerCase();
  if (text === 'y' && prompt.kind === 'quit') return did(shown(out, null), { do: 'quit' });
  if (text === 'y') return did(shown(out, null), { do: 'contact-remove', address: prompt.about });
  if (text === 'n' || key.name === 'escape') return shown(out, null);
  return out;
}

/** Numbers that were typed before, and those of the history. */
function recall(view: PhoneView, prompt: Prompt, by: number, out: Outcome): Outcome {
  if (!TAKES_ADDRESS.has(prompt.kind)) return out;
  const earlier = [...new Set([...view.dialled, ...view.history.map(({ address }) => address)])];
  const index = Math.max(-1, Math.min(earlier.length - 1, prompt.recall + by));
  if (index === prompt.recall) return out;
  const text = index < 0 ? prompt.draft : harmless(earlier[index]!);
  return shown(out, { ...prompt, text, cursor: [...text].length, recall: index, draft: prompt.recall < 0 ? prompt.text : prompt.draft, problem: null, completion: 0 });
}

/** Tab again gives the next one that fits. */
function complete(view: PhoneView, prompt: Prompt, out: Outcome): Outcome {
  if (!TAKES_ADDRESS.has(prompt.kind)) return out;
  const typed = (prompt.completion > 0 ? prompt.draft : prompt.text).toLowerCase();
  const fitting = view.contacts.filter(({ name, address }) => harmless(name).toLowerCase().split(/\s+/).some((word) => word.startsWith(typed)) || harmless(name).toLowerCase().startsWith(typed) || bare(address).startsWith(typed));
  if (fitting.length === 0) return shown(out, { ...prompt, problem: view.contacts.length === 0 ? 'there are no contacts yet' : 'no contact begins like that' });
  const { address } = fitting[prompt.completion % fitting.length]!;
  const text = harmless(address);
  return shown(out, { ...prompt, text, cursor: [...text].length, draft: prompt.completion > 0 ? prompt.draft : prompt.text, completion: prompt.completion + 1, problem: null, recall: -1 });
}

/** Why this cannot be called; null: it can be tried. A name of our contacts is an address, too. */
function addressProblem(text: string): string | null {
  if (text === '') return 'type a number or an address';
  if (/^(?:"[^"]*"\s*|[^<"]*)<[^<>\s]+>$/.test(text)) return null;
  return /\s/.test(text) ? 'a number or an address has no blanks in it' : null;
}

function resolved(view: PhoneView, text: string): string {
  return view.contacts.find(({ name }) => harmless(name).toLowerCase() === text.toLowerCase())?.address ?? text;
}

function submit(view: PhoneView, prompt: Prompt, out: Outcome): Outcome {
  const typed = prompt.text.trim();
  const wrong = (problem: string): Outcome => shown(out, { ...prompt, problem });
  const to = TAKES_ADDRESS.has(prompt.kind) ? resolved(view, typed) : typed;
  if (TAKES_ADDRESS.has(prompt.kind)) {
    const problem = addressProblem(to);
    if (problem !== null) return wrong(problem);
  }
  switch (prompt.kind) {
    case 'dial':
      out.events.push({ event: 'ui-dialled', to: typed }, { event: 'ui-page', page: 'calls' });
      return did(shown(out, null), { do: 'dial', to });
    case 'transfer':
      if (!established(view).some(({ id }) => id === prompt.about)) return wrong('the call has ended meanwhile: press Esc');
      return did(shown(out, null), { do: 'transfer', call: prompt.about, to });
    case 'join': {
      const other = established(view).find(({ line, id }) => String(line) === typed && id !== prompt.about);
      if (!established(view).some(({ id }) => id === prompt.about)) return wrong('the call has ended meanwhile: press Esc');
      if (other === undefined) return wrong(`type the number of a line: ${established(view).filter(({ id }) => id !== prompt.about).map(({ line }) => line).join(', ') || 'there is no other'}`);
      return did(shown(out, null), { do: 'transfer-to', call: other.id, other: prompt.about });
    }
    case 'message-to':
      return shown(out, newPrompt('message-text', '', to));
    case 'message-text':
      if (typed === '') return wrong('type the message, or press Esc');
      out.events.push({ event: 'ui-message', to: prompt.about, text: typed });
      return did(shown(out, null), { do: 'message', to: prompt.about, text: typed });
    case 'watch':
      return watch(to, shown(out, null));
    case 'contact-name':
      if (typed === '') return wrong('a contact needs a name');
      // From the history the address is known.
      if (prompt.about !== '') return did(shown(out, null), { do: 'contact-add', name: typed, address: prompt.about });
      return shown(out, newPrompt('contact-address', '', typed));
    case 'contact-address':
      return did(shown(out, null), { do: 'contact-add', name: prompt.about, address: to });
    case 'quit':
    case 'contact-remove':
      return out;
  }
}

/** Held down, these would end one call after the other. */
const ONCE = new Set(['x', 'r', 'q', 'a', 'j']);
/** A key that comes again within so long is being held down, ms. Terminals repeat every 25–50 ms, after a first wait of up to 500. */
const REPEAT_MS = 600;

export interface KeyReaderOptions {
  view(): PhoneView;
  apply(event: UiEvent | PhoneEvent): void;
  command(command: UserCommand): void;
}

/** Takes key presses as `Terminal` gives them. Never throws for what a key does; what `command` does with it is its own business. */
export class KeyReader {
  private paste: string | null = null;
  private last = { text: '', atMs: -Infinity };

  constructor(private readonly options: KeyReaderOptions) {}

  press(key: Key, atMs: number): void {
    if (key.name === 'paste-start') {
      this.paste = '';
      return;
    }
    if (key.name === 'paste-end') {
      const text = this.paste ?? '';
      this.paste = null;
      this.carryOut(pasted(this.options.view(), text));
      return;
    }
    if (this.paste !== null) {
      if (this.paste.length < LONGEST_INPUT * 2) this.paste += key.name === 'return' || key.name === 'enter' ? ' ' : (key.text ?? '');
      return;
    }
    const text = (key.text ?? '').toLowerCase();
    const held = text === this.last.text && atMs - this.last.atMs < REPEAT_MS;
    this.last = { text, atMs };
    if (held && ONCE.has(text) && this.options.view().prompt === null) return;
    this.carryOut(keyPressed(this.options.view(), key));
  }

  private carryOut({ events, commands }: Outcome): void {
    if (events.length + commands.length > 0) this.options.apply({ event: 'ui-seen' });
    for (const event of events) this.options.apply(event);
    for (const command of commands) this.options.command(command);
  }
}
