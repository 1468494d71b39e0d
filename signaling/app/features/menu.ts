/**
 * Menus that are set (kind `menu`): a prompt is heard, keys lead on.
 *
 *   closed? ─▶ prompt ─▶ keys ─┬▶ an option, an extension ─▶ there; nobody answers: again
 *      └▶ another place        └▶ nothing, or nothing that is there ─▶ again, so many times ─▶ elsewhere
 */
import type { Playable } from '../../../media/plane';
import { beside } from '../../tenants';
import { refuse } from '../reasons';
import type { Feature, ServiceCall } from '../feature';

const BREATH_MS = 400;
const MAX_DIGITS = 15;
/** Who asks for it again and again is heard out, but not for ever. */
const MAX_REPEATS = 20;

export interface MenuSettings {
  readonly prompt: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly dialByExtension: boolean;
  readonly firstSeconds: number;
  readonly betweenSeconds: number;
  readonly tries: number;
  readonly invalidPrompt: readonly string[];
  readonly otherwise: string | null;
  readonly hours: string | null;
  readonly closedPrompt: readonly string[];
  readonly closedTo: string | null;
}

export interface MenuDeps {
  find(number: string): MenuSettings | undefined;
  /** Hours that are not there are open. */
  isOpen(hours: string): boolean;
  /** Whether it is an extension that can be dialled from that menu. */
  isExtension(digits: string, menu: string): Promise<boolean>;
  /** Files and keys of prompts as what can be played; what is not there is left out, and logged. */
  sounds(texts: readonly string[]): readonly Playable[];
}

export const menu = (deps: MenuDeps): Feature => ({
  name: 'menu',
  numbers: [{ pattern: 'a menu', meaning: 'keys lead on (offhook config, kind menu)', matches: (_number, id) => (deps.find(id) ? { menu: id } : undefined) }],
  async answer(call, { menu: number = '' }) {
    const settings = deps.find(number);
    // removed in this very moment
    if (!settings) return call.hangup(refuse('unknown-number', number));
    if (!call.answered) {
      await call.answer();
      await call.pause(BREATH_MS);
    }
    if (settings.hours !== null && !deps.isOpen(beside(number, settings.hours))) {
      await call.play(deps.sounds(settings.closedPrompt));
      return leave(call, settings.closedTo);
    }
    await choosing(call, settings, number, deps);
    await leave(call, settings.otherwise);
  },
});

/** Comes back when it has been tried often enough. */
async function choosing(call: ServiceCall, settings: MenuSettings, number: string, deps: MenuDeps): Promise<void> {
  let repeats = 0;
  for (let tries = 0; tries < settings.tries; ) {
    await call.play(deps.sounds(settings.prompt), { interrupt: true });
    const digits = await keys(call, settings);
    const to = Object.hasOwn(settings.options, digits) ? settings.options[digits] : settings.dialByExtension && digits !== '' && (await deps.isExtension(digits, number)) ? digits : undefined;
    if (to === 'repeat' && repeats < MAX_REPEATS) {
      repeats++;
      continue;
    }
    if (to === 'hangup') return leave(call, null);
    tries++;
    if (to !== undefined && to !== 'repeat') {
      await call.transferTo(to, { asDialled: true });
      call.forgetDigits();
      await call.say(['cannot-be-reached-now']);
    } else if (digits !== '') await call.play(deps.sounds(settings.invalidPrompt), { interrupt: true });
  }
}

/** What was pressed; empty: nothing. It does not wait where nothing else could follow. */
async function keys(call: ServiceCall, { options, dialByExtension, firstSeconds, betweenSeconds }: MenuSettings): Promise<string> {
  let digits = '';
  for (;;) {
    const key = await call.digit((digits === '' ? firstSeconds : betweenSeconds) * 1000);
    if (key === undefined || key === '#') return digits;
    digits += key;
    const extension = dialByExtension && /^\d+$/.test(digits) && digits.length < MAX_DIGITS;
    if (!extension && !Object.keys(options).some((one) => one.length > digits.length && one.startsWith(digits))) return digits;
  }
}

async function leave(call: ServiceCall, to: string | null): Promise<void> {
  if (to !== null && to !== 'hangup') {
    await call.transferTo(to, { asDialled: true });
    await call.say(['cannot-be-reached-now']);
  }
  await call.say(['goodbye']);
  call.hangup();
}
