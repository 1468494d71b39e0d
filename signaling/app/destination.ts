/**
 * Where a call goes in the end: the dial plan, and what the extensions on the way have set (forwarding, do not disturb).
 *
 *     number ─ dial plan ─┬▶ service
 *        ▲                ├▶ group ──────▶ phones of its members
 *        │                ├▶ extension ─┬▶ its phones, and where else it is looked for
 *        │                └▶ nobody     └▶ does not want it, has no phone ─┐
 *        └───────────────── another number ◀─── its setting ◀──────────────┘
 */
import type { Random } from '../clock';
import type { FindMe } from '../store/store';
import { beside } from '../tenants';
import type { Binding } from './binding';
import type { Callee } from './call';
import type { CallDirectory, CallLocations } from './context';
import { withoutPlus, type Dialplan, type Route } from './dialplan';
import { divertedFor, mailboxIn, MAX_HOPS, VOICEMAIL, type Hop, type Why } from './diversion';
import type { Engaged } from './engaged';
import type { Colleagues, Party } from './feature';
import { findMePlan } from './find-me';
import { Groups, type GroupBook } from './groups';
import { findAll, isFull, reach } from './people';
import { refuse, type CallRefusal, type Cause } from './reasons';
import type { Trunks } from './trunks/trunks';
import { inStages, phonesOf, waysTo, type RingPlan, type Way } from './ring-plan';

export type Destination =
  /** `callee`: who is called, and says where the call goes when nobody answers. */
  | { kind: 'phones'; callee: Callee; plan: RingPlan }
  | Extract<Route, { kind: 'service' }>
  /** `callee`: the extension that is not reached; undefined when there is none of that number. `mailbox`: whose takes a message, whoever was called first. */
  | { kind: 'nobody'; refusal: CallRefusal; callee: Callee | undefined; mailbox?: Party | undefined };

export interface DestinationDeps {
  plan: Dialplan;
  directory: CallDirectory;
  locations: Pick<CallLocations, 'lookup'>;
  engaged: Engaged;
  random: Random;
  /** Which ring groups there are; default: none. */
  groups?: GroupBook | undefined;
  /** Numbers that are not ours; default: there are none. */
  outside?: Pick<Trunks, 'emergency' | 'find' | 'owns'> | undefined;
}

export class Destinations {
  private readonly groups: Groups | undefined;

  constructor(private readonly deps: DestinationDeps) {
    this.groups = deps.groups && new Groups({ ...deps, book: deps.groups, lookUp: (caller, number, group) => this.lookUp(caller, number, [], group) });
  }

  /**
   * `path`: how the call came to this number; what sends it on is added. `by`: the extension, group or service that puts the caller through to it.
   * `without`: a feature that is not to have it.
   * Errors: those of the directory.
   */
  async find(caller: string, asked: string | undefined, path: Hop[], by = caller, without?: string): Promise<Destination> {
    const { plan, directory, locations, engaged, outside } = this.deps;
    // numbers of ours have no +
    const number = asked === undefined ? undefined : withoutPlus(asked);
    const help = outside && number !== undefined ? await outside.emergency(caller, number) : undefined;
    if (help) return help;
    const box = number === undefined ? undefined : mailboxIn(number);
    if (box !== undefined) return this.mailbox(caller, box);
    const callee = number === undefined ? undefined : await directory.find(beside(caller, number));
    const route = plan.route({ number, caller, without }, { isExtension: (id) => id === callee?.number, isGroup: (id) => this.groups?.find(id) !== undefined });
    if (route.kind === 'service') return route;
    if (route.kind === 'reject') {
      // whoever has it forwarded, or puts it through, calls there
      const payer = path.at(-1)?.from.number ?? (by === caller || outside?.owns(by) || (await directory.find(by)) ? by : caller);
      const out = route.refusal.cause === 'unknown-number' && outside && asked !== undefined ? await outside.find(caller, payer, asked, path) : undefined;
      return out ?? { kind: 'nobody', refusal: route.refusal, callee };
    }
    if (route.kind === 'group') return this.group(caller, route.number);
    if (!callee) throw new Error('the dial plan found an extension that is not there');

    const { diversion } = callee;
    if (diversion?.always != null) return this.on(caller, callee, { to: diversion.always, why: 'always' }, path, 'unreachable');
    const bindings = locations.lookup(callee.number);
    const cause = diversion?.doNotDisturb ? 'do-not-disturb' : isFull(callee, engaged) ? 'busy' : bindings.length === 0 ? 'not-registered' : undefined;
    const findMe = cause === undefined || cause === 'not-registered' ? callee.settings?.findMe : undefined;
    const ring = findMe && (await this.findMe(caller, callee, findMe, bindings, path));
    if (ring) return { kind: 'phones', callee, plan: ring };
    return cause ? this.instead(caller, callee, refuse(cause, callee.number), path) : { kind: 'phones', callee, plan: phonesOf(callee, bindings) };
  }

  /** undefined: it is nowhere else, either. */
  private async findMe(caller: string, callee: Callee, settings: FindMe, bindings: readonly Binding[], path: readonly Hop[]): Promise<RingPlan | undefined> {
    const { number, name, diversion } = callee;
    const here: Hop[] = [...path, { from: { number, name }, why: 'no-answer' }];
    const others = await Promise.all(settings.targets.map((target) => this.lookUp(caller, beside(number, target.number), here)));
    if (others.every((ways) => ways.length === 0)) return undefined;
    return findMePlan(settings, waysTo(callee, bindings), diversion?.ringSeconds ?? null, others);
  }

  /**
   * The phones of whoever has this number, its own forwarding aside, or the lines to it; none: they cannot ring, or nothing that rings has it.
   * `path`, `by`: who wants it rung.
   */
  private async lookUp(caller: string, number: string, path: readonly Hop[], by?: string): Promise<readonly Way[]> {
    if (number === caller) return [];
    const extension = await this.deps.directory.find(number);
    const ways = extension ? reach(extension, this.deps, false) : await this.lines(caller, number, path, by);
    return typeof ways === 'string' ? [] : ways;
  }

  /** Of numbers that are no extensions. A group is not rung within another. */
  private async lines(caller: string, number: string, path: readonly Hop[], by?: string): Promise<readonly Way[]> {
    if (this.groups?.find(number)) return [];
    const to = await this.find(caller, number, [...path], by);
    return to.kind === 'phones' ? (to.plan.next()?.ways ?? []) : [];
  }

  /** Errors: those of the directory. */
  private async group(caller: string, number: string): Promise<Destination> {
    const group = this.groups?.find(number);
    if (!group || !this.groups) return { kind: 'nobody', refusal: refuse('unknown-number', number), callee: undefined };
    return { kind: 'phones', callee: this.groups.callee(group), plan: await this.groups.plan(group, caller) };
  }

  /** The phones of those of several extensions that can take a call, all at once, in the name of `callee`. Errors: those of the directory. */
  async colleagues(caller: string, callee: Callee, whom: Colleagues): Promise<Destination> {
    if ('group' in whom) return this.group(caller, whom.group);
    const { any, prefix } = whom;
    const found = await findAll(this.deps.directory, any);
    const missed: Array<{ number: string; cause: Cause }> = [];
    const ways = any.flatMap((number, i): readonly Way[] => {
      const member = found[i];
      const reached = member ? reach(member, this.deps, true) : 'unknown-number';
      if (typeof reached !== 'string') return reached;
      missed.push({ number, cause: reached });
      return [];
    });
    return { kind: 'phones', callee, plan: inStages([{ ways, seconds: undefined }], { people: true, prefix, missed }) };
  }

  private async mailbox(caller: string, number: string): Promise<Destination> {
    const mailbox = await this.deps.directory.find(beside(caller, number));
    return { kind: 'nobody', refusal: refuse(mailbox ? 'no-answer' : 'unknown-number', number), callee: mailbox, mailbox };
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
    const id = beside(number, to);
    const circle = path.length >= MAX_HOPS || id === number || path.some(({ from }) => from.number === id);
    if (circle) return { kind: 'nobody', refusal: refuse('forwarding-loop', number), callee };
    path.push({ from: { number, name }, why });
    return this.find(caller, id, path);
  }
}

/** For whom the caller meant: a message is left for that one, whoever did not answer in the end. */
export const meant = (path: readonly Hop[], callee: Party | undefined): Party | undefined => path[0]?.from ?? callee;
