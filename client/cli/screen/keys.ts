/**
 * Key presses → what changes on the screen and what the phone is told. Pure; nothing here throws; what cannot be done is said in the line of the
 * prompt or as a notice.
 */
import { bare, selectedCall, type Page, type PhoneView } from '../state';
import { did, established, isQuestion, living, newPrompt, shown, told, watch, type Key, type Outcome } from './outcome';
import { inPrompt, insert } from './prompt-keys';
import { harmless } from './text';

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

function stopWatching(who: string, out: Outcome): Outcome {
  out.events.push({ event: 'ui-unwatch', who });
  return did(out, { do: 'unwatch', who });
}
