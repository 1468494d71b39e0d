/**
 * All calls: the door to everything in this folder that is about calls.
 *
 *   INVITE ─▶ acceptable? ─▶ dial plan ─▶ who is registered? ─▶ ring ─▶ connect ─▶ up ─▶ hang up ─▶ record
 */
import type { MediaPlane } from '../../media/plane';
import type { Picked } from '../../media/sdp';
import type { Clock, Random } from '../clock';
import type { Logger } from '../log';
import type { Extension } from '../store/store';
import { Arrival, offerIn, sessionOf } from './arrival';
import { Call } from './call';
import type { CallMedia } from './call-media';
import { CallRecords, type CallRecord } from './call-record';
import type { CallContext, CallCounters, CallLocations, CallReach, CallSettings } from './context';
import { callSrf, type CallSrf, type SipRequest, type SipResponder } from './dialogs';
import { dialledNumber, route } from './dialplan';
import type { Refusal } from './exchange';
import { guarded, hangup, type Ending } from './hangup';
import { unacceptable } from './incoming';
import { newLeg } from './leg';
import { refusalHeaders, refuse, type CallRefusal } from './reasons';
import { ring } from './ringing';
import type { SrfConnection } from './srf';

/** The media plane with the events that concern whole calls. */
export type CallPlane = CallMedia & Pick<MediaPlane, 'on'>;

export interface CallsDeps {
  srf: SrfConnection['srf'] | CallSrf;
  plane: CallPlane;
  locations: CallLocations;
  directory: { find(number: string): Promise<Extension | undefined> };
  config: { call: CallSettings };
  log: Logger;
  clock: Clock;
  random: Random;
  reach: CallReach;
  /** Ended calls that are remembered. */
  recentCalls?: number;
}

/** A call as others may see it; a copy. */
export interface CallView {
  id: string;
  from: string;
  to: string;
  state: Call['state'];
  /** Unix milliseconds. */
  startedAt: number;
  /** Milliseconds since the answer. */
  talking: number | undefined;
  held: boolean;
}

export interface CallEvents {
  started: CallView;
  ringing: CallView;
  answered: CallView;
  ended: CallRecord;
}

type Listeners = { [E in keyof CallEvents]: Array<(event: CallEvents[E]) => void> };

/** How long an end waits for phones to confirm their BYE. */
const GOODBYE_MS = 2000;

export class Calls {
  private readonly byId = new Map<string, Call>();
  /** Call-ID and From tag of INVITEs being dealt with: the same one by another path is a merged request (RFC 3261 §8.2.2.2). */
  private readonly invites = new Set<string>();
  private readonly ending = new Set<Promise<void>>();
  private readonly records: CallRecords;
  private readonly listeners: Listeners = { started: [], ringing: [], answered: [], ended: [] };
  private readonly ctx: CallContext;
  private readonly totals = { started: 0, answered: 0, refused: 0 };
  private draining = false;
  private idle: Array<() => void> = [];

  constructor(private readonly deps: CallsDeps) {
    const { plane, log, clock, random, reach, locations, config } = deps;
    const counters: CallCounters = { glare: 0, refusedChanges: 0, refreshes: 0, lateAnswers: 0, badSdp: 0, silent: 0, mediaErrors: 0, faults: 0 };
    this.records = new CallRecords(deps.recentCalls ?? 200, log);
    this.ctx = {
      srf: callSrf(deps.srf as SrfConnection['srf']),
      plane, reach, locations, clock, random, log, counters,
      settings: config.call,
      onRinging: (call) => this.tell('ringing', this.view(call)),
      onAnswered: (call) => {
        this.totals.answered++;
        this.tell('answered', this.view(call));
      },
      onEnded: (call, ending) => this.ended(call, ending),
    };
    plane.on('silent', ({ session, silentMs }) => this.silent(session, silentMs));
    plane.on('worker-lost', ({ sessions }) => {
      for (const session of sessions) this.end(session, refuse('media-failed', ''));
    });
  }

  /** An INVITE outside any dialog, from an extension that has proved who it is. Resolves when the phones ring, or it was refused. Never fails. */
  async onInvite(req: SipRequest, res: SipResponder, caller: Extension): Promise<void> {
    const key = `${req.get('Call-ID')} ${req.get('From')}`;
    if (this.invites.has(key)) {
      res.send(482, 'Merged Request', {});
      return;
    }
    this.invites.add(key);
    const arrival = new Arrival(req, res, caller);
    try {
      await this.take(arrival);
    } catch (err) {
      this.ctx.counters.faults++;
      this.ctx.log.error({ error: err instanceof Error ? (err.stack ?? err.message) : String(err) }, 'an INVITE met a fault');
      if (arrival.call) this.end(arrival.call.id, refuse('failed', ''));
      else this.refuse(arrival, refuse('failed', ''));
    }
    if (!arrival.call || arrival.call.over) this.invites.delete(key);
    else arrival.call.onOver = () => this.invites.delete(key);
  }

  /** Calls that are not over. */
  active(): number {
    return this.byId.size;
  }

  list(): CallView[] {
    return [...this.byId.values()].map((call) => this.view(call));
  }

  /** Ended calls, the newest first. */
  recent(): CallRecord[] {
    return this.records.recent();
  }

  stats(): CallCounters & { active: number; started: number; answered: number; refused: number } {
    return { ...this.ctx.counters, ...this.totals, active: this.byId.size };
  }

  on<E extends keyof CallEvents>(event: E, fn: (event: CallEvents[E]) => void): void {
    this.listeners[event].push(fn);
  }

  /** Ends a call from outside, e.g. by the console. False: there is no such call. */
  end(id: string, refusal: CallRefusal): boolean {
    const call = this.byId.get(id);
    if (call) guarded(this.ctx, call, 'end', () => hangup(this.ctx, call, 'system', refusal));
    return call !== undefined;
  }

  /** The engine and with it every dialog is gone: the calls are over, though the phones will have to find out by themselves. */
  lost(): void {
    for (const id of [...this.byId.keys()]) this.end(id, refuse('engine-lost', ''));
  }

  /** Takes no more calls, waits for people to hang up, and after `deadlineMs` does it for them. */
  async drain(deadlineMs = 10_000): Promise<void> {
    this.draining = true;
    if (this.byId.size > 0) {
      const idle = new Promise<void>((resolve) => this.idle.push(resolve));
      const timer = this.ctx.clock.after(deadlineMs, () => {
        for (const id of [...this.byId.keys()]) this.end(id, refuse('shutting-down', ''));
      });
      await idle;
      timer.cancel();
    }
    await this.goodbyes();
  }

  /** Ends all calls now. */
  async close(): Promise<void> {
    this.draining = true;
    for (const id of [...this.byId.keys()]) this.end(id, refuse('shutting-down', ''));
    await this.goodbyes();
  }

  private async take(arrival: Arrival): Promise<void> {
    const { req, caller } = arrival;
    if (this.draining) return this.refuse(arrival, refuse('shutting-down', ''));
    if (this.byId.size >= this.ctx.settings.maxCalls) return this.refuse(arrival, refuse('too-many-calls', ''));
    const problem = unacceptable(req);
    if (problem) return this.refuse(arrival, problem);
    const session = sessionOf(req);
    if (session && 'status' in session) return this.refuse(arrival, session);

    const number = dialledNumber(req.uri);
    arrival.dialled = number ?? '';
    const callee = number === undefined ? undefined : await this.deps.directory.find(number);
    const plan = route({ number, caller: caller.number }, { isExtension: (n) => n === callee?.number });
    if (plan.kind === 'reject') return this.refuse(arrival, plan.refusal);
    if (!callee) throw new Error('the dial plan found an extension that is not there');

    const offer = session && offerIn(session);
    if (offer && 'status' in offer) return this.refuse(arrival, offer);
    const bindings = this.ctx.locations.lookup(callee.number);
    if (bindings.length === 0) return this.refuse(arrival, refuse('not-registered', callee.number));
    if (arrival.cancelled) return this.refuse(arrival, refuse('cancelled', caller.number));
    // while the directory was asked, others may have come
    if (this.byId.size >= this.ctx.settings.maxCalls) return this.refuse(arrival, refuse('too-many-calls', ''));

    const call = this.begin(arrival, callee, offer);
    await ring(this.ctx, call, bindings).catch((err) => guarded(this.ctx, call, 'ringing', () => Promise.reject(err)));
  }

  private begin(arrival: Arrival, callee: Extension, offer: Picked | undefined): Call {
    const { req, res, caller } = arrival;
    const { clock, random } = this.ctx;
    const leg = newLeg('caller', caller.number, req.source_address, random);
    leg.heard = offer;
    const call = new Call(random(6).toString('hex'), caller, callee, leg, clock.now(), clock.wall());
    // without an address to hand on there is nothing the phones could do directly
    call.anchored = !(caller.media === 'direct' && callee.media === 'direct' && offer?.stream.remote);
    call.invite = { req, res, offer };
    arrival.call = call;
    arrival.onCancel = () => guarded(this.ctx, call, 'CANCEL', () => hangup(this.ctx, call, 'caller', refuse('cancelled', caller.number)));
    this.byId.set(call.id, call);
    this.totals.started++;
    this.tell('started', this.view(call));
    return call;
  }

  private refuse(arrival: Arrival, refusal: CallRefusal | Refusal): void {
    const known = 'cause' in refusal;
    this.totals.refused++;
    if (!arrival.cancelled) arrival.answer(refusal.status, refusal.reason, known ? refusalHeaders(refusal) : (refusal.headers ?? {}));
    this.records.add({
      id: '-',
      from: arrival.caller.number,
      to: arrival.dialled,
      startedAt: this.ctx.clock.wall().getTime(),
      rangAfter: undefined,
      answeredAfter: undefined,
      lasted: 0,
      ended: { by: 'system', cause: known ? refusal.cause : 'refused-request', status: refusal.status, reason: refusal.reason },
      media: undefined,
    });
  }

  private ended(call: Call, { by, refusal, media, dialogs }: Ending): void {
    this.byId.delete(call.id);
    call.onOver?.();
    const lasted = this.ctx.clock.now() - call.startedAt;
    const after = (at: number | undefined) => (at === undefined ? undefined : at - call.startedAt);
    const reported = media.then((report) => {
      const record: CallRecord = {
        id: call.id,
        from: call.from.number,
        to: call.to.number,
        startedAt: call.startedWall.getTime(),
        rangAfter: after(call.rangAt),
        answeredAfter: after(call.answeredAt),
        lasted,
        ended: { by, cause: refusal.cause, status: call.answeredAt === undefined ? refusal.status : undefined, reason: refusal.reason },
        media: call.answeredAt === undefined ? undefined : report,
      };
      this.records.add(record);
      this.tell('ended', record);
    });
    const work: Promise<void> = Promise.all([reported, dialogs]).then(
      () => void this.ending.delete(work),
      (err) => {
        this.ending.delete(work);
        this.ctx.log.error({ call: call.id, error: String(err) }, 'a call could not be wound up');
      },
    );
    this.ending.add(work);
    if (this.byId.size === 0) for (const resolve of this.idle.splice(0)) resolve();
  }

  private silent(session: string, silentMs: number): void {
    const call = this.byId.get(session);
    if (call?.state !== 'up') return;
    this.ctx.counters.silent++;
    this.end(session, refuse('no-media', String(Math.round(silentMs / 1000))));
  }

  private async goodbyes(): Promise<void> {
    if (this.ending.size === 0) return;
    let expire: () => void = () => undefined;
    const expired = new Promise<void>((resolve) => (expire = resolve));
    const timer = this.ctx.clock.after(GOODBYE_MS, () => expire());
    await Promise.race([Promise.all(this.ending), expired]);
    timer.cancel();
  }

  private view(call: Call): CallView {
    const { id, from, to, state, startedWall, answeredAt, caller, callee } = call;
    return {
      id,
      from: from.number,
      to: to.number,
      state,
      startedAt: startedWall.getTime(),
      talking: answeredAt === undefined ? undefined : this.ctx.clock.now() - answeredAt,
      held: state === 'up' && (caller.agreed !== 'sendrecv' || callee?.agreed !== 'sendrecv'),
    };
  }

  private tell<E extends keyof CallEvents>(event: E, value: CallEvents[E]): void {
    for (const listener of this.listeners[event]) {
      try {
        listener(value);
      } catch (err) {
        this.ctx.log.error({ event, error: String(err) }, 'a listener to calls failed');
      }
    }
  }
}
