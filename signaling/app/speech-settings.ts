/** How the system speaks: prompts by their key, numbers as they are dialled, times where the system is at home. */
import { isPrompt, promptFile, sayDigits, sayNumber, sayTime } from '../../media/speech';
import type { Config } from '../config';
import { shown } from '../tenants';
import type { FeatureSpeech } from './features';

export const promptOf = (key: string): string | undefined => (isPrompt(key) ? promptFile(key) : undefined);

/** As it is dialled. */
export const sayNumberOf = (id: string): readonly string[] => sayDigits(shown(id));

/** `clock`: 12 or 24 hours. */
export function speechOf({ timeZone, clock }: Config['speech']): FeatureSpeech {
  const zone = zoneOf({ timeZone });
  return { sayTime: (when) => sayTime(when, zone, clock === '24' ? 24 : 12), sayNumber, sayDigits: sayNumberOf };
}

/** Where the system is at home. */
export function zoneOf({ timeZone }: Pick<Config['speech'], 'timeZone'>): string {
  return timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}
