/**
 * Overload control: when more comes than can be done, a part of the new requests is turned away at once, so that the others are served in time.
 * Left alone, everything would be served too late: callers repeat what is not answered, and soon the engine would only do work that nobody waits
 * for any more (RFC 6357 §3).
 *
 *     thread at work without a pause, and what comes waits ──┐   admitted-rate.ts: how many are let in
 *     every application of a method falls behind ────────────┴─▶ share ─▶ new request: 503 and Retry-After, no state
 *                                                                     └─▶ within a dialog, ACK, CANCEL, repeated, call for help: served
 *
 * What comes waits: datagrams before they are read (transport/queue-probe.ts), or timers do. Timers alone will not do: datagrams are read a few at a time
 * and those that wait are in the kernel, so timers between them are on time even when seconds of datagrams wait. Work alone will not do either: a
 * thread that shares its processor is at work all the time while nothing waits, and judged by that alone two thirds of the calls were refused that
 * could have been served. Nor will repetitions: clients that are late themselves repeat what was answered.
 */
import type { Clock } from '../../clock';
import type { Log } from '../log';
import type { Admission } from '../transaction/types';
import type { SipRequest } from '../wire/message';
import { AdmittedRate, SPANS } from './admitted-rate';
import { isEmergency } from './emergency';
import type { OverloadOptions } from './options';
import { Remembered } from './remembered';
import { Throttle } from './throttle';

const WINDOW_MS = 100;
/** An application that is behind has half a second of work waiting. */
const BEHIND_UP = 0.25;
const BEHIND_DOWN = 0.1;
const MOST = 0.98;
/** Long enough for the repetitions that crossed our answer, or that it was lost to (RFC 3261 §17.1.1.2: after 0.5, 1.5, 3.5 and 7.5 s). */
const REMEMBERED_MS = 8_000;
const MOST_REMEMBERED = 20_000;

export interface OverloadStats {
  /** Part of the new requests that is turned away now, for either reason; 0 to 1. */
  share: number;
  applicationShare: number;
  /** Part of the last tenth of a second that the thread was at work; 0 while nothing new comes. */
  busy: number;
  /** How often it began. */
  began: number;
  refused: number;
  refusedForApplications: number;
  /** Repetitions of requests that were turned away. */
  refusedAgain: number;
  /** Calls for help that would have been turned away. */
  emergencies: number;
}

export interface OverloadDeps {
  clock: Clock;
  log: Log;
  /** Part of the time since the last call that the thread was at work. */
  busy: () => number;
  /** Milliseconds that datagrams wait before they are read. */
  waited: () => number;
  /** Every application that would be asked about this method falls behind. */
  areBehind: (method: string) => boolean;
}

export class Overload implements Admission {
  private readonly thread = new Throttle(MOST);
  private readonly rate: AdmittedRate;
  private readonly applications = new Throttle(MOST);
  private readonly remembered = new Remembered(MOST_REMEMBERED);
  private readonly counts = { began: 0, refused: 0, refusedForApplications: 0, refusedAgain: 0, emergencies: 0 };
  private watching = false;
  private closed = false;
  private windowStarted = 0;
  private turned = 0;
  private newOnes = 0;
  private admitted = 0;
  private foundBehind = false;
  private busy = 0;
  private spread = 0;
  private began: { at: number; refused: number } | undefined;

  constructor(
    private readonly options: OverloadOptions,
    private readonly deps: OverloadDeps,
  ) {
    this.rate = new AdmittedRate(options.busyMs / SPANS, options.busyPercent / 100);
  }

  refuses(request: SipRequest, key: string): number | undefined {
    // Within a dialog, or what only exists there.
    if (request.toTag !== undefined) return undefined;
    this.newOnes++;
    if (!this.watching) this.watch();
    const behind = this.deps.areBehind(request.method);
    if (behind && !this.foundBehind) {
      this.foundBehind = true;
      if (this.applications.share === 0) this.applications.change(2 * BEHIND_UP);
    }
    if (this.remembered.has(key)) {
      this.counts.refusedAgain++;
      return this.retryAfter();
    }
    const reason = this.thread.refuses() ? 'refused' : behind && this.applications.refuses() ? 'refusedForApplications' : undefined;
    if (reason === undefined || isEmergency(request)) {
      if (reason !== undefined) this.counts.emergencies++;
      this.admitted++;
      return undefined;
    }
    this.counts[reason]++;
    // A repetition that was let through would be answered twice, and the second answer start a call that nobody wants any more.
    this.remembered.add(key);
    return this.retryAfter();
  }

  stats(): OverloadStats {
    return { share: this.thread.share, applicationShare: this.applications.share, busy: this.busy, ...this.counts };
  }

  close(): void {
    this.closed = true;
  }

  /** Not all at the same second: they would only be turned away again together. */
  private retryAfter(): number {
    const { retryAfterSeconds } = this.options;
    this.spread = (this.spread + 1) % (2 * retryAfterSeconds + 1);
    return retryAfterSeconds + this.spread;
  }

  /** Looks every tenth of a second, as long as something new comes. */
  private watch(): void {
    this.watching = true;
    this.deps.busy();
    this.turned = this.deps.clock.now();
    this.nextWindow();
  }

  private nextWindow(): void {
    this.windowStarted = this.deps.clock.now();
    this.newOnes = 0;
    this.admitted = 0;
    this.foundBehind = false;
    this.deps.clock.after(WINDOW_MS, () => this.look());
  }

  private look(): void {
    if (this.closed) return;
    const { clock } = this.deps;
    this.busy = this.deps.busy();
    const passed = clock.now() - this.windowStarted;
    this.rate.look(passed, Math.max(passed - WINDOW_MS, this.deps.waited()), this.busy, this.newOnes, this.admitted);
    this.thread.set(this.rate.share);
    this.applications.change(this.foundBehind ? BEHIND_UP : -BEHIND_DOWN);
    this.tell();
    if (clock.now() - this.turned >= REMEMBERED_MS) {
      this.turned = clock.now();
      this.remembered.turn();
    }
    if (this.newOnes > 0 || this.busy >= this.options.busyPercent / 100 || this.began || this.remembered.size > 0) this.nextWindow();
    else {
      this.watching = false;
      this.busy = 0;
    }
  }

  private tell(): void {
    const share = Math.max(this.thread.share, this.applications.share);
    const { clock, log } = this.deps;
    const refused = this.counts.refused + this.counts.refusedForApplications;
    if (share > 0 && !this.began) {
      this.counts.began++;
      this.began = { at: clock.now(), refused };
      log.warn({ busyPercent: Math.round(this.busy * 100), applicationsBehind: this.applications.share > 0 }, 'overloaded: a part of the new requests is answered 503');
    } else if (share === 0 && this.began) {
      log.info({ seconds: Math.round((clock.now() - this.began.at) / 1000), refused: refused - this.began.refused }, 'not overloaded any more');
      this.began = undefined;
    }
  }
}
