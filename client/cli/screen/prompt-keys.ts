/** Keys while a line is typed: moving and changing in it, what was typed before, contacts that fit, and what becomes of it with Enter. */
import { bare, TAKES_ADDRESS, type PhoneView, type Prompt } from '../state';
import { did, established, isQuestion, newPrompt, shown, watch, type Key, type Outcome } from './outcome';
import { harmless } from './text';

/** What a line may hold. */
export const LONGEST_INPUT = 1000;

export function inPrompt(view: PhoneView, prompt: Prompt, key: Key, out: Outcome): Outcome {
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

export function insert(prompt: Prompt, text: string): Prompt {
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

/** Never in an address (RFC 3261 §25.1), whatever else is right with it: the phone itself has the last word. */
const NO_ADDRESS = /["<>\\^`{|}]|%(?![0-9a-f]{2})|^@|@$/i;

/** Why this cannot be called; null: it can be tried. A name of our contacts is an address, too. */
function addressProblem(text: string): string | null {
  if (text === '') return 'type a number or an address';
  if (/^(?:"[^"]*"\s*|[^<"]*)<[^<>\s]+>$/.test(text)) return null;
  if (/\s/.test(text)) return 'a number or an address has no blanks in it';
  return NO_ADDRESS.test(text) ? 'that is no number and no address' : null;
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
