/**
 * A call that is up, as SIP sees it: one dialog of sip.js's core and the offers and answers in it (RFC 3261 §14, RFC 3264, RFC 6337).
 *
 *   ours    modify() ─ re-INVITE ─► 2xx: accept ─ ACK
 *                                   491: roll back, wait, again       (§14.1)
 *                                   422: a longer session, again      (RFC 4028)
 *                                   500, 503: after Retry-After, again (§14.2, §21.5.4)
 *                                   481, 408: the call is gone        (§12.2.1.2)
 *                                   else: roll back, PhoneError
 *   theirs  re-INVITE or UPDATE ─► answer ─► 2xx; without an offer: ours in the 2xx, theirs in the ACK
 */
import type { Chance, Clock, Timer } from '../clock';
import { MediaFault, type CallMedia, type Direction } from '../media';
import { PhoneError } from '../phone-types';
import { sentenceFor } from '../sentences';
import { allow, type Agent, type DialogInside } from './agent';
import { header, reasonIn, sdpBody, sdpIn, seconds } from './headers';
import type { SessionTimer } from './session-timer';
import type { Core } from './sip-js';

export interface SessionEvents {
  /** What goes which way was agreed anew. `by`: who asked. */
  negotiated(by: 'local' | 'remote'): void;
  /** A request or an answer that may say who is there. */
  identity(message: Core.IncomingMessage): void;
  info(request: Core.IncomingInfoRequest): void;
  message(request: Core.IncomingMessageRequest): void;
  notify(request: Core.IncomingNotifyRequest): void;
  refer(request: Core.IncomingReferRequest): void;
  /** The far end has hung up. */
  bye(reason: string): void;
  /** The call does not exist any more, or cannot go on; a BYE has been sent where that helps. */
  gone(status: number, problem: string): void;
  /** Something went wrong that ends nothing. */
  fault(err: unknown): void;
}

export interface SessionSurroundings {
  agent: Agent;
  clock: Clock;
  chance: Chance;
}

/** How often a change is tried again when both sides change something at once. */
const mostTries = 6;
/** The same where the far end cannot do it just now (500, 503), and how long it may ask us to wait: somebody waits for the change here. */
const mostBusyTries = 3;
const mostPatienceS = 10;
/** Without an ACK to our 2xx for so long the call is ended (RFC 3261 §13.3.1.4, §14.2), ms: 64 × T1. */
const ackWithinMs = 32_000;

export class Session {
  private queue: Promise<unknown> = Promise.resolve();
  private changing = false;
  private over = false;
  private byeOnAck: (() => void) | undefined;
  /** A 2xx of ours to a re-INVITE waits for its ACK; `offered`: which brings the answer. */
  private unacked: { offered: boolean; timer: Timer } | undefined;
  private readonly idle: Array<() => void> = [];
  private waits = new Set<Timer>();

  /** `weCalled`: we made its Call-ID, for the wait after 491. `acked`: false while our 2xx to the first INVITE has no ACK. */
  constructor(
    private readonly surroundings: SessionSurroundings,
    readonly dialog: Core.Session,
    private readonly media: CallMedia,
    private readonly timer: SessionTimer,
    private readonly wanted: () => Direction,
    private readonly events: SessionEvents,
    private readonly weCalled: boolean,
    private acked: boolean,
    /** That ACK brings the answer to our offer. */
    private firstAckAnswers: boolean,
  ) {
    dialog.delegate = {
      onAck: ({ message }) => this.onAck(message),
      onAckTimeout: () => this.onAckTimeout(),
      onBye: (request) => {
        request.accept();
        if (this.over) return;
        this.end();
        const reason = reasonIn(request.message);
        this.events.bye(reason?.text || (reason?.cause === undefined ? '' : sentenceFor(reason.cause)));
      },
      onInfo: (request) => this.events.info(request),
      onInvite: (request) => void this.onInvite(request).catch((err) => this.events.fault(err)),
      onMessage: (request) => this.events.message(request),
      onNotify: (request) => this.events.notify(request),
      onRefer: (request) => this.events.refer(request),
    };
  }

  /** Offers what `wanted` says now: hold, resume, a refresh, a new address of ours. Errors: PhoneError; the call is as before then. */
  modify(): Promise<void> {
    const done = this.queue.then(() => this.change());
    this.queue = done.catch(() => undefined);
    return done;
  }

  /** An UPDATE (RFC 3311): a refresh, with or without an offer. */
  async update(request: Core.UserAgentServer): Promise<void> {
    const sdp = sdpIn(request.message);
    if (sdp !== undefined && (this.changing || this.unacked)) return void request.reject({ statusCode: 491 });
    await this.answered(request, sdp, false);
  }

  /** BYE, as soon as it may be sent: not before the ACK to our answer (RFC 3261 §15). `reason`: of RFC 3326. */
  bye(reason?: string): void {
    if (this.over) return;
    this.end();
    const headers = reason === undefined ? [] : [`Reason: ${reason}`];
    const done = this.surroundings.agent.farewell();
    if (!this.acked) this.byeOnAck = () => this.sendBye(headers, done);
    else this.sendBye(headers, done);
  }

  private sendBye(extraHeaders: string[], done: () => void): void {
    try {
      this.dialog.bye({ onAccept: done, onReject: done, onRedirect: done }, { extraHeaders });
    } catch (err) {
      done();
      this.dialog.dispose();
      this.events.fault(err);
    }
  }

  /** Nothing is said to the far end. */
  dispose(): void {
    if (this.over) return;
    this.end();
    this.dialog.dispose();
  }

  private end(): void {
    this.over = true;
    this.timer.stop();
    this.unacked?.timer.cancel();
    this.unacked = undefined;
    for (const wait of this.waits) wait.cancel();
    this.release();
  }

  private release(): void {
    for (const resume of this.idle.splice(0)) resume();
  }

  private ended(): PhoneError {
    return new PhoneError('wrong-state', 'the call has ended');
  }

  private async change(): Promise<void> {
    for (let tries = 1; ; tries++) {
      // RFC 3261 §14.1: not while another INVITE is in progress, in either direction.
      while (!this.over && (!this.acked || this.unacked || this.changing)) await new Promise<void>((resume) => this.idle.push(resume));
      if (this.over) throw this.ended();
      this.changing = true;
      let waitMs: number | undefined;
      try {
        waitMs = await this.offerOnce(tries);
      } finally {
        this.changing = false;
      }
      if (waitMs === undefined) return;
      if (waitMs > 0) await this.wait(waitMs);
    }
  }

  /** Returns after how long it is to be tried again, ms; undefined: it is done. */
  private async offerOnce(tries: number): Promise<number | undefined> {
    const { agent, chance } = this.surroundings;
    const offer = await this.media.offer(this.wanted());
    if (this.over) throw this.ended();
    let response: Core.IncomingResponseMessage;
    try {
      response = await this.reinvite(sdpBody(offer), [agent.contact, allow, ...this.timer.requestHeaders()]);
    } catch (err) {
      this.rollback();
      throw err;
    }
    const status = response.statusCode ?? 500;
    if (status < 300) {
      this.timer.accepted(response);
      const answer = sdpIn(response);
      if (answer === undefined) this.rollback();
      else await this.media.accept(answer);
      if (this.over) throw this.ended();
      this.events.identity(response);
      this.events.negotiated('local');
      return undefined;
    }
    this.rollback();
    if (this.over) throw this.ended();
    if (status === 422 && tries < mostTries && this.timer.tooSmall(response)) return 0;
    // Whoever made the Call-ID waits longer, so that one of the two comes first (§14.1): 2.1 to 4 s, or 0 to 2 s, in steps of 10 ms.
    if (status === 491 && tries < mostTries) return this.weCalled ? 2100 + Math.floor(chance() * 191) * 10 : Math.floor(chance() * 201) * 10;
    // The way was lost meanwhile: it comes back within seconds, or the call is left as it was.
    if (status === 503 && !agent.ua.isConnected()) {
      if (tries < mostTries) return 1000;
      throw new PhoneError('not-connected', 'the change could not be sent, as the phone has no connection just now: try again when it has', status);
    }
    // §14.2, §21.5.4: another change was still on its way over there, often the first one, whose ACK is late; or it has too much to do just now.
    const afterS = seconds(header(response, 'retry-after')) ?? 1;
    if ((status === 500 || status === 503) && tries < mostBusyTries && afterS <= mostPatienceS) return afterS * 1000;
    if ((status === 481 || status === 408) && this.lost(status)) {
      this.bye(`SIP;cause=${status}`);
      const problem = status === 408 ? 'the far end does not answer any more' : sentenceFor(status);
      this.events.gone(status, problem);
      throw new PhoneError('refused', problem, status);
    }
    throw new PhoneError('refused', `the far end did not agree to the change (${status}${response.reasonPhrase ? ` ${response.reasonPhrase}` : ''})`, status);
  }

  /** A 408 that our own side made up, since the way is gone, says nothing about the call. */
  private lost(status: number): boolean {
    return status === 481 || this.surroundings.agent.ua.isConnected();
  }

  private rollback(): void {
    try {
      this.media.rollback();
    } catch (err) {
      this.events.fault(err);
    }
  }

  private reinvite(body: Core.Body, extraHeaders: string[]): Promise<Core.IncomingResponseMessage> {
    return new Promise((resolve, reject) => {
      try {
        this.dialog.invite(
          {
            onAccept: (response) => {
              response.ack();
              this.retarget(response.message);
              resolve(response.message);
            },
            onRedirect: ({ message }) => resolve(message),
            onReject: ({ message }) => resolve(message),
          },
          { body, extraHeaders },
        );
      } catch (err) {
        reject(err instanceof Error ? err : new Error(String(err)));
      }
    });
  }

  /** The Contact of a 2xx to a re-INVITE is where the far end is now (RFC 3261 §12.2.1.2); sip.js reads that of requests only. */
  private retarget(message: Core.IncomingMessage): void {
    const contact: unknown = message.parseHeader('contact');
    if (contact instanceof this.surroundings.agent.sip.NameAddrHeader) (this.dialog as unknown as DialogInside).dialogState.remoteTarget = contact.uri;
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.waits.delete(timer);
        resolve();
      };
      const timer = this.surroundings.clock.after(ms, done);
      this.waits.add(timer);
      this.idle.push(() => this.over && done());
    });
  }

  private async onInvite(request: Core.IncomingInviteRequest): Promise<void> {
    // sip.js looks for a re-INVITE of ours on its way; what is still being prepared it cannot see.
    if (this.changing) return void request.reject({ statusCode: 491 });
    await this.answered(request, sdpIn(request.message), true);
  }

  private async answered(request: Core.IncomingInviteRequest | Core.UserAgentServer, sdp: string | undefined, invite: boolean): Promise<void> {
    const { agent, clock } = this.surroundings;
    const session = this.timer.answer(request.message);
    if ('status' in session) return void request.reject({ statusCode: session.status, extraHeaders: session.headers });
    this.changing = true;
    let body: string | undefined;
    try {
      if (sdp !== undefined) body = await this.media.answer(sdp, this.wanted());
      else if (invite) body = await this.media.offer(this.wanted());
    } catch (err) {
      request.reject({ statusCode: statusOf(err) });
      if (!(err instanceof MediaFault)) this.events.fault(err);
      return;
    } finally {
      this.changing = false;
      this.release();
    }
    // Hung up meanwhile: whoever asked is told, should they still listen (RFC 3261 §15.1.2).
    if (this.over) return void request.reject({ statusCode: 487 });
    if (invite) {
      const timer = clock.after(ackWithinMs, () => {
        this.unacked = undefined;
        this.bye('SIP;cause=408;text="no ACK"');
        this.events.gone(408, 'the far end does not answer any more');
      });
      this.unacked = { offered: sdp === undefined, timer };
    }
    request.accept({ statusCode: 200, ...(body !== undefined && { body: sdpBody(body) }), extraHeaders: [agent.contact, allow, ...session.headers] });
    this.events.identity(request.message);
    if (sdp !== undefined) this.events.negotiated('remote');
  }

  private async onAck(message: Core.IncomingMessage): Promise<void> {
    this.acked = true;
    if (this.byeOnAck) return this.lateBye();
    const answers = this.unacked ? this.unacked.offered : this.firstAckAnswers;
    this.unacked?.timer.cancel();
    this.unacked = undefined;
    this.firstAckAnswers = false;
    if (answers) {
      const answer = sdpIn(message);
      try {
        if (answer === undefined) this.rollback();
        else await this.media.accept(answer);
        if (!this.over) this.events.negotiated('remote');
      } catch (err) {
        this.events.fault(err);
      }
    }
    this.release();
  }

  private lateBye(): void {
    const bye = this.byeOnAck;
    this.byeOnAck = undefined;
    bye?.();
  }

  private onAckTimeout(): void {
    this.acked = true;
    if (this.byeOnAck) return this.lateBye();
    if (this.over) return;
    this.bye('SIP;cause=408;text="no ACK"');
    this.events.gone(408, 'the call was answered, but the caller never confirmed it');
  }
}

/** What a request gets whose media did not work out. */
export const statusOf = (err: unknown): number => (err instanceof MediaFault ? { unacceptable: 488, malformed: 400, unavailable: 500 }[err.code] : 500);
