/**
 * Where a call goes in the end: the dial plan, and what the extensions on the way have set (forwarding, do not disturb).
 *
 *     number ─ dial plan ─┬▶ service
 *        ▲                ├▶ extension ─┬▶ its phones
 *        │                └▶ nobody     └▶ does not want it, has no phone ─┐
 *        └───────────────── another number ◀─── its setting ◀──────────────┘
 */
import type { Extension } from '../store/store';
import { beside } from '../tenants';
import type { Binding } from './binding';
import type { Callee } from './call';
import type { CallDirectory, CallLocations } from './context';
import type { Dialplan, Route } from './dialplan';
import { divertedFor, MAX_HOPS, VOICEMAIL, type Hop, type Why } from './diversion';
import type { Party } from './feature';
import { refuse, type CallRefusal, type Cause } from './reasons';

export type Destination =
  | { kind: 'phones'; callee: Extension; bindings: readonly Binding[] }
  | Extract<Route, { kind: 'service' }>
  /** `callee`: the extension that is not reached; undefined when there is none of that number. */
  | { kind: 'nobody'; refusal: CallRefusal; callee: Callee | undefined };

export interface DestinationDeps {
  plan: Dialplan;
  directory: CallDirectory;
  locations: Pick<CallLocations, 'lookup'>;
}

export class Destinations {
  constructor(private readonly deps: DestinationDeps) {}

  /** `path`: how the call came to this number; what sends it on is added. Errors: those of the directory. */
  async find(caller: string, number: string | undefined, path: Hop[]): Promise<Destination> {
    const { plan, directory, locations } = this.deps;
    const callee = number === undefined ? undefined : await directory.find(beside(caller, number));
    const route = plan.route({ number, caller }, { isExtension: (id) => id === callee?.number });
    if (route.kind === 'service') return route;
    if (route.kind === 'reject') return { kind: 'nobody', refusal: route.refusal, callee };
    if (!callee) throw new Error('the dial plan found an extension that is not there');

    const { diversion } = callee;
    if (diversion?.always != null) return this.on(caller, callee, { to: diversion.always, why: 'always' }, path, 'unreachable');
    const bindings = locations.lookup(callee.number);
    const cause = diversion?.doNotDisturb ? 'do-not-disturb' : bindings.length === 0 ? 'not-registered' : undefined;
    return cause ? this.instead(caller, callee, refuse(cause, callee.number), path) : { kind: 'phones', callee, bindings };
  }

  /** Where a call goes that `callee` does not take: elsewhere, if it has said so, else it is refused like this. */
  async instead(caller: string, callee: Callee, refusal: CallRefusal, path: Hop[]): Promise<Destination> {
    const diverted = divertedFor(callee.diversion, refusal.cause);
    if (!diverted) return { kind: 'nobody', refusal, callee };
    return this.on(caller, callee, diverted, path, refusal.cause);
  }

  private async on(caller: string, callee: Callee, { to, why }: { to: string; why: Why }, path: Hop[], cause: Cause): Promise<Destination> {
    const { number, name } = callee;
    if (to === VOICEMAIL) return { kind: 'nobody', refusal: refuse(cause, number), callee };
    const circle = path.length >= MAX_HOPS || beside(number, to) === number || path.some(({ from }) => from.number === beside(number, to));
    if (circle) return { kind: 'nobody', refusal: refuse('forwarding-loop', number), callee };
    path.push({ from: { number, name }, why });
    return this.find(caller, to, path);
  }
}

/** For whom the caller meant: a message is left for that one, whoever did not answer in the end. */
export const meant = (path: readonly Hop[], callee: Party | undefined): Party | undefined => path[0]?.from ?? callee;
