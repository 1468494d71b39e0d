/** Asking a program of one's own about each new call, before it goes anywhere. Calls for help go on unasked. */
import type { AppProgram } from '../app-program/app-program';
import { shown, tenantOf } from '../tenants';
import type { Arrival } from './arrival';
import type { DestinationDeps } from './destination';
import { refuse, type CallRefusal } from './reasons';

export interface Screening {
  program: Pick<AppProgram, 'judge'>;
  outside?: Pick<NonNullable<DestinationDeps['outside']>, 'emergency'> | undefined;
}

/** Where the call goes: to `number`, if nothing else is said, or nowhere. Its caller may have another name then. Errors: those of the directory. */
export async function screened({ program, outside }: Screening, arrival: Arrival, number: string | undefined): Promise<{ to: string | undefined } | CallRefusal> {
  const { number: caller, name, trunk } = arrival.caller;
  if (number === undefined || (await outside?.emergency(caller, number))) return { to: number };
  const verdict = await program.judge({ caller: { number: shown(caller), name }, dialled: number, tenant: tenantOf(caller), trunk });
  if (verdict === undefined) return { to: number };
  if (verdict.do === 'deny') return { ...refuse('by-program', verdict.reason ?? 'this call is not allowed'), status: verdict.status };
  if (verdict.name !== undefined) arrival.caller = { ...arrival.caller, name: verdict.name };
  return { to: verdict.do === 'redirect' ? verdict.to : number };
}
