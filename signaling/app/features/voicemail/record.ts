/** Recording somebody after a tone, and asking afterwards whether it is good so. */
import type { RecordEnd } from '../../../../media/plane';
import { CallOver, type ServiceCall } from '../../feature';
import { choice, type VoicemailDeps } from './vocabulary';

const KEEP = '1';
const LISTEN = '2';
const AGAIN = '3';

export type Take = RecordEnd & { terminator: string | undefined };

/** The tone, then until #, silence, the limit or the end of the call. Undefined: it could not be recorded, which is counted, and the caller told. */
export async function take(call: ServiceCall, deps: VoicemailDeps, file: string, maxMs: number): Promise<Take | undefined> {
  await call.play([{ tone: 'beep' }]);
  // what was pressed at the tone is not the end of what comes after it
  call.forgetDigits();
  let end: Take;
  try {
    end = await call.record({ file, maxMs, silenceMs: deps.boxes.settings.silenceSeconds * 1000, terminators: '#' });
  } catch (err) {
    if (err instanceof CallOver) throw err;
    return notRecorded(call, deps, String(err));
  }
  if (end.why !== 'failed') return end;
  // what was written is a message like any other, if it is long enough; its maker must know that the rest is lost
  await notRecorded(call, deps, end.problem ?? '').catch(() => undefined);
  return end;
}

/** Says so. */
export async function notRecorded(call: ServiceCall, { boxes, log }: VoicemailDeps, problem: string): Promise<undefined> {
  boxes.counters.failed++;
  log.warn({ call: call.id, caller: call.caller.number, problem }, 'voicemail could not record');
  await call.say(['not-recorded']);
  return undefined;
}

/** Whoever says nothing, keeps it. */
export async function review(call: ServiceCall, file: string): Promise<'keep' | 'again'> {
  for (;;) {
    const key = await choice(call, `${KEEP}${LISTEN}${AGAIN}#`, ['menu-review']);
    if (key === AGAIN) return 'again';
    if (key !== LISTEN) return 'keep';
    await call.play([{ file }], { interrupt: true });
  }
}
