/** What the keys come to: the commands of a phone that any program can give, and a few that only a screen has. */
import type { PhoneCommand } from '../commands';

export type UserCommand =
  | Extract<PhoneCommand, { do: 'dial' | 'answer' | 'reject' | 'hangup' | 'hold' | 'resume' | 'digits' | 'transfer' | 'transfer-to' | 'message' | 'watch' | 'unwatch' | 'mute' | 'volume' | 'noise-suppression' | 'do-not-disturb' | 'quit' }>
  /** An address that is there already gets the new name. */
  | { do: 'contact-add'; name: string; address: string }
  | { do: 'contact-remove'; address: string }
  /** Draw everything anew: something else wrote on the terminal. */
  | { do: 'redraw' }
  /** Ctrl-Z: back to the shell for a while. */
  | { do: 'suspend' };
