/**
 * What a console or an API does with calls that are up. Everything is checked here and refused with a sentence; whoever asks needs to know nothing else of
 * calls.
 */
import type { Playable } from '../../media/plane';
import { receives } from '../../media/sdp';
import { OffhookError } from '../errors';
import { shown } from '../tenants';
import type { Call } from './call';
import { aloud } from './call-media';
import type { CallRecorder } from './call-recording';
import type { CallContext } from './context';
import type { Found } from './displacing';
import type { Handler } from './feature';
import { guarded, hangup, mediaWork } from './hangup';
import type { Leg, Side } from './leg';
import { rewire } from './negotiation';
import type { Originated, OriginateOptions } from './originate';
import { refuse } from './reasons';

/** Whom it is about. */
export type Ear = Side | 'both';

/** What is heard: a file (absolute), or a spoken prompt by its key. */
export type Heard = { file: string } | { prompt: string };

export interface PlayRequest {
  what: readonly Heard[];
  /** Default: `both`; of a call that a service has, its caller. */
  to?: Ear | undefined;
  /** Begin again at the end, until stopped. */
  loop?: boolean | undefined;
}

export interface ControlBoard {
  find(id: string): Call | undefined;
  originate(number: string, then: Handler | string, options?: OriginateOptions): Promise<Originated>;
  /** Errors: see `displace`. */
  displace(found: Found, to: string, by: string | undefined): Promise<Call>;
  /** Undefined: nothing can be recorded here. */
  readonly recorder: CallRecorder | undefined;
}

export class CallControl {
  constructor(
    private readonly ctx: CallContext,
    private readonly board: ControlBoard,
  ) {}

  /**
   * Calls `from`'s phones and connects whoever answers to `to` (click to dial). Resolves when they ring, with the call's id.
   * Errors: `store.not-found`, `call.no-phone`, `call.no-number`, `call.not-taken`.
   */
  async originate(from: string, to: string, options: Pick<OriginateOptions, 'by' | 'autoAnswer' | 'ringSeconds'> = {}): Promise<{ id: string }> {
    const { id } = await this.board.originate(from, to, options);
    return { id };
  }

  /** Whatever state it is in. `by`: who has asked for it. Errors: `call.not-found`. */
  hangup(id: string, by = 'the console'): void {
    const call = this.call(id);
    guarded(this.ctx, call, 'end', () => hangup(this.ctx, call, 'system', refuse('service-over', by)));
  }

  /**
   * Connects one of the two to a number, through the dial plan; the other one is hung up on when somebody has answered there. Resolves then, with the id
   * of the new call. `leg`: who goes; of a call that a service has, its caller, whatever it says.
   * Errors: `call.not-found`, `call.not-so`, `call.not-moved` (then all is as it was).
   */
  async transfer(id: string, to: string, leg: Side, by?: string): Promise<{ id: string }> {
    const call = this.up(id);
    const { id: next } = await this.board.displace({ call, leg: call.service ? call.caller : this.leg(call, leg) }, to, by);
    return { id: next };
  }

  /** The other one does not hear this one, or does again; keys pass. Between two phones whose media passes through us. Errors: `call.not-found`, `call.not-so`. */
  mute(id: string, leg: Side, on: boolean): void {
    const call = this.bridged(id);
    if (call.muted.has(leg) === on) return;
    if (on) call.muted.add(leg);
    else call.muted.delete(leg);
    rewire(this.ctx, call);
  }

  /** Errors: `call.not-found`, `call.not-so` (it is recorded already, or must not be). */
  startRecording(id: string): void {
    this.recording(this.bridged(id), 'start');
  }

  /** Errors: `call.not-found`, `call.not-so` (it is not recorded, or always is). */
  stopRecording(id: string): void {
    this.recording(this.bridged(id), 'stop');
  }

  /** Above what they say to each other. Resolves when it has begun; what was played before ends. Errors: `call.not-found`, `call.not-so`, `call.no-prompt`. */
  play(id: string, { what, to = 'both', loop }: PlayRequest): void {
    const call = this.heard(id);
    const items = what.map((one): Playable => {
      if ('file' in one) return one;
      const file = this.ctx.prompt(one.prompt);
      if (file === undefined) throw new OffhookError('call.no-prompt', { prompt: one.prompt });
      return { file };
    });
    const { ctx } = this;
    const over = call.service === undefined;
    const sounds = (on: boolean): void => mediaWork(ctx, call, aloud(ctx, call, 'play', on));
    if (over) sounds(true);
    const round = (call.plays += 1);
    const played = this.ears(call, to).map((endpoint) => ctx.plane.play({ endpoint }, items, { ...(over && { over: true }), ...(loop && { loop }) }));
    const failed = (problem: string | undefined): void => {
      if (call.over) return;
      ctx.counters.promptsFailed++;
      ctx.log.warn({ call: call.id, problem }, 'nothing could be played into a call');
    };
    void Promise.all(played)
      .then((ends) => ends.forEach((end) => end.why === 'failed' && failed(end.problem)), (err: unknown) => failed(String(err)))
      .then(() => call.plays === round && sounds(false));
  }

  /** Errors: `call.not-found`, `call.not-so`. */
  stopPlaying(id: string, to: Ear = 'both'): void {
    const call = this.heard(id);
    for (const endpoint of this.ears(call, to)) this.quietly(call, this.ctx.plane.stopPlaying({ endpoint }));
  }

  /** As if the other one had pressed them: 0-9 * # A-D. Errors: `call.not-found`, `call.not-so`. */
  sendDigits(id: string, to: Side, digits: string): void {
    const call = this.heard(id);
    for (const endpoint of this.ears(call, to)) this.quietly(call, this.ctx.plane.sendDigits(endpoint, digits));
  }

  private call(id: string): Call {
    const call = this.board.find(id);
    if (!call) throw new OffhookError('call.not-found', { id });
    return call;
  }

  private up(id: string): Call {
    const call = this.call(id);
    if (call.state !== 'up') throw notSo(call.state === 'answering' ? 'it is just being answered' : 'nobody has answered yet');
    return call;
  }

  /** Something can be heard in it. */
  private heard(id: string): Call {
    const call = this.up(id);
    if (call.wiring === undefined) throw notSo('its media does not pass through the server');
    return call;
  }

  private bridged(id: string): Call {
    const call = this.heard(id);
    if (call.service) throw notSo(`it is a call to ${call.service.name}, not between two phones`);
    return call;
  }

  private leg(call: Call, side: Side): Leg {
    const leg = side === 'caller' ? call.caller : call.callee;
    if (!leg?.dialog) throw notSo('that side has no phone');
    return leg;
  }

  private ears(call: Call, to: Ear): string[] {
    const legs = call.service ? [call.caller] : to === 'both' ? [call.caller, call.callee] : [to === 'caller' ? call.caller : call.callee];
    const deaf = legs.find((leg) => leg && !receives(leg.agreed));
    if (deaf && legs.length === 1) throw notSo(`the phone of ${shown(deaf.party)} is not listening`);
    return legs.flatMap((leg) => leg?.endpoint?.id ?? []);
  }

  private recording(call: Call, what: 'start' | 'stop'): void {
    const problem = this.board.recorder ? this.board.recorder[what](call) : 'nothing is recorded on this server';
    if (problem !== undefined) throw notSo(problem);
  }

  private quietly(call: Call, work: Promise<unknown>): void {
    work.catch(() => {
      if (!call.over) this.ctx.counters.mediaErrors++;
    });
  }
}

const notSo = (reason: string): OffhookError => new OffhookError('call.not-so', { reason });
