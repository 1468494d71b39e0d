/**
 * Numbers outside: whether somebody may call one, and over which trunks, as a plan for `ringing`.
 *
 *   number ─ emergency? ─ routes that fit best ─ may it? ─ cheapest first ─ trunks that are up ─▶ one after the other, until one rings or has the last word
 */
import type { Clock, Random } from '../../clock';
import type { CallClass, Extension } from '../../store/store';
import type { ValueOf } from '../../settings/values';
import { shown, tenantOf, within } from '../../tenants';
import type { Callee } from '../call';
import type { Hop } from '../diversion';
import { refuse, type CallRefusal } from '../reasons';
import type { RingPlan, Stage } from '../ring-plan';
import { outsider, TrunkLine, wayOver, type CallerId } from './line';
import type { Limited, Limits } from './limits';
import { inFull, written, type Numbering } from './numbering';
import { PatternTable } from './patterns';
import type { Peer } from './peer';

export type RouteSettings = ValueOf<'route'>;

export interface OutsideSettings extends Numbering {
  /** Always allowed, over every limit. */
  emergency: readonly string[];
  /** What extensions may call for which nothing is set. */
  permissions: readonly CallClass[];
}

export interface OutsideDeps {
  settings: OutsideSettings;
  routes(): readonly RouteSettings[];
  peer(name: string): Peer | undefined;
  peers(): readonly Peer[];
  directory: { find(number: string): Promise<Extension | undefined> };
  /** Whether a group or a queue has this number: where those send calls, whoever runs the system has said. */
  owns?(id: string): boolean;
  limits: Limits;
  clock: Clock;
  random: Random;
  refused(trunk: string, why: string): void;
}

export type OutsideDestination = { kind: 'phones'; callee: Callee; plan: RingPlan } | { kind: 'nobody'; refusal: CallRefusal; callee: undefined };

interface Candidate {
  peer: Peer;
  route: RouteSettings | undefined;
}

export class Outside {
  /** By tenant. */
  private tables = new Map<string, PatternTable<RouteSettings>>();

  constructor(private readonly deps: OutsideDeps) {}

  /** The routes are other ones. */
  changed(): void {
    const byTenant = new Map<string, RouteSettings[]>();
    for (const route of this.deps.routes()) {
      if (!route.enabled) continue;
      const tenant = tenantOf(route.name);
      byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), route]);
    }
    this.tables = new Map([...byTenant].map(([tenant, routes]) => [tenant, new PatternTable(routes.flatMap((route) => route.patterns.map((one) => [one, route] as const)))]));
  }

  /** For a number that means help, before anything else has it; undefined: it does not, or there is no trunk for it. */
  async emergency(caller: string, number: string): Promise<OutsideDestination | undefined> {
    const { settings, peers } = this.deps;
    if (!settings.emergency.includes(number)) return undefined;
    const tenant = tenantOf(caller);
    // those of the tenant first, then whatever there is
    const helping = peers().filter(({ settings: one }) => one.emergency && one.enabled);
    const ordered = [...helping.filter(({ settings: one }) => tenantOf(one.name) === tenant), ...helping.filter(({ settings: one }) => tenantOf(one.name) !== tenant)];
    if (ordered.length === 0) return undefined;
    const id = within(tenant, number);
    return this.plan(ordered.map((peer) => ({ peer, route: undefined })), { id, dialled: number, full: undefined, payer: await this.deps.directory.find(caller), caller, path: [], emergency: true });
  }

  /**
   * `payer`: whose call it is: the caller, or whoever has it forwarded or put it through. Undefined: no route has this number.
   * Errors: those of the directory.
   */
  async find(caller: string, payerId: string, number: string, path: readonly Hop[]): Promise<OutsideDestination | undefined> {
    const dialled = shown(number);
    const tenant = tenantOf(payerId);
    const full = inFull(dialled, this.deps.settings);
    const found = this.tables.get(tenant)?.find({ dialled, full }) ?? [];
    if (found.length === 0) return undefined;
    const payer = await this.deps.directory.find(payerId);
    const id = within(tenant, dialled);
    // who calls from outside is no extension, and does not go out again by itself
    const allowed = payer?.settings?.permissions ?? (payer || this.deps.owns?.(payerId) ? this.deps.settings.permissions : []);
    const may = found.filter((route) => allowed.includes(route.class));
    if (may.length === 0) return { kind: 'nobody', refusal: refuse('not-permitted', shown(id)), callee: undefined };
    const cheapest = may.toSorted((a, b) => a.costPerMinute - b.costPerMinute || a.order - b.order);
    const candidates = cheapest.flatMap((route) => route.trunks.flatMap((name): Candidate[] => {
      const peer = this.deps.peer(within(tenant, name));
      return peer?.settings.enabled ? [{ peer, route }] : [];
    }));
    return this.plan(candidates, { id, dialled, full, payer, caller, path, emergency: false });
  }

  private plan(candidates: readonly Candidate[], call: { id: string; dialled: string; full: string | undefined; payer: Extension | undefined; caller: string; path: readonly Hop[]; emergency: boolean }): OutsideDestination {
    const { clock } = this.deps;
    // one that is down is tried last: it may be up again
    const usable = candidates.filter(({ peer }) => peer.usable);
    const tried = usable.length > 0 ? usable : call.emergency ? candidates : [];
    const [first] = tried;
    if (!first) return { kind: 'nobody', refusal: refuse('no-trunk', shown(call.id)), callee: undefined };
    const lines = tried.map(({ peer, route }) => ({ peer, line: this.line(peer, route, call) }));
    let next = 0;
    let ringing: TrunkLine | undefined;
    return {
      kind: 'phones',
      callee: outsider(call.id, first.peer, call.emergency),
      plan: {
        early: true,
        next: (): Stage | undefined => {
          // it rings there: for as long as phones ring
          if (ringing?.settled) {
            ringing = undefined;
            next = lines.length;
            return { ways: [], seconds: undefined, keeps: () => true };
          }
          const one = lines[next++];
          if (!one) return undefined;
          ringing = one.line;
          const callee = outsider(call.id, one.peer, call.emergency);
          return { ways: [wayOver(one.line, callee, one.peer, clock.now())], seconds: one.peer.settings.answerSeconds };
        },
      },
    };
  }

  private line(peer: Peer, route: RouteSettings | undefined, { id, dialled, full, payer, caller, path, emergency }: Parameters<Outside['plan']>[1]): TrunkLine {
    const { settings, limits, random, refused, clock } = this.deps;
    const changed = route ? `${route.prepend}${dialled.slice(route.strip)}` : dialled;
    // a route that changes digits says how they are to be; else the trunk does
    const asIs = route === undefined || route.strip > 0 || route.prepend !== '';
    const inForm = asIs ? inFull(changed, settings) : full;
    const number = emergency ? dialled : inForm === undefined || asIs && !changed.startsWith('+') ? changed : written(inForm, peer.settings.send, settings);
    const limited: Limited[] = [
      [`trunk ${peer.settings.name}`, peer.settings],
      ...(route ? [[`route ${route.name}`, route] as const] : []),
      ...(payer?.settings?.limits ? [[`extension ${payer.number}`, payer.settings.limits] as const] : []),
    ];
    return new TrunkLine(
      { peer, route: route?.name ?? 'emergency', costPerMinute: route?.costPerMinute ?? 0, number, id, caller: callerIdOf(payer, caller, peer), limited, forwardedBy: forwardersOf(path, peer), emergency },
      { limits, random, refused, now: () => clock.now() },
    );
  }
}

/** A number outside that calls back: the extension's own, or that of the trunk. */
function callerIdOf(payer: Extension | undefined, caller: string, { settings }: Peer): CallerId {
  const own = payer?.settings?.callerId;
  return { number: own?.number ?? settings.callerId ?? settings.username ?? shown(caller), name: own?.name ?? payer?.name ?? null, anonymous: own?.anonymous === true };
}

const forwardersOf = (path: readonly Hop[], { settings }: Peer): string[] => (path.length === 0 ? [] : [settings.callerId ?? settings.username ?? shown((path.at(-1) as Hop).from.number)]);
