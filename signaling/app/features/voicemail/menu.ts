/** What the owner of a mailbox hears: how much there is, and the main menu. */
import type { Mailbox } from '../../../store/store';
import type { ServiceCall } from '../../feature';
import type { Counts } from '../../mailboxes';
import { greetingMenu } from './greeting';
import { listen } from './listen';
import { changePin } from './pin';
import { choice, type VoicemailDeps, type VoicemailSpeech } from './vocabulary';

const NEW = '1';
const SAVED = '2';
const GREETING = '3';
const PIN = '4';
const AGAIN = '*';

/** Until the owner has had enough. */
export async function menu(call: ServiceCall, deps: VoicemailDeps, { number }: Mailbox): Promise<void> {
  for (;;) {
    const counts = await deps.boxes.counts(number);
    const key = await choice(call, `${NEW}${SAVED}${GREETING}${PIN}${AGAIN}#`, [...howMany(counts, deps.speech), ...options(counts)]);
    if (key === NEW) await listen(call, deps, number, 'new');
    else if (key === SAVED) await listen(call, deps, number, 'saved');
    else if (key === GREETING) await greetingMenu(call, deps, number);
    else if (key === PIN) await changePin(call, deps, number);
    else if (key !== AGAIN) return;
  }
}

export function howMany(counts: Counts, { sayNumber }: Pick<VoicemailSpeech, 'sayNumber'>): readonly string[] {
  const part = (n: number, one: string, many: string): readonly string[] => (n === 0 ? [] : [...sayNumber(n), n === 1 ? one : many]);
  const fresh = part(counts.new, 'new-message', 'new-messages');
  const saved = part(counts.saved, 'saved-message', 'saved-messages');
  if (fresh.length + saved.length === 0) return ['no-messages'];
  return ['you-have', ...fresh, ...(fresh.length > 0 && saved.length > 0 ? ['and'] : []), ...saved];
}

/** What leads to nothing is not offered, though it may be pressed. */
const options = (counts: Counts): readonly string[] => [
  ...(counts.new > 0 ? ['menu-new'] : []),
  ...(counts.saved > 0 ? ['menu-saved'] : []),
  'menu-greeting',
  'menu-pin',
  'menu-hang-up',
];
