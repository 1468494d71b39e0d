/** `*40`: calls come while one talks; `*41`: they do not, and one is busy then. */
import { exactly, type Feature } from '../feature';

const BREATH_MS = 400;

export interface CallWaitingDeps {
  /** Errors: the store's. */
  set(extension: string, on: boolean): Promise<void>;
}

export const callWaiting = ({ set }: CallWaitingDeps): Feature => ({
  name: 'call waiting',
  numbers: [exactly('*40', 'calls come while you talk', { args: { on: 'yes' } }), exactly('*41', 'while you talk you are busy', { args: { on: 'no' } })],
  async answer(call, { on }) {
    await call.answer();
    await call.pause(BREATH_MS);
    await set(call.caller.number, on === 'yes');
    await call.say([on === 'yes' ? 'call-waiting-on' : 'call-waiting-off', 'goodbye']);
  },
});
