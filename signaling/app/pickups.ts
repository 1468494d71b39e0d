/** Calls that ring and may be taken by somebody else: which there are, and who may (directed and group pickup, and RFC 3891 with `early-only`). */
import type { Extension } from '../store/store';
import { beside, tenantOf } from '../tenants';
import type { Call } from './call';
import type { CallDirectory } from './context';
import { refuse, type CallRefusal } from './reasons';

export interface PickupsDeps {
  calls(): Iterable<Call>;
  directory: CallDirectory;
  /** Whether everybody may take calls of everybody in the tenant; otherwise only those with a pickup group in common. */
  open: boolean;
}

export type Pickable = { id: string } | { refusal: CallRefusal };

export class Pickups {
  constructor(private readonly deps: PickupsDeps) {}

  /** The call that has been ringing longest at this number, an extension's, a group's or a queue's, as `picker` dials it. Errors: the directory's. */
  async at(picker: string, dialled: string): Promise<Pickable> {
    const number = beside(picker, dialled);
    const there = this.ringing(picker).filter((call) => ringsAt(call).includes(number));
    for (const call of there) if (await this.may(picker, call)) return { id: call.id };
    return { refusal: refuse(there.length > 0 ? 'not-yours' : 'nothing-rings', number) };
  }

  /** The one that has been ringing longest at somebody with a pickup group in common. Errors: the directory's. */
  async inGroups(picker: string): Promise<Pickable> {
    const mine = await this.groupsOf(picker);
    for (const call of this.ringing(picker)) if (await this.shares(mine, call)) return { id: call.id };
    return { refusal: refuse('nothing-rings', 'your group') };
  }

  /** Whether `picker` may take this call. Errors: the directory's. */
  async may(picker: string, call: Call): Promise<boolean> {
    const there = ringsAt(call);
    if (!there.some((number) => tenantOf(number) === tenantOf(picker))) return false;
    return this.deps.open || there.includes(picker) || this.shares(await this.groupsOf(picker), call);
  }

  /** That is not one's own call, the oldest first. */
  private ringing(picker: string): Call[] {
    return [...this.deps.calls()].filter((call) => call.from.number !== picker && ringsAt(call).some((number) => tenantOf(number) === tenantOf(picker)));
  }

  private async shares(mine: ReadonlySet<string>, call: Call): Promise<boolean> {
    if (mine.size === 0) return false;
    for (const number of ringsAt(call)) for (const group of await this.groupsOf(number)) if (mine.has(group)) return true;
    return false;
  }

  /** Names are a tenant's own. */
  private async groupsOf(number: string): Promise<ReadonlySet<string>> {
    const extension: Extension | undefined = await this.deps.directory.find(number);
    return new Set((extension?.settings?.pickupGroups ?? []).map((group) => `${group}@${tenantOf(number)}`));
  }
}

/** Who was dialled, and whose phones ring; none: it does not ring anywhere. */
export function ringsAt({ state, to, forks }: Call): string[] {
  // what rings outside is not ours to take
  const live = forks.filter(({ ended, callee }) => ended === undefined && callee.trunk === undefined);
  return state === 'ringing' && live.length > 0 ? [...new Set([to.number, ...live.map(({ callee }) => callee.number)])] : [];
}
