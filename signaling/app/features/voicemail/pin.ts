/** The owner changes the PIN, or takes it away. */
import { isPin, pinDigest } from '../../../pin';
import type { ServiceCall } from '../../feature';
import { ROUNDS, type VoicemailDeps } from './vocabulary';

const MAX = 11;

export async function changePin(call: ServiceCall, { boxes }: VoicemailDeps, number: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const pin = await entered(call, 'enter-new-pin');
    if (pin === undefined) return;
    if (pin === '') {
      await boxes.set(number, { pin: null });
      await call.say(['pin-removed'], { interrupt: true });
      return;
    }
    if (!isPin(pin)) {
      await call.say(['pin-bad'], { interrupt: true });
      continue;
    }
    const again = await entered(call, 'enter-again');
    if (again === undefined) return;
    if (again !== pin) {
      await call.say(['pins-differ'], { interrupt: true });
      continue;
    }
    await boxes.set(number, { pin: await pinDigest(pin) });
    await call.say(['pin-changed'], { interrupt: true });
    return;
  }
}

/** Empty: only # was pressed. Undefined: nothing was. */
async function entered(call: ServiceCall, question: string): Promise<string | undefined> {
  await call.say([question], { interrupt: true });
  const { digits, why } = await call.gather({ max: MAX, min: 0 });
  return digits === '' && why === 'timeout' ? undefined : digits;
}
