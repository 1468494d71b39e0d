/**
 * A call to us until it is answered or not: 180, reliably where that is wanted (RFC 3262), our 2xx, a rejection, and the CANCEL that may cross
 * either.
 */
import type { Chance, Clock, Timer } from '../clock';
import { MediaFault } from '../media';
import { allow, allowBesides, type Agent } from './agent';
import { header, reasonIn, sdpBody, sdpIn, tokens } from './headers';
import { statusOf } from './session';
import type { Core } from './sip-js';

export interface InviteInEvents {
  /** Given up by the caller; `elsewhere`: since somebody else answered (RFC 3326). */
  cancelled(reason: string, elsewhere: boolean): void;
  /** Our offer in a reliable 180 was answered in PRACK. */
  prackAnswer(sdp: string): Promise<void>;
  /** It came to nothing before anybody could answer it, and was refused with `status`: no PRACK came (504), or one that cannot be used. */
  failed(status: number, reason: string): void;
  fault(err: unknown): void;
}

const t1Ms = 500;

export class InviteIn {
  private done = false;
  private pending: { rseq: number; timer: Timer; sentMs: number; offered: boolean } | undefined;
  private readonly waiting: Array<() => void> = [];
  /** Our offer was in the reliable 180, and its answer has come. */
  private agreedEarly = false;
  readonly offer: string | undefined;
  readonly reliable: 'required' | 'supported' | 'no';
  dialogId: string | undefined;

  constructor(
    private readonly surroundings: { agent: Agent; clock: Clock; chance: Chance },
    readonly request: Core.IncomingInviteRequest,
    private readonly events: InviteInEvents,
  ) {
    const { message } = request;
    this.offer = sdpIn(message);
    this.reliable = tokens(message, 'require').includes('100rel') ? 'required' : tokens(message, 'supported').includes('100rel') ? 'supported' : 'no';
    request.delegate = {
      onCancel: (cancel) => {
        if (this.done) return;
        this.stop();
        request.reject({ statusCode: 487 });
        const reason = reasonIn(cancel);
        events.cancelled(reason?.text ?? '', reason?.cause === 200 || /completed elsewhere/i.test(reason?.text ?? ''));
      },
      onTransportError: (err) => events.fault(err),
    };
    request.trying();
  }

  /**
   * 180. Reliable when the caller requires or supports it; without an offer in the INVITE a reliable one has to carry ours (RFC 3262 §5), so that
   * is done only where it is required. `offer`: makes one.
   */
  async ring(offer: () => Promise<string>): Promise<void> {
    const reliable = this.reliable === 'required' || (this.reliable === 'supported' && this.offer !== undefined);
    if (!reliable) return void this.progress([], undefined);
    const sdp = this.offer === undefined ? await offer() : undefined;
    if (this.done) return;
    // RFC 3262 §3: the first one is between 1 and 2³¹ − 1.
    const rseq = 1 + Math.floor(this.surroundings.chance() * 0x7fff_fff0);
    const headers = ['Require: 100rel', `RSeq: ${rseq}`];
    const session = this.progress(headers, sdp);
    session.delegate = { onPrack: (prack) => void this.onPrack(prack).catch((err) => this.events.fault(err)) };
    const again = (afterMs: number): Timer =>
      this.surroundings.clock.after(afterMs, () => {
        if (this.done || !this.pending) return;
        this.pending.sentMs += afterMs;
        if (this.pending.sentMs >= 64 * t1Ms) {
          return this.fail(504, 'no PRACK');
        }
        this.progress(headers, sdp);
        this.pending.timer = again(afterMs * 2);
      });
    this.pending = { rseq, timer: again(t1Ms), sentMs: 0, offered: sdp !== undefined };
  }

  private progress(extraHeaders: string[], sdp: string | undefined): Core.Session {
    const { session } = this.request.progress({ statusCode: 180, extraHeaders: [allow, ...extraHeaders], ...(sdp !== undefined && { body: sdpBody(sdp) }) });
    this.dialogId = session.id;
    return session;
  }

  private async onPrack(prack: Core.IncomingPrackRequest): Promise<void> {
    const [rseq, cseq] = (header(prack.message, 'rack') ?? '').trim().split(/\s+/).map(Number);
    const { pending } = this;
    if (!pending || rseq !== pending.rseq || cseq !== this.request.message.cseq) return void prack.reject({ statusCode: 481 });
    pending.timer.cancel();
    this.pending = undefined;
    const sdp = sdpIn(prack.message);
    if (pending.offered) await this.takeAnswer(prack, sdp);
    // An offer is out of turn here, since none has been answered yet (RFC 3262 §5): it is left for a re-INVITE, and the call rings on.
    else if (sdp !== undefined) prack.reject({ statusCode: 488 });
    else prack.accept();
    for (const resume of this.waiting.splice(0)) resume();
  }

  private async takeAnswer(prack: Core.IncomingPrackRequest, sdp: string | undefined): Promise<void> {
    try {
      if (sdp === undefined) throw new MediaFault('malformed', 'the PRACK to our offer has no answer');
      await this.events.prackAnswer(sdp);
    } catch (err) {
      const status = statusOf(err);
      prack.reject({ statusCode: status });
      return this.fail(status, 'media');
    }
    this.agreedEarly = true;
    prack.accept();
  }

  private fail(status: number, reason: string): void {
    if (this.done) return;
    this.reject(status);
    this.events.failed(status, reason);
  }

  /**
   * 200. `sdp`: makes the answer, or the offer where the caller made none. Returns the dialog, and whether the ACK brings an answer; undefined: too
   * late, it was given up. Errors: what `sdp` throws; the call waits on then.
   */
  async accept(sdp: () => Promise<string>, extraHeaders: string[]): Promise<{ dialog: Core.Session; offered: boolean } | undefined> {
    // RFC 3262 §3: not before the PRACK to a provisional answer that carried a description.
    while (this.pending?.offered && !this.done) await new Promise<void>((resume) => this.waiting.push(resume));
    if (this.done) return undefined;
    const body = this.agreedEarly ? undefined : await sdp();
    if (this.done) return undefined;
    this.stop();
    // Without a body sip.js repeats "the answer", which is the caller's own when it came in PRACK.
    if (this.agreedEarly) forgetAnswer(this.surroundings.agent.core.dialogs.get(this.dialogId ?? ''));
    const { session } = this.request.accept({ statusCode: 200, extraHeaders: [...extraHeaders, allowBesides], ...(body !== undefined && { body: sdpBody(body) }) });
    return { dialog: session, offered: body !== undefined && this.offer === undefined };
  }

  /** Idempotent. */
  reject(statusCode: number, extraHeaders: string[] = [], reasonPhrase?: string): void {
    if (this.done) return;
    this.stop();
    this.request.reject({ statusCode, extraHeaders, ...(reasonPhrase !== undefined && { reasonPhrase }) });
  }

  redirect(to: Core.URI): void {
    if (this.done) return;
    this.stop();
    this.request.redirect([to], { statusCode: 302 });
  }

  private stop(): void {
    this.done = true;
    this.pending?.timer.cancel();
    this.pending = undefined;
    for (const resume of this.waiting.splice(0)) resume();
  }
}

const forgetAnswer = (dialog: Core.Dialog | undefined): void => void (dialog && ((dialog as unknown as { _answer: undefined })._answer = undefined));
