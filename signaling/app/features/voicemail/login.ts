/** Who may listen to a mailbox: its own phone (with the PIN, when there is one), and whoever knows its PIN. */
import { pinFits } from '../../../pin';
import { beside } from '../../../tenants';
import type { Mailbox } from '../../../store/store';
import type { ServiceCall } from '../../feature';
import { TRIES, type Lockout } from './lockout';
import { ROUNDS, type VoicemailDeps } from './vocabulary';

/** One more than can be right, so that the # after the longest one is not taken for something else. */
const MAX_PIN = 11;
const MAX_NUMBER = 16;

/** Undefined: not admitted, and told so. */
export async function admitOwn(call: ServiceCall, deps: VoicemailDeps, lockout: Lockout): Promise<Mailbox | undefined> {
  const box = await deps.boxes.find(call.caller.number);
  if (!box || (!box.enabled && (await isEmpty(deps, box)))) {
    await call.say(['no-voicemail']);
    return undefined;
  }
  return box.pin === null || (await knowsPin(call, deps, lockout, 'own', box)) ? box : undefined;
}

export async function admitOther(call: ServiceCall, deps: VoicemailDeps, lockout: Lockout): Promise<Mailbox | undefined> {
  for (let round = 0; round < ROUNDS; round++) {
    const digits = await entered(call, 'enter-mailbox', MAX_NUMBER);
    const number = beside(call.caller.number, digits);
    if (number === call.caller.number) return admitOwn(call, deps, lockout);
    const box = digits === '' ? undefined : await deps.boxes.find(number);
    if (box && box.pin === null) {
      await call.say(['mailbox-no-pin']);
      return undefined;
    }
    if (box) return (await knowsPin(call, deps, lockout, 'any', box)) ? box : undefined;
    if (digits !== '') await call.say(['no-voicemail', ...(round < ROUNDS - 1 ? ['try-again'] : [])]);
  }
  return undefined;
}

async function knowsPin(call: ServiceCall, deps: VoicemailDeps, lockout: Lockout, from: 'own' | 'any', box: Mailbox): Promise<boolean> {
  const { counters } = deps.boxes;
  const digest = box.pin ?? '';
  const key = `${from} ${box.number} ${digest}`;
  for (let round = 0; round < TRIES; round++) {
    if (lockout.isClosed(key)) return locked(call, deps);
    const digits = await entered(call, 'enter-pin', MAX_PIN);
    if (digits === '') continue;
    // another call may have closed it meanwhile
    if (!lockout.attempt(key)) return locked(call, deps);
    if (await pinFits(digits, digest)) {
      lockout.right(key);
      return true;
    }
    counters.wrongPins++;
    deps.log.warn({ call: call.id, mailbox: box.number, caller: call.caller.number }, 'a wrong PIN for a mailbox');
    if (lockout.isClosed(key)) return locked(call, deps);
    await call.say(['not-right', ...(round < TRIES - 1 ? ['try-again'] : [])]);
  }
  return false;
}

async function locked(call: ServiceCall, { boxes }: VoicemailDeps): Promise<false> {
  boxes.counters.lockedOut++;
  await call.say(['mailbox-locked']);
  return false;
}

/** Keys pressed during the question count. */
async function entered(call: ServiceCall, question: string, max: number): Promise<string> {
  await call.say([question], { interrupt: true });
  return (await call.gather({ max })).digits;
}

async function isEmpty({ boxes }: VoicemailDeps, box: Mailbox): Promise<boolean> {
  const counts = await boxes.counts(box.number);
  return counts.new + counts.saved === 0;
}
