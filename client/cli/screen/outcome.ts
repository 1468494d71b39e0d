/** A key, and what it comes to: the words of both the keys of the phone and those of a line that is typed. */
import type { CallView, PhoneView, Prompt, PromptKind, UiEvent } from '../state';
import type { UserCommand } from './commands';

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

export function newPrompt(kind: PromptKind, text = '', about = ''): Prompt {
  return { kind, text, cursor: [...text].length, problem: null, about, recall: -1, draft: '', completion: 0 };
}

export function did(out: Outcome, ...commands: UserCommand[]): Outcome {
  out.commands.push(...commands);
  return out;
}

export function shown(out: Outcome, prompt: Prompt | null): Outcome {
  out.events.push({ event: 'ui-prompt', prompt });
  return out;
}

export function told(out: Outcome, text: string): Outcome {
  out.events.push({ event: 'ui-notice', kind: 'info', text });
  return out;
}

export function isQuestion(prompt: Prompt | null): boolean {
  return prompt?.kind === 'quit' || prompt?.kind === 'contact-remove';
}

export function living(view: PhoneView): CallView[] {
  return view.calls.filter(({ state }) => state !== 'ended');
}

export function established(view: PhoneView): CallView[] {
  return view.calls.filter(({ state }) => state === 'up' || state === 'held');
}

export function watch(who: string, out: Outcome): Outcome {
  out.events.push({ event: 'ui-watch', who });
  return did(out, { do: 'watch', who });
}
