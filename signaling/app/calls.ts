/**
 * All calls: the door to everything in this folder that is about calls.
 *
 *   INVITE ─▶ acceptable? ─▶ dial plan ─┬▶ who is registered? ─▶ ring ─▶ connect ─▶ up ─▶ hang up ─▶ record
 *                                       │       └─ nobody answers ─┐
 *                                       └▶ a feature ◀─────────────┘
 */
import type { MediaPlane } from '../../media/plane';
import type { Picked } from '../../media/sdp';
import type { Clock, Random } from '../clock';
import type { Logger } from '../log';
import type { LegDetails } from '../store/store';
import { FIRST_TENANT, tenantOf } from '../tenants';
import { Arrival, sessionOf, type Newcomer } from './arrival';
import { partiesOf } from './call-parties';
import { Call, type Callee } from './call';
import { CallControl } from './call-control';
import type { CallHistory } from './call-history';
import { legsOf, rowOf } from './call-row';
import { CallListeners, viewOf, type CallEvents, type CallView } from './call-events';
import { CallRecorder, recordingPolicy } from './call-recording';
import { soundingIn, type Sounding } from './call-quality';
import { CallTally, type CallTotals } from './call-tally';
import { CallRecords, recordOf, refusedRecord, type CallRecord } from './call-record';
import type { CallContext, CallCounters, CallDirectory, CallLocations, CallMediaSettings, CallReach, CallSettings } from './context';
import { callSrf, type CallSrf, type SipRequest, type SipResponder } from './dialogs';
import { findDialog, findRinging } from './dialog-finder';
import { displace } from './displacing';
import type { DestinationDeps } from './destination';
import { dialledNumber, dialplan, type Dialplan } from './dialplan';
import { Engaged } from './engaged';
import type { Refusal } from './exchange';
import type { Feature, Handler } from './feature';
import type { GroupBook } from './groups';
import { guarded, hangup, type Ending } from './hangup';
import { unacceptable } from './incoming';
import { InCallCodes } from './in-call-codes';
import { originate, type Originated, type OriginateOptions } from './originate';
import { Pickups } from './pickups';
import { SrtpHabits } from './srtp-habits';
import type { RecordingArchive } from './recording-archive';
import { heedMedia } from './media-events';
import type { Leg } from './leg';
import { refusalHeaders, refuse, type CallRefusal } from './reasons';
import { Routing } from './routing';
import { screened, type Screening } from './screening';
import { serve } from './services';
import type { SrfConnection } from './srf';
import { Supervision } from './supervision';
import { Transfers, type Switchboard } from './transfers';
import { WindingUp } from './winding-up';

export type { CallEvents, CallView, Originated, OriginateOptions };

/** The media plane with the events that concern whole calls. */
export type CallPlane = CallContext['plane'] & Pick<MediaPlane, 'on'>;

export interface CallsDeps {
  srf: SrfConnection['srf'] | CallSrf;
  plane: CallPlane;
  locations: CallLocations;
  directory: CallDirectory;
  config: { call: CallSettings };
  /** Default: transcoding, and silence on hold. */
  media?: CallMediaSettings;
  log: Logger;
  clock: Clock;
  random: Random;
  reach: CallReach;
  /** Numbers that are not ours; default: there are none. */
  outside?: DestinationDeps['outside'];
  /** In the order in which they are offered unanswered calls. Default: none. */
  features?: readonly Feature[];
  /** The file of a spoken prompt; default: there are none. */
  prompt?: (key: string) => string | undefined;
  /** Asked about each new call; default: nobody. */
  program?: Screening['program'] | undefined;
  /** Ring groups; default: there are none. */
  groups?: GroupBook;
  /** Default: one of its own. */
  engaged?: Engaged;
  /** Where recorded calls go; default: none is recorded. */
  archive?: RecordingArchive;
  /** Where records of calls go; default: they are only remembered. */
  history?: Pick<CallHistory, 'add'>;
  /** Ended calls that are remembered. */
  recentCalls?: number;
}

type RecordingCounters = RecordingArchive['counters'];
const nothingRecorded: RecordingCounters = { recorded: 0, recordingsFailed: 0, recordingsUnlisted: 0 };

export class Calls {
  private readonly byId = new Map<string, Call>();
  /** Call-ID and From tag of INVITEs being dealt with: the same one by another path is a merged request (RFC 3261 §8.2.2.2). */
  private readonly invites = new Set<string>();
  private readonly windingUp: WindingUp;
  private readonly records: CallRecords;
  private readonly history: Pick<CallHistory, 'add'> | undefined;
  private readonly listeners: CallListeners;
  private readonly ctx: CallContext;
  private readonly board: Switchboard;
  private readonly transfers: Transfers;
  private readonly codes: InCallCodes;
  /** Calls that ring and may be taken by somebody else. */
  readonly pickups: Pickups;
  /** What a console or an API does with them. */
  readonly control: CallControl;
  /** Third ones in calls of two. */
  readonly supervision: Supervision;
  /** Who is in a call. */
  readonly engaged: Engaged;
  private readonly plan: Dialplan;
  private readonly routing: Routing;
  private readonly screening: Screening | undefined;
  private readonly archive: RecordingArchive | undefined;
  private readonly recorder: CallRecorder | undefined;
  private readonly tally = new CallTally();
  private readonly counted = { started: 0, answered: 0, refused: 0 };
  private draining = false;
  private idle: Array<() => void> = [];

  constructor(deps: CallsDeps) {
    const { plane, log, clock, random, reach, locations, directory, config, features = [], prompt = () => undefined } = deps;
    const counters: CallCounters = {
      glare: 0, refusedChanges: 0, refreshes: 0, lateAnswers: 0, badSdp: 0, silent: 0, mediaErrors: 0, faults: 0, digitsConverted: 0, digitsDropped: 0, promptsFailed: 0, mixed: 0, musicFailed: 0, srtpRetries: 0,
    };
    this.windingUp = new WindingUp(clock, log);
    this.records = new CallRecords(deps.recentCalls ?? 200, log);
    this.history = deps.history;
    this.listeners = new CallListeners(log);
    this.plan = dialplan(features);
    this.ctx = {
      srf: callSrf(deps.srf as SrfConnection['srf']),
      plane, reach, locations, directory, clock, random, log, counters, prompt,
      settings: config.call,
      media: deps.media ?? { transcode: true, holdMusic: null },
      srtpHabits: new SrtpHabits(),
      engaged: deps.engaged ?? new Engaged(),
      onChanged: (call) => this.changed(call),
      onRinging: (call) => {
        this.changed(call);
        this.reached(call, call.rangAt);
        this.listeners.tell('ringing', this.view(call));
      },
      onAnswered: (call) => {
        this.changed(call);
        this.counted.answered++;
        call.legs.answered(call.caller);
        if (call.rangAt === undefined) this.reached(call, call.answeredAt);
        this.listeners.tell('answered', this.view(call));
        this.recorder?.tend(call);
      },
      onWired: (call) => this.recorder?.tend(call),
      onServiceKey: (call, leg, digit) => this.pressed(call, leg, digit),
      onKey: (call, leg, digit, way) => {
        this.pressed(call, leg, digit);
        this.recorder?.pressed(call, leg, digit);
        this.codes.pressed(call, leg, digit, way);
      },
      callOf: (id) => this.byId.get(id),
      serve: (call, feature, handler) => this.serve(call, feature, handler),
      destination: (caller, number, path, by, without) => this.routing.find(caller, number, path, by, without),
      passBy: (call, number, feature, leave) => this.routing.passBy(call, number, feature, leave),
      instead: (call, refusal, path) => this.routing.instead(call, refusal, path),
      colleagues: (call, whom) => this.routing.colleagues(call, whom),
      handOver: (call, to, leave) => this.routing.handOver(call, to, leave),
      unanswered: (call, by, refusal) => this.routing.unanswered(call, by, refusal),
      onRefer: (call, leg, req, res) => this.transfers.refer(call, leg, req, res),
      onEnded: (call, ending) => this.ended(call, ending),
    };
    this.engaged = this.ctx.engaged;
    this.supervision = new Supervision(this.ctx);
    this.routing = new Routing(this.ctx, this.plan, features, {
      begin: (newcomer, callee, offer) => this.begin(newcomer, callee, offer),
      serve: (call, feature, handler) => this.serve(call, feature, handler),
      welcome: (newcomer) => this.stillWelcome(newcomer),
      refuse: (newcomer, refusal) => this.refuse(newcomer, refusal),
    }, deps.groups, deps.outside);
    this.board = {
      begin: (newcomer, callee, offer) => this.begin(newcomer, callee, offer),
      connect: (newcomer, number) => this.routing.connect(newcomer, number),
      find: (name) => findDialog(this.byId.values(), name),
      ringing: (callId) => findRinging(this.byId.values(), callId),
      refuse: (newcomer, refusal) => this.refuse(newcomer, refusal),
      welcome: (newcomer) => this.stillWelcome(newcomer),
    };
    this.pickups = new Pickups({ calls: () => this.byId.values(), directory, open: config.call.pickup !== 'groups' });
    this.transfers = new Transfers(this.ctx, this.board, this.pickups);
    this.codes = new InCallCodes(this.ctx, () => this.byId.values(), this.board, this.transfers);
    this.screening = deps.program && { program: deps.program, outside: deps.outside };
    this.archive = deps.archive;
    this.recorder = deps.archive && new CallRecorder(this.ctx, deps.archive);
    this.control = new CallControl(this.ctx, {
      find: (id) => this.byId.get(id),
      originate: (number, then, options) => this.originate(number, then, options),
      displace: (found, to, by) => displace(this.ctx, this.board, found, to, { transferredBy: by }),
      recorder: this.recorder,
    });
    heedMedia(this.ctx, plane, (id) => this.byId.get(id));
  }

  /**
   * An INVITE outside any dialog, from an extension that has proved who it is, or from a trunk, for where its rules say (null: nowhere). Resolves when the
   * phones ring, or it was refused. Never fails.
   */
  async onInvite(req: SipRequest, res: SipResponder, caller: Callee, to: string | null | undefined = dialledNumber(req.uri)): Promise<void> {
    const key = `${req.get('Call-ID')} ${req.get('From')}`;
    if (this.invites.has(key)) {
      res.send(482, 'Merged Request', {});
      return;
    }
    this.invites.add(key);
    const arrival = new Arrival(req, res, caller);
    try {
      await this.take(arrival, to);
    } catch (err) {
      this.ctx.counters.faults++;
      this.ctx.log.error({ error: err instanceof Error ? (err.stack ?? err.message) : String(err) }, 'an INVITE met a fault');
      if (arrival.call) this.end(arrival.call.id, refuse('failed', ''));
      else this.refuse(arrival, refuse('failed', ''));
    }
    if (!arrival.call || arrival.call.over) this.invites.delete(key);
    else arrival.call.whenOver.push(() => this.invites.delete(key));
  }

  /**
   * Has the phones of an extension called, and gives the first that answers to a handler, or connects it to a number. See `originate`.
   */
  originate(number: string, then: Handler | string, options?: OriginateOptions): Promise<Originated> {
    return originate(this.ctx, this.board, number, then, options);
  }

  /** Calls that are not over. */
  active(): number {
    return this.byId.size;
  }

  list(): CallView[] {
    return [...this.byId.values()].map((call) => this.view(call));
  }

  /** See `soundingIn`. */
  sounding(): Sounding[] {
    return soundingIn(this.byId.values());
  }

  /** Of all calls since the start. */
  totals(): CallTotals {
    return this.tally.totals();
  }

  /** Ended calls, the newest first. */
  recent(): CallRecord[] {
    return this.records.recent();
  }

  stats(): CallCounters & RecordingCounters & { active: number; started: number; answered: number; refused: number } {
    return { ...this.ctx.counters, ...(this.archive?.counters ?? nothingRecorded), ...this.counted, active: this.byId.size };
  }

  on<E extends keyof CallEvents>(event: E, fn: (event: CallEvents[E]) => void): void {
    this.listeners.on(event, fn);
  }

  /** See `Routing`. */
  leadsSomewhere(number: string, extension: string): Promise<boolean> {
    return this.routing.leadsSomewhere(number, extension);
  }

  /** The dial plan as lines for people. */
  printPlan(): string {
    return this.plan.print();
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
    await this.windingUp.done();
  }

  /** Ends all calls now. */
  async close(): Promise<void> {
    this.draining = true;
    for (const id of [...this.byId.keys()]) this.end(id, refuse('shutting-down', ''));
    await this.windingUp.done();
  }

  private async take(arrival: Arrival, to: string | null | undefined): Promise<void> {
    const { req, caller } = arrival;
    if (this.draining) return this.refuse(arrival, refuse('shutting-down', ''));
    if (this.isFull(caller.number)) return this.refuse(arrival, refuse('too-many-calls', ''));
    const problem = unacceptable(req);
    if (problem) return this.refuse(arrival, problem);
    const session = sessionOf(req);
    if (session && 'status' in session) return this.refuse(arrival, session);
    arrival.session = session;
    const offer = arrival.offer();
    if (offer && !('status' in offer)) this.ctx.srtpHabits.learn(caller.number, req.source_address, offer);
    const replaces = req.get('Replaces');
    if (replaces !== undefined && caller.trunk === undefined) return this.transfers.replace(arrival, replaces);
    if (to === null) return this.refuse(arrival, refuse('unknown-number', dialledNumber(req.uri) ?? ''));
    const judged = this.screening ? await screened(this.screening, arrival, to) : { to };
    if ('cause' in judged) return this.refuse(arrival, judged);
    return this.routing.connect(arrival, judged.to);
  }

  /** Not one more: of all, or of that tenant. */
  private isFull(caller: string): boolean {
    const { maxCalls, maxCallsOf } = this.ctx.settings;
    if (this.byId.size >= maxCalls) return true;
    const tenant = tenantOf(caller);
    const most = tenant === FIRST_TENANT ? undefined : maxCallsOf?.(tenant);
    if (most === undefined) return false;
    let those = 0;
    for (const { from } of this.byId.values()) if (tenantOf(from.number) === tenant) those++;
    return those >= most;
  }

  /** While the directory or a feature was asked, the caller may have given up, and others may have come. */
  private stillWelcome(arrival: Newcomer): boolean {
    if (arrival.cancelled) this.refuse(arrival, refuse('cancelled', arrival.caller.number));
    else if (this.draining) this.refuse(arrival, refuse('shutting-down', ''));
    else if (this.isFull(arrival.caller.number)) this.refuse(arrival, refuse('too-many-calls', ''));
    else return true;
    return false;
  }

  private begin(arrival: Newcomer, callee: Callee, offer: Picked | undefined): Call {
    const { caller, transferredBy, transfers = 0 } = arrival;
    const { clock, random } = this.ctx;
    const leg = arrival.leg(random);
    leg.heard ??= offer;
    const call = new Call(random(6).toString('hex'), caller, callee, leg, clock.now(), clock.wall(), () => clock.now());
    // without an address to hand on there is nothing the phones could do directly; and keys are between each phone and us
    const secured = offer?.crypto !== undefined || callee.srtp === 'required';
    const recorded = this.recorder !== undefined && recordingPolicy(caller, callee) === 'always';
    call.anchored = recorded || arrival.anchored === true || !(caller.media === 'direct' && callee.media === 'direct' && offer?.stream.remote && !secured);
    call.joined = (number) => this.ctx.engaged.enter(number, call);
    call.legs.begin(leg, arrival.userAgent?.slice(0, 200) ?? null);
    call.known(leg, arrival.callId);
    call.originatedBy = arrival.originatedBy;
    call.transferredBy = transferredBy;
    call.referredBy = arrival.referredBy;
    call.replaces = arrival.replaces;
    call.transfers = transfers;
    call.path = arrival.path;
    call.invite = arrival.pending(this.ctx.srf, call, offer);
    arrival.call = call;
    arrival.onCancel = () => guarded(this.ctx, call, 'CANCEL', () => hangup(this.ctx, call, 'caller', refuse('cancelled', caller.number)));
    this.byId.set(call.id, call);
    this.counted.started++;
    this.listeners.tell('started', this.view(call));
    this.changed(call);
    if (call.path.length > 0) call.invite.progress(181, undefined);
    return call;
  }

  private serve(call: Call, feature: Pick<Feature, 'name' | 'silence'>, handler: Handler): void {
    this.windingUp.track(serve(this.ctx, call, feature, handler), call.id);
    this.changed(call);
  }

  private refuse(arrival: Newcomer, refusal: CallRefusal | Refusal): void {
    this.counted.refused++;
    if (!arrival.cancelled) arrival.answer(refusal.status, refusal.reason, 'cause' in refusal ? refusalHeaders(refusal) : (refusal.headers ?? {}));
    const id = this.ctx.random(6).toString('hex');
    this.record(refusedRecord(arrival, id, this.ctx.clock.wall().getTime(), refusal));
  }

  private ended(call: Call, ending: Ending): void {
    this.byId.delete(call.id);
    this.changed(call);
    for (const fn of call.whenOver.splice(0)) fn(ending.refusal);
    const now = this.ctx.clock.now();
    this.ctx.engaged.over(call, now);
    const reported = Promise.all([ending.media, call.legs.reports()]).then(([report, earlier]) => {
      const record = recordOf(call, ending, now, report);
      this.record(record, () => legsOf(call, ending, now, report, earlier));
      this.listeners.tell('ended', record);
    });
    this.windingUp.track(Promise.all([reported, ending.dialogs, this.recorder?.finished(call)]), call.id);
    if (this.byId.size === 0) for (const resolve of this.idle.splice(0)) resolve();
  }

  /** Of whom a service puts through it is not the network that took so long. */
  private reached({ servedBy, startedAt }: Call, at: number | undefined): void {
    if (at !== undefined && servedBy === undefined) this.tally.reached(at - startedAt);
  }

  private record(record: CallRecord, legs: () => LegDetails[] = () => []): void {
    this.records.add(record);
    this.history?.add(() => rowOf(record, legs()));
    this.tally.add(record);
  }

  private pressed({ id, from }: Call, { party, side }: Leg, digit: string): void {
    this.listeners.tell('key', { id, from: from.number, party, side, digit });
  }

  private changed(call: Call): void {
    this.listeners.tell('changed', { id: call.id, parties: partiesOf(call) });
  }

  private view(call: Call): CallView {
    return viewOf(call, this.ctx.clock.now());
  }
}

