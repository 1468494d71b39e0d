/** What opening hours, menus, intercom, paging and supervisors are shown of the rest: settings, people and calls, each by the ids of its tenant. */
import { join } from 'node:path';
import type { Playable } from '../../media/plane';
import type { Clock } from '../clock';
import { OffhookError } from '../errors';
import type { Logger } from '../log';
import { isOpen } from '../opening-hours';
import { isPromptFile, promptsFolder } from '../prompt-folder';
import type { SettingsCache } from '../settings/cache';
import type { Store } from '../store/store';
import { beside, shown, tenantOf } from '../tenants';
import type { Calls, Originated } from './calls';
import type { CallDirectory, CallLocations } from './context';
import type { HoursDeps } from './features/hours';
import type { IntercomDeps } from './features/intercom';
import type { MenuDeps } from './features/menu';
import type { PagingDeps } from './features/paging';
import { supervise, type Mode, type SupervisorDeps } from './features/supervisor';

export interface OfficeDeps {
  settings: Pick<SettingsCache, 'get' | 'all'>;
  directory: CallDirectory;
  locations: Pick<CallLocations, 'lookup'>;
  store: Pick<Store, 'transaction'>;
  /** Something was written. */
  changed(): Promise<void>;
  /** The calls, once there are any. */
  calls(): Pick<Calls, 'originate' | 'supervision' | 'engaged'>;
  clock: Pick<Clock, 'wall'>;
  /** The data folder. */
  data: string;
  prompt(key: string): string | undefined;
  sayDigits(number: string): readonly string[];
  log: Logger;
}

export interface OfficeFeatures {
  hours: HoursDeps;
  menu: MenuDeps;
  intercom: IntercomDeps;
  paging: PagingDeps;
  supervisor: SupervisorDeps;
}

const besideOf = (number: string, other: string): string => beside(other, number);

export function office(deps: OfficeDeps): OfficeFeatures {
  const { settings, directory, calls, clock } = deps;
  return {
    hours: {
      clock,
      byCode(code, extension) {
        const found = settings.all('hours').find((one) => one.code === code && tenantOf(one.name) === tenantOf(extension));
        if (!found) return undefined;
        const may = found.setBy.length === 0 || found.setBy.some((one) => beside(extension, one) === extension);
        return may ? { name: found.name, hours: found } : 'not-allowed';
      },
      override: async (name, to) => {
        await deps.store.transaction(async ({ items }) => {
          const item = await items.get('hours', name);
          if (item) await items.put({ ...item, value: { ...(item.value as object), override: to }, updatedAt: clock.wall().getTime() }, false);
        });
        await deps.changed();
      },
    },
    menu: {
      find: (number) => settings.get('menu', number),
      isOpen: (name) => {
        const hours = settings.get('hours', name);
        return !hours || isOpen(hours, clock.wall());
      },
      isExtension: async (digits, menu) => (await directory.find(beside(menu, digits))) !== undefined,
      sounds: (texts) => texts.flatMap((text) => sound(deps, text)),
    },
    intercom: { idOf: besideOf, refusal: (number, caller) => intercomRefusal(deps, beside(caller, number), caller) },
    paging: {
      find: (number) => settings.get('paging', number),
      idOf: besideOf,
      isBusy: (number) => calls().engaged.count(number) > 0,
      originate: (number, handler, options) => calls().originate(number, handler, options),
    },
    supervisor: {
      idOf: besideOf,
      permission: (number, by) => permission(deps, number, by),
      placeOf: (number) => calls().supervision.placeOf(number),
      watch: (number, by) => calls().supervision.watch(number, by),
      sayDigits: deps.sayDigits,
    },
  };
}

/**
 * Calls the supervisor's phones and gives whoever answers the call that `number` has, as `*81`, `*82` and `*83` do. Whether it may is the business of
 * whoever asks. Errors: `call.not-so`, and those of `originate`.
 */
export function superviseFrom(deps: OfficeDeps, request: { supervisor: string; number: string; mode: Mode; by: string; tone?: boolean }): Promise<Originated> {
  const { supervisor, number, mode, by, tone = false } = request;
  const { originate, supervision } = bound(deps.calls());
  const near = supervision.placeOf(number);
  if (near === undefined) return Promise.reject(new OffhookError('call.not-so', { reason: `${shown(number)} talks to nobody` }));
  const watch = (of: string, who: string) => supervision.watch(of, who);
  return originate(supervisor, (call) => supervise(call, number, mode, tone, { watch, sayDigits: deps.sayDigits }), { service: 'supervisor', by, near, silence: 'asks', shows: { number, name: 'supervisor' } });
}

const bound = (calls: ReturnType<OfficeDeps['calls']>) => ({ originate: calls.originate.bind(calls), supervision: calls.supervision });

/** A key, or a file of the folder of sounds. What is not there is left out, and logged. */
export function sound({ data, prompt, log }: Pick<OfficeDeps, 'data' | 'prompt' | 'log'>, text: string): Playable[] {
  const file = isPromptFile(text) ? join(promptsFolder(data), text) : prompt(text);
  if (file !== undefined) return [{ file }];
  log.warn({ prompt: text }, 'there is no such prompt');
  return [];
}

async function intercomRefusal({ directory, locations }: OfficeDeps, id: string, caller: string): ReturnType<IntercomDeps['refusal']> {
  const extension = await directory.find(id);
  if (!extension) return 'unknown-number';
  if (id === caller) return 'own-number';
  const lets = extension.settings?.autoAnswer ?? 'nobody';
  const may = lets === 'anyone' ? (await directory.find(caller)) !== undefined : lets !== 'nobody' && lets.some((one) => beside(id, one) === caller);
  if (!may) return 'refused';
  if (extension.diversion?.doNotDisturb) return 'do-not-disturb';
  return locations.lookup(id).length === 0 ? 'not-registered' : undefined;
}

async function permission({ directory, settings }: OfficeDeps, id: string, by: string): Promise<{ tone: boolean } | undefined> {
  const supervising = (await directory.find(by))?.settings?.supervisor;
  if (!supervising || id === by || tenantOf(id) !== tenantOf(by)) return undefined;
  const covers = (one: string): boolean => one === '*' || beside(by, one) === id || (settings.get('group', beside(by, one))?.members ?? []).some((member) => beside(by, member) === id);
  return supervising.calls.some(covers) ? { tone: supervising.tone ?? false } : undefined;
}
