/** Who of several extensions can be rung at the moment, and by which phones: for groups, queues, and whoever is to be found elsewhere. */
import type { Extension } from '../store/store';
import type { CallDirectory, CallLocations } from './context';
import type { Engaged } from './engaged';
import type { Cause } from './reasons';
import { waysTo, type Way } from './ring-plan';

export interface PeopleDeps {
  directory: CallDirectory;
  locations: Pick<CallLocations, 'lookup'>;
  engaged: Pick<Engaged, 'count'>;
}

/** Errors: those of the directory. */
export const findAll = (directory: CallDirectory, numbers: readonly string[]): Promise<Array<Extension | undefined>> => Promise.all(numbers.map((number) => directory.find(number)));

/** Whether it has as many calls as it takes at a time. */
export function isFull({ number, settings }: Pick<Extension, 'number' | 'settings'>, engaged: Pick<Engaged, 'count'>): boolean {
  const max = settings?.callWaiting === false ? 1 : settings?.maxCalls;
  return max !== undefined && engaged.count(number) >= max;
}

/** The phones of a member, or why none of them is to ring. Its own forwarding takes no calls that are for several; it means that nobody is at its phones. */
export function reach(member: Extension, { locations, engaged }: Omit<PeopleDeps, 'directory'>, passBusy: boolean): readonly Way[] | Cause {
  if (member.diversion?.doNotDisturb) return 'do-not-disturb';
  if (member.diversion?.always != null) return 'unreachable';
  if (passBusy ? engaged.count(member.number) > 0 : isFull(member, engaged)) return 'busy';
  const bindings = locations.lookup(member.number);
  return bindings.length === 0 ? 'not-registered' : waysTo(member, bindings);
}
