/**
 * Messages, one after the other. One that was heard to its end is saved; one that was not, stays as it was. What is deleted goes when its
 * owner has done with these messages or hangs up, and can be had back until then.
 */
import type { VoiceMessage } from '../../../store/store';
import { shown } from '../../../tenants';
import type { ServiceCall } from '../../feature';
import type { Cause } from '../../reasons';
import { choice, type VoicemailDeps } from './vocabulary';

const REPEAT = '4';
const CALL_BACK = '5';
const NEXT = '6';
const DELETE = '7';
const SAVE = '9';
const KEYS = `${REPEAT}${CALL_BACK}${NEXT}${DELETE}${SAVE}*#`;

/** How "the number you dialled, one zero two" goes on. */
const sentences: Partial<Record<Cause, string>> = {
  'not-registered': 'cannot-be-reached',
  unreachable: 'cannot-be-reached',
  busy: 'is-busy',
  'busy-everywhere': 'is-busy',
  declined: 'is-busy',
  'no-answer': 'does-not-answer',
};

export async function listen(call: ServiceCall, deps: VoicemailDeps, mailbox: string, state: 'new' | 'saved'): Promise<void> {
  const messages = await deps.boxes.messages(mailbox, state);
  const deleted = new Set<VoiceMessage>();
  try {
    for (const message of messages) {
      if ((await hear(call, deps, message, state, deleted)) === 'main') return;
    }
    await call.say(messages.length === 0 ? ['you-have', 'no', `${state}-messages`] : ['no-more-messages'], { interrupt: true });
  } finally {
    for (const message of deleted) await deps.boxes.remove(message);
  }
}

async function hear(call: ServiceCall, deps: VoicemailDeps, message: VoiceMessage, state: 'new' | 'saved', deleted: Set<VoiceMessage>): Promise<'next' | 'main'> {
  let saved = state === 'saved';
  const save = async (): Promise<void> => {
    if (!saved) await deps.boxes.save(message);
    saved = true;
  };
  let again = true;
  for (;;) {
    if (again && (await played(call, deps, message, state))) await save();
    again = false;
    const remove = deleted.has(message) ? 'menu-undelete' : 'menu-delete';
    const key = await choice(call, KEYS, ['menu-repeat', 'menu-call-back', 'menu-next', remove, ...(deleted.has(message) ? [] : ['menu-save']), 'menu-main']);
    switch (key) {
      case REPEAT:
        again = true;
        break;
      case CALL_BACK:
        await callBack(call, deps, message);
        break;
      case NEXT:
        return 'next';
      case DELETE:
        if (deleted.delete(message)) await call.say(['message-undeleted'], { interrupt: true });
        else {
          deleted.add(message);
          await call.say(['message-deleted'], { interrupt: true });
        }
        break;
      case SAVE:
        deleted.delete(message);
        await save();
        await call.say(['message-kept'], { interrupt: true });
        return 'next';
      default:
        return 'main';
    }
  }
}

/** Who, when, what. True: to the end. */
async function played(call: ServiceCall, { boxes, speech, clock }: VoicemailDeps, message: VoiceMessage, state: 'new' | 'saved'): Promise<boolean> {
  const who = /^[\d*#+]+$/.test(shown(message.from)) ? speech.sayDigits(message.from) : ['unknown-caller'];
  const at = new Date(message.receivedAt);
  await call.say([`${state}-message`, 'from', ...who, 'received', ...speech.sayDate(at, clock.wall()), 'at', ...speech.sayTime(at)], { interrupt: true });
  const { why } = await call.play([{ file: boxes.file(message) }], { interrupt: true });
  return why === 'finished';
}

/** Returns only when nobody answered. */
async function callBack(call: ServiceCall, deps: VoicemailDeps, { from }: VoiceMessage): Promise<void> {
  await call.say(['calling-back']);
  const cause = await call.transferTo(from);
  call.forgetDigits();
  const sentence = sentences[cause];
  await call.say(sentence === undefined ? ['cannot-call-back'] : ['the-number-you-dialled', ...deps.speech.sayDigits(from), sentence], { interrupt: true });
}
