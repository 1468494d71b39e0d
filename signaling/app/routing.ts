/**
 * Where a call goes, and goes next: to phones or a feature, elsewhere when nobody takes it, to a feature that wants what would be refused.
 *
 *   number ─▶ destination ─┬▶ phones ─ nobody takes it ─▶ elsewhere? ─┬▶ phones, a service
 *                          ├▶ service                                 └▶ a feature wants it? ─┬▶ that one
 *                          └▶ nobody ─▶ a feature wants it?                                   └▶ refused
 */
import type { Picked } from '../../media/sdp';
import type { Newcomer } from './arrival';
import { phoneless, type Call, type Callee } from './call';
import { releaseLeg } from './call-media';
import type { CallContext } from './context';
import { Destinations, meant, type Destination, type DestinationDeps } from './destination';
import type { Dialplan } from './dialplan';
import { displace } from './displacing';
import { divertedFor, type Hop } from './diversion';
import type { Refusal } from './exchange';
import type { Colleagues, Feature, Handler, Party } from './feature';
import type { GroupBook } from './groups';
import { cancelOthers, guarded, hangup } from './hangup';
import type { Side } from './leg';
import { reasonHeader, refuse, type CallRefusal, type Cause } from './reasons';
import { ring } from './ringing';
import { takerOf, type Taker } from './services';

/** What is done with calls, by whoever keeps them. */
export interface RoutingBoard {
  begin(newcomer: Newcomer, callee: Callee, offer: Picked | undefined): Call;
  /** Gives a call to a feature. */
  serve(call: Call, feature: Feature, handler: Handler): void;
  /** False: it has been refused. */
  welcome(newcomer: Newcomer): boolean;
  refuse(newcomer: Newcomer, refusal: CallRefusal | Refusal): void;
}

/** What features may be offered: the rest says nothing about the person who was called, or cannot be helped. */
const offered: ReadonlySet<Cause> = new Set<Cause>(['busy', 'busy-everywhere', 'own-number', 'do-not-disturb', 'forwarding-loop', 'no-answer', 'not-registered', 'unreachable', 'declined', 'refused', 'unknown-number']);

/** From one service to the next, before it is taken for a circle. */
const MAX_HANDOVERS = 50;

type Reached = Exclude<Destination, { kind: 'nobody' }>;

export class Routing {
  private readonly destinations: Destinations;

  constructor(
    private readonly ctx: CallContext,
    plan: Dialplan,
    private readonly features: readonly Feature[],
    private readonly board: RoutingBoard,
    groups?: GroupBook,
    outside?: DestinationDeps['outside'],
  ) {
    const { directory, locations, engaged, random } = ctx;
    this.destinations = new Destinations({ plan, directory, locations, engaged, random, groups, outside });
  }

  /** See `Destinations.find`. */
  find(caller: string, number: string, path: Hop[], by?: string, without?: string): Promise<Destination> {
    return this.destinations.find(caller, number, path, by, without);
  }

  /** Where a call goes that whoever it was for does not take; `path` is added to. */
  instead(call: Call, refusal: CallRefusal, path: Hop[]): Promise<Destination> {
    return this.destinations.instead(call.from.number, call.to, refusal, path);
  }

  /** To whatever the dial plan has for this number. */
  async connect(arrival: Newcomer, number: string | undefined): Promise<void> {
    const { caller } = arrival;
    arrival.dialled = number ?? '';
    const to = await this.destinations.find(caller.number, number, arrival.path, arrival.payer);
    if (to.kind === 'nobody') return this.refuseOrOffer(arrival, to.refusal, to.callee, to.mailbox);

    const offer = arrival.offer();
    if (offer && 'status' in offer) return this.board.refuse(arrival, offer);
    if (!this.board.welcome(arrival)) return;
    const call = this.board.begin(arrival, partyOf(to), offer);
    await this.lead(call, to);
  }

  /** The call goes where it was found to go. */
  private async lead(call: Call, to: Reached): Promise<void> {
    if (to.kind === 'service') {
      const { feature, args, near } = to;
      call.near = near;
      // its port is somewhere, and has to be where the room is; the caller has not been told of it unless a phone was heard before it answered
      if (call.near !== undefined && call.wiring === undefined) releaseLeg(this.ctx, call, call.caller);
      this.board.serve(call, feature, async (service) => feature.answer?.(service, args));
      return;
    }
    await ring(this.ctx, call, to.plan).catch((err) => guarded(this.ctx, call, 'ringing', () => Promise.reject(err)));
  }

  /** Whether this number, dialled by that extension, is somebody's or something's, reachable at the moment or not. */
  async leadsSomewhere(number: string, extension: string): Promise<boolean> {
    const to = await this.destinations.find(extension, number, []);
    return to.kind !== 'nobody' || (to.callee !== undefined && to.refusal.cause !== 'own-number');
  }

  /** Before a call is refused that never rang, features may take it. */
  private async refuseOrOffer(arrival: Newcomer, refusal: CallRefusal, callee: Callee | undefined, mailbox: Party | undefined): Promise<void> {
    const offer = arrival.offer();
    const usable = !offer || !('status' in offer);
    const taker = usable ? await this.takerFor(arrival.caller, arrival.dialled, mailbox ?? meant(arrival.path, callee), refusal) : undefined;
    if (!taker || !usable) return this.board.refuse(arrival, refusal);
    if (!this.board.welcome(arrival)) return;
    const call = this.board.begin(arrival, callee ?? phoneless(arrival.dialled, null), offer);
    this.board.serve(call, taker.feature, taker.handler);
  }

  /** Nobody answered: back to the service that had put the caller through, or to a feature that wants the call, or it is refused. */
  unanswered(call: Call, by: Side | 'system', refusal: CallRefusal): void {
    if (call.over) return;
    const { service } = call;
    if (!service && !this.isOffered(refusal) && !divertedFor(call.to.diversion, refusal.cause)) return hangup(this.ctx, call, by, refusal);
    call.ringTimer?.cancel();
    const { forks, plan } = call;
    call.plan = undefined;
    cancelOthers(this.ctx, call, undefined, reasonHeader(refusal));
    if (service) {
      call.advance('return');
      service.notPutThrough(refusal, forks, plan?.missed);
      return;
    }
    guarded(this.ctx, call, 'unanswered', () => this.elsewhere(call, by, refusal));
  }

  /** Nobody took it: elsewhere, if whoever was called has said so, or to a feature; else it is refused. */
  private async elsewhere(call: Call, by: Side | 'system', refusal: CallRefusal): Promise<void> {
    const path = [...call.path];
    const to = await this.instead(call, refusal, path);
    if (call.over) return;
    call.path = path;
    if (to.kind !== 'nobody') {
      call.to = partyOf(to);
      // what was agreed with the first phone need not fit the next
      call.anchored = true;
      call.invite?.progress(181, undefined);
      if (to.kind === 'phones') call.advance('divert');
      return this.lead(call, to);
    }
    const taker = await this.takerFor(call.from, path[0]?.from.number ?? call.to.number, to.mailbox ?? meant(path, to.callee), to.refusal);
    if (call.over) return;
    if (taker) this.board.serve(call, taker.feature, taker.handler);
    else hangup(this.ctx, call, by, to.refusal);
  }

  /** Those of several that can take a call which a service has. */
  colleagues(call: Call, whom: Colleagues): Promise<Destination> {
    return this.destinations.colleagues(call.from.number, call.to, whom);
  }

  /**
   * A caller whom a service has, and who has been answered, goes on to another service, or leaves a message. `leave` is called when that is certain.
   * What it is not: undefined when it went on, otherwise why not.
   */
  async handOver(call: Call, to: Exclude<Destination, { kind: 'phones' }>, leave: () => void): Promise<Cause | undefined> {
    if (call.handovers >= MAX_HANDOVERS) return 'forwarding-loop';
    if (to.kind === 'service') {
      // its media has to be where the others' is: it goes there in a call of its own
      if (to.near !== undefined && call.near !== to.near) return this.bringTo(call, to.number);
      leave();
      call.handovers++;
      call.to = partyOf(to);
      await this.lead(call, to);
      return undefined;
    }
    const taker = to.mailbox && (await this.takerFor(call.from, call.to.number, to.mailbox, to.refusal));
    if (!taker || call.over) return to.refusal.cause;
    leave();
    call.handovers++;
    call.to = to.callee ?? call.to;
    this.board.serve(call, taker.feature, taker.handler);
    return undefined;
  }

  /** A room's media is where the room is: the phone goes there by a re-INVITE, as a call of its own, and this one ends. */
  private bringTo(call: Call, room: string): Promise<Cause | undefined> {
    const { begin, welcome } = this.board;
    return displace(this.ctx, { begin, welcome, connect: (newcomer, number) => this.connect(newcomer, number) }, { call, leg: call.caller }, room).then(
      () => undefined,
      (err: unknown) => {
        this.ctx.log.debug({ call: call.id, room, error: String(err) }, 'a phone could not be brought to a room');
        return 'unreachable';
      },
    );
  }

  /** A service gives back a caller who has had no answer: the call goes where this number leads without that feature. `leave` is called when that is known. */
  async passBy(call: Call, number: string, feature: string, leave: () => void): Promise<void> {
    const path = [...call.path];
    const circle = call.handovers++ >= MAX_HANDOVERS;
    const to: Destination = circle ? { kind: 'nobody', refusal: refuse('forwarding-loop', number), callee: undefined } : await this.find(call.from.number, number, path, undefined, feature);
    if (call.over) return;
    leave();
    call.path = path;
    if (to.kind === 'nobody') {
      const taker = await this.takerFor(call.from, call.to.number, to.mailbox ?? meant(path, to.callee), to.refusal);
      if (call.over) return;
      if (taker) this.board.serve(call, taker.feature, taker.handler);
      else hangup(this.ctx, call, 'system', to.refusal);
      return;
    }
    call.to = partyOf(to);
    call.anchored = true;
    await this.lead(call, to);
  }

  private isOffered(refusal: CallRefusal): boolean {
    return offered.has(refusal.cause) && this.features.some((feature) => feature.unanswered);
  }

  private async takerFor(caller: Party, dialled: string, callee: Party | undefined, refusal: CallRefusal): Promise<Taker | undefined> {
    if (!this.isOffered(refusal)) return undefined;
    return takerOf(this.ctx, this.features, { caller: party(caller), dialled, callee: callee && party(callee), refusal });
  }
}

const party = ({ number, name }: Party): Party => ({ number, name });

const partyOf = (to: Reached): Callee => (to.kind === 'service' ? phoneless(to.number, to.feature.name) : to.callee);
