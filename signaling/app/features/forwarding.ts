/**
 * `*72` and its like: where one's own calls go, set from the phone; `*78`, `*79`: do not disturb. What the settings do is in `diversion` and
 * `destination`; here they are only changed, and said.
 *
 *   *72NUMBER ─▶ on, to that number        *72 ─▶ "enter the number" ─▶ on        *73 ─▶ off
 */
import type { Diversion } from '../../store/store';
import { exactly, type Feature, type FeatureNumber, type ServiceCall } from '../feature';

const BREATH_MS = 400;
const ROUNDS = 3;
const MAX_DIGITS = 32;

type Setting = 'always' | 'busy' | 'noAnswer' | 'offline';

/** The code that sets, and the one that takes it back. */
const codes: ReadonlyArray<{ setting: Setting; on: string; off: string; calls: string }> = [
  { setting: 'always', on: '*72', off: '*73', calls: 'all your calls go' },
  { setting: 'busy', on: '*90', off: '*91', calls: 'calls go when you are busy' },
  { setting: 'noAnswer', on: '*92', off: '*93', calls: 'calls go when you do not answer' },
  { setting: 'offline', on: '*94', off: '*95', calls: 'calls go when no phone of yours is there' },
];

export interface ForwardingDeps {
  /** Errors: the store's. */
  set(extension: string, change: Partial<Diversion>): Promise<void>;
  /** Whether this number, dialled by that extension, is somebody's or something's. */
  leadsSomewhere(number: string, extension: string): Promise<boolean>;
  sayDigits: (number: string) => readonly string[];
}

export function forwarding(deps: ForwardingDeps): Feature {
  return {
    name: 'forwarding',
    numbers: [
      ...codes.flatMap(({ setting, on, off, calls }) => [to(on, setting, `where ${calls}`), exactly(off, `not any more (${on})`, { args: { setting } })]),
      exactly('*78', 'do not disturb', { args: { quiet: 'on' } }),
      exactly('*79', 'you may be disturbed again', { args: { quiet: 'off' } }),
    ],
    async answer(call, { setting, number, quiet }) {
      await call.answer();
      await call.pause(BREATH_MS);
      if (quiet !== undefined) await disturb(call, deps, quiet === 'on');
      else if (number === undefined) await off(call, deps, setting as Setting);
      else await on(call, deps, setting as Setting, number);
      await call.say(['goodbye']);
    },
  };
}

/** The code alone, or with the number behind it. */
const to = (code: string, setting: Setting, meaning: string): FeatureNumber => ({
  pattern: `${code}[NUMBER]`,
  meaning,
  matches: (dialled) => (dialled.startsWith(code) && dialled.length <= code.length + MAX_DIGITS ? { setting, number: dialled.slice(code.length) } : undefined),
});

async function disturb(call: ServiceCall, deps: ForwardingDeps, quiet: boolean): Promise<void> {
  await deps.set(call.caller.number, { doNotDisturb: quiet });
  await call.say([quiet ? 'do-not-disturb-on' : 'do-not-disturb-off']);
}

async function off(call: ServiceCall, deps: ForwardingDeps, setting: Setting): Promise<void> {
  await deps.set(call.caller.number, { [setting]: null });
  await call.say(['forwarding-off']);
}

async function on(call: ServiceCall, deps: ForwardingDeps, setting: Setting, dialled: string): Promise<void> {
  let number = dialled;
  for (let round = 0; round < ROUNDS; round++) {
    if (number === '') {
      await call.say(['enter-number'], { interrupt: true });
      ({ digits: number } = await call.gather({ max: MAX_DIGITS }));
    }
    if (number !== '' && (await deps.leadsSomewhere(number, call.caller.number))) {
      await deps.set(call.caller.number, { [setting]: number });
      await call.say(['forwarding-on', ...deps.sayDigits(number)]);
      return;
    }
    await call.say(number === '' ? ['not-right'] : ['the-number-you-dialled', ...deps.sayDigits(number), 'is-not-in-service']);
    number = '';
  }
}
