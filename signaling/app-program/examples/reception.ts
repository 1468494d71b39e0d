/** `offhook serve --app reception.ts`: a reception desk at 610, a door code at 611, and nobody is called by 666. */
import { defineApp, deny, menu, name, redirect, type AppCall } from 'offhook/app';

const DOOR_CODE = '4711';
const BLOCKED = new Set(['666']);
const KNOWN: Readonly<Record<string, string>> = { '+4930123456': 'Acme Ltd' };

/** Asks for the code three times; who knows it is put through to the door. */
async function door(call: AppCall): Promise<void> {
  await call.answer();
  for (let tries = 0; tries < 3; tries++) {
    const { digits } = await call.gather({ digits: DOOR_CODE.length, prompt: ['enter-pin'] });
    if (digits === DOOR_CODE) {
      const why = await call.transfer('1002'); // returns only when nobody answered there
      console.log(`the door did not answer: ${why}`);
      await call.play('cannot-be-reached-now');
      return;
    }
    await call.play('not-right');
  }
  await call.play('goodbye');
}

export default defineApp({
  routes: {
    '610': menu({
      prompt: [{ tone: 'beep' }, 'queue-welcome'],
      options: { 1: '1001', 2: '1002', 9: async (call) => void (await call.play(['you-have', { number: 3 }, 'new-messages'])) },
      otherwise: '1001',
    }),
    '611': door,
  },
  onCall(call) {
    if (BLOCKED.has(call.caller.number)) return deny(603, 'not from here');
    if (call.dialled === '0') return redirect('610');
    const known = KNOWN[call.caller.number];
    return known === undefined ? undefined : name(known);
  },
  fallback: '1001',
});
