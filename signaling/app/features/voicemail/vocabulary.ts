/** What all parts of voicemail share: what they are given, and how a choice is asked for. */
import type { Clock } from '../../../clock';
import type { Logger } from '../../../log';
import type { ServiceCall } from '../../feature';
import type { Mailboxes } from '../../mailboxes';

export interface VoicemailDeps {
  boxes: Mailboxes;
  /** Whether calls that nobody takes come here; the mailboxes can be listened to all the same. */
  takesCalls: boolean;
  clock: Pick<Clock, 'now' | 'wall'>;
  log: Pick<Logger, 'warn'>;
  speech: VoicemailSpeech;
}

/** Prompts, by their keys. */
export interface VoicemailSpeech {
  sayNumber: (n: number) => readonly string[];
  sayDigits: (number: string) => readonly string[];
  sayTime: (when: Date) => readonly string[];
  /** "today", "yesterday", or the day. */
  sayDate: (when: Date, now: Date) => readonly string[];
}

/** The way of the sound opens with the first packets (NAT, latching); a sentence that begins at once loses its first word. */
export const BREATH_MS = 400;

/** How often a question is asked of somebody who says nothing or something else. */
export const ROUNDS = 3;

const PATIENCE_MS = 5000;

/** Asks for one of `keys`, until one is pressed: undefined when none came in the last round. */
export async function choice(call: ServiceCall, keys: string, prompts: readonly string[]): Promise<string | undefined> {
  for (let round = 0; round < ROUNDS; round++) {
    await call.say(prompts, { interrupt: true });
    const key = await call.digit(PATIENCE_MS);
    if (key !== undefined && keys.includes(key)) return key;
    if (key !== undefined) await call.say(['not-right'], { interrupt: true });
  }
  return undefined;
}
