/** What needs memory between keys: pastes, and keys that repeat while they are held down. Nothing here throws for what a key does. */
import type { PhoneEvent } from '../../events';
import type { PhoneView, UiEvent } from '../state';
import type { UserCommand } from './commands';
import { keyPressed, pasted } from './keys';
import type { Key, Outcome } from './outcome';
import { LONGEST_INPUT } from './prompt-keys';

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
