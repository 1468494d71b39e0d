/** The personal greeting: record, listen, remove. A new one takes the old one's place when its owner says so, not before. */
import type { ServiceCall } from '../../feature';
import { notRecorded, review, take } from './record';
import { choice, ROUNDS, type VoicemailDeps } from './vocabulary';

const RECORD = '1';
const LISTEN = '2';
const REMOVE = '3';
/** Longer than callers care to listen. */
const MAX_MS = 120_000;

export async function greetingMenu(call: ServiceCall, deps: VoicemailDeps, number: string): Promise<void> {
  const { boxes } = deps;
  for (;;) {
    const key = await choice(call, `${RECORD}${LISTEN}${REMOVE}*#`, ['menu-greeting-record', 'menu-greeting-listen', 'menu-greeting-remove', 'menu-main']);
    if (key === RECORD) await record(call, deps, number);
    else if (key === LISTEN) await play(call, deps, number);
    else if (key === REMOVE) {
      const had = ((await boxes.find(number))?.greeting ?? null) !== null;
      if (had) await boxes.setGreeting(number, null);
      await call.say([had ? 'greeting-removed' : 'no-greeting'], { interrupt: true });
    } else return;
  }
}

async function play(call: ServiceCall, { boxes }: VoicemailDeps, number: string): Promise<void> {
  const box = await boxes.find(number);
  const file = box && (await boxes.greeting(box));
  if (file === undefined) await call.say(['no-greeting'], { interrupt: true });
  else await call.play([{ file }], { interrupt: true });
}

async function record(call: ServiceCall, deps: VoicemailDeps, number: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await call.say(['record-greeting'], { interrupt: true });
    if ((await once(call, deps, number)) === 'over') return;
  }
}

async function once(call: ServiceCall, deps: VoicemailDeps, number: string): Promise<'over' | 'again'> {
  const { boxes } = deps;
  let file: Awaited<ReturnType<typeof boxes.newFile>>;
  try {
    file = await boxes.newFile(number, 'greeting');
  } catch (err) {
    await notRecorded(call, deps, String(err));
    return 'over';
  }
  let kept = false;
  try {
    const end = await take(call, deps, file.path, MAX_MS);
    if (!end || end.why === 'failed') return 'over';
    if (end.durationMs < boxes.minMs) {
      await call.say(['too-short']);
      return 'again';
    }
    if ((await review(call, file.path)) === 'again') return 'again';
    await boxes.setGreeting(number, file.name);
    kept = true;
    await call.say(['greeting-saved'], { interrupt: true });
    return 'over';
  } finally {
    if (!kept) await boxes.unlinked(file.path);
  }
}
