/** A caller leaves a message. What was said when the call ended, however it ended, is kept. */
import type { Mailbox } from '../../../store/store';
import { CallOver, type ServiceCall } from '../../feature';
import type { Draft } from '../../mailboxes';
import { notRecorded, review, take } from './record';
import { BREATH_MS, ROUNDS, type VoicemailDeps } from './vocabulary';

export type Absence = 'is-on-another-call' | 'is-not-available';

export async function leave(call: ServiceCall, deps: VoicemailDeps, box: Mailbox, absence: Absence): Promise<void> {
  const { boxes, speech } = deps;
  await call.answer();
  await call.pause(BREATH_MS);
  const name = ['person-at-extension', ...speech.sayDigits(box.number), absence];
  const counts = await boxes.counts(box.number);
  if (counts.new + counts.saved >= boxes.settings.maxMessages) {
    boxes.counters.full++;
    await call.say([...name, 'mailbox-full', 'goodbye']);
    return;
  }
  const greeting = await boxes.greeting(box);
  // whoever knows it presses a key
  if (greeting !== undefined) await call.play([{ file: greeting }], { interrupt: true });
  else await call.say([...name, 'leave-a-message'], { interrupt: true });
  for (let round = 0; round < ROUNDS; round++) {
    if ((await message(call, deps, box)) === 'over') return;
  }
  await call.say(['goodbye']);
}

async function message(call: ServiceCall, deps: VoicemailDeps, box: Mailbox): Promise<'over' | 'again'> {
  const { boxes } = deps;
  let draft: Draft | undefined;
  try {
    draft = await boxes.begin(box.number, call.caller);
  } catch (err) {
    if (err instanceof CallOver) throw err;
    await notRecorded(call, deps, String(err));
    return 'over';
  }
  if (!draft) {
    await call.say(['mailbox-full', 'goodbye']);
    return 'over';
  }
  let durationMs = 0;
  try {
    const end = await take(call, deps, draft.file, boxes.settings.maxSeconds * 1000);
    durationMs = end?.durationMs ?? 0;
    if (!end || end.why === 'failed') return 'over';
    if (end.terminator !== undefined) {
      if (durationMs < boxes.minMs) {
        await draft.keep(0);
        await call.say(['too-short']);
        return 'again';
      }
      if ((await review(call, draft.file)) === 'again') {
        await draft.discard();
        return 'again';
      }
    }
    await call.say([(await draft.keep(durationMs)) ? 'message-saved' : 'too-short', 'goodbye']);
    return 'over';
  } finally {
    // nothing, when it was kept or discarded above
    await draft.keep(durationMs);
  }
}
