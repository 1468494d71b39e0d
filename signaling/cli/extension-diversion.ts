/** Where an extension's calls go, as options of `offhook extension set`. */
import { OffhookError } from '../errors';
import { checkTarget } from '../numbers';
import type { Diversion } from '../store/store';

export interface DiversionOptions {
  forwardAlways?: string;
  forwardBusy?: string;
  forwardNoAnswer?: string;
  forwardOffline?: string;
  ringSeconds?: string;
  doNotDisturb?: 'on' | 'off';
}

/** Undefined: nothing of it is to change. Errors: `extension.bad-target`, `command.usage`. */
export function diversionPatch(options: DiversionOptions, own: string): Partial<Diversion> | undefined {
  const { forwardAlways, forwardBusy, forwardNoAnswer, forwardOffline, ringSeconds, doNotDisturb } = options;
  const target = (given: string): string | null => (given === 'none' || given === '' ? null : checkTarget(given, own));
  const patch: Partial<Diversion> = {
    ...(forwardAlways !== undefined && { always: target(forwardAlways) }),
    ...(forwardBusy !== undefined && { busy: target(forwardBusy) }),
    ...(forwardNoAnswer !== undefined && { noAnswer: target(forwardNoAnswer) }),
    ...(forwardOffline !== undefined && { offline: target(forwardOffline) }),
    ...(ringSeconds !== undefined && { ringSeconds: secondsOf(ringSeconds) }),
    ...(doNotDisturb !== undefined && { doNotDisturb: doNotDisturb === 'on' }),
  };
  return Object.keys(patch).length > 0 ? patch : undefined;
}

function secondsOf(given: string): number | null {
  if (given === 'default') return null;
  const seconds = Number(given);
  if (!/^\d+$/.test(given) || seconds < 1 || seconds > 3600) throw new OffhookError('command.usage', { problem: `--ring-seconds ${given}: it must be 1 to 3600, or default.` });
  return seconds;
}
