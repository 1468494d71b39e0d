/**
 * A subscription (RFC 6665), kept: sent, renewed, made anew after what may pass.
 *
 *   begin ─► SUBSCRIBE ─ 2xx, NOTIFY ─► renewed before it runs out
 *               ├─ 423: longer, at once · 489, 404, 403 …: given up (`failed`) · else: later
 *               │  the same when it is renewed, where 481 means that it is made anew at once, and it lives on meanwhile after most others
 *               └─ NOTIFY terminated: deactivated, timeout: at once · rejected, noresource: given up · else: later
 */
import { BackOff } from '../back-off';
import type { Chance, Clock, Timer } from '../clock';
import { sentenceFor } from '../sentences';
import { allow, type Agent } from './agent';
import { header, parameters, seconds } from './headers';
import type { Core } from './sip-js';

export interface SubscriptionOptions {
  target: Core.URI;
  /** 'presence' */
  event: string;
  accept: string;
  expiresS: number;
}

export interface SubscriptionEvents {
  notified(message: Core.IncomingRequestMessage): void;
  /** For good. */
  failed(status: number | null, problem: string): void;
}

/** Statuses after which asking again is of no use. 482: it came back to ourselves, as the server keeps nothing of the kind and passed it on. */
const final = new Set([400, 401, 403, 404, 405, 406, 407, 410, 415, 416, 420, 482, 484, 485, 489, 501, 603, 604]);

/** What a server may ask for at most: how long a subscription is, and when to ask again, s. */
const mostExpiresS = 86_400 * 30;
const mostRetryS = 3600;

function retryAfterMs(response: Core.IncomingMessage): number | undefined {
  const afterS = seconds(header(response, 'retry-after'));
  return afterS === undefined ? undefined : Math.min(afterS, mostRetryS) * 1000;
}

export class Subscription {
  private running = false;
  /** Stopped, or refused for good. */
  private over = false;
  private request: Core.OutgoingSubscribeRequest | undefined;
  private dialog: Core.Subscription | undefined;
  private timer: Timer | undefined;
  private readonly backOff: BackOff;
  private expiresS: number;

  constructor(
    private readonly agent: Agent,
    private readonly clock: Clock,
    private readonly chance: Chance,
    private readonly options: SubscriptionOptions,
    private readonly events: SubscriptionEvents,
  ) {
    this.backOff = new BackOff(chance, { firstMs: 2000, mostMs: 300_000 });
    this.expiresS = options.expiresS;
  }

  /** Idempotent. While there is no way, nothing happens: to be called again when there is. */
  begin(): void {
    if (this.over) return;
    this.running = true;
    if (!this.request && !this.timer) this.send();
  }

  /** As if it had not been there: the server may have forgotten it. */
  again(): void {
    if (!this.running) return;
    this.drop();
    this.backOff.reset();
    this.send();
  }

  stop(): void {
    this.over = true;
    if (!this.running) return;
    this.running = false;
    const { dialog } = this;
    this.dialog = undefined;
    this.drop();
    if (!dialog || !this.agent.ua.isConnected()) return void dialog?.dispose();
    const done = this.agent.farewell();
    try {
      dialog.delegate = { onNotify: (request) => void request.accept(), onTerminated: () => undefined, onRefresh: () => undefined };
      dialog.subscribe({ onAccept: done, onReject: done, onRedirect: done }, { extraHeaders: this.headers(0) });
    } catch {
      done();
    }
  }

  private drop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const { request, dialog } = this;
    this.request = undefined;
    this.dialog = undefined;
    (request as Core.SubscribeUserAgentClient | undefined)?.waitNotifyStop();
    dialog?.dispose();
  }

  private headers(expiresS: number): string[] {
    return [`Event: ${this.options.event}`, `Expires: ${expiresS}`, `Accept: ${this.options.accept}`, this.agent.contact, allow];
  }

  private send(): void {
    if (!this.running || !this.agent.ua.isConnected()) return;
    const message = this.agent.request('SUBSCRIBE', this.options.target, this.headers(this.expiresS));
    const mine = (): boolean => this.running && this.request === request;
    const refused = ({ message: response }: Core.IncomingResponse): void => void (mine() && this.onRefused(response));
    const request: Core.OutgoingSubscribeRequest = this.agent.core.subscribe(message, {
      onAccept: ({ message: response }) => void (mine() && this.renewAfter(seconds(header(response, 'expires')) ?? this.expiresS)),
      onReject: refused,
      onRedirect: refused,
      onNotify: ({ request: notify, subscription }) => {
        if (!mine()) return void notify.reject({ statusCode: 481 });
        this.backOff.reset();
        this.dialog = subscription;
        if (subscription) subscription.delegate = { onNotify: (next) => this.onNotify(next), onTerminated: () => undefined, onRefresh: () => undefined };
        this.onNotify(notify);
      },
      onNotifyTimeout: () => void (mine() && this.later()),
    });
    this.request = request;
  }

  private onNotify(request: Core.IncomingNotifyRequest): void {
    request.accept();
    if (!this.running) return;
    this.events.notified(request.message);
    const { value, params } = parameters(request.message.getHeader('subscription-state') ?? '');
    if (value.toLowerCase() !== 'terminated') {
      const leftS = seconds(params.get('expires'));
      if (leftS !== undefined && leftS > 0) this.renewAfter(leftS);
      return;
    }
    // RFC 6665 §4.1.3.
    this.drop();
    const reason = params.get('reason')?.toLowerCase();
    const afterS = seconds(params.get('retry-after'));
    if (reason === 'rejected' || reason === 'noresource' || reason === 'invariant') return this.giveUp(null, 'the server does not tell about this number any more');
    if (reason === 'deactivated' || reason === 'timeout') return this.later(100 + this.chance() * 900);
    this.later(afterS === undefined ? undefined : afterS * 1000);
  }

  private onRefused(response: Core.IncomingResponseMessage): void {
    const status = response.statusCode ?? 500;
    this.drop();
    if (this.lengthen(response)) return this.send();
    if (final.has(status)) return this.giveUp(status, sentenceFor(status, response.reasonPhrase, 'request'));
    this.later(retryAfterMs(response));
  }

  private renewAfter(expiresS: number): void {
    this.timer?.cancel();
    this.timer = this.clock.after(Math.max(expiresS / 2, expiresS - Math.max(5, expiresS * 0.1)) * 1000, () => this.renew());
  }

  private renew(): void {
    this.timer = undefined;
    const { dialog } = this;
    if (!dialog || !this.agent.ua.isConnected()) return this.later();
    try {
      const mine = (): boolean => this.dialog === dialog && this.running;
      const refused = ({ message }: Core.IncomingResponse): void => void (mine() && this.onRenewalRefused(message));
      dialog.subscribe(
        {
          onAccept: ({ message }) => {
            if (!mine()) return;
            this.backOff.reset();
            this.renewAfter(seconds(header(message, 'expires')) ?? this.expiresS);
          },
          onReject: refused,
          onRedirect: refused,
        },
        { extraHeaders: this.headers(this.expiresS) },
      );
    } catch {
      this.later();
    }
  }

  /** RFC 6665 §4.1.2.2: after 481 the server has forgotten it; after most others what is left of it still counts, and is renewed a little later. */
  private onRenewalRefused(response: Core.IncomingResponseMessage): void {
    const status = response.statusCode ?? 500;
    if (this.lengthen(response)) return this.renew();
    if (status === 481) return this.later(0);
    if (status === 408 || final.has(status)) return this.later();
    this.timer?.cancel();
    this.timer = this.clock.after(retryAfterMs(response) ?? this.backOff.next(), () => this.renew());
  }

  /** 423: whether asking again for as long as the server wants makes sense (§4.1.2.1). */
  private lengthen(response: Core.IncomingResponseMessage): boolean {
    const longerS = response.statusCode === 423 ? seconds(header(response, 'min-expires')) : undefined;
    if (longerS === undefined || longerS <= this.expiresS || longerS > mostExpiresS) return false;
    this.expiresS = longerS;
    return true;
  }

  private later(ms = this.backOff.next()): void {
    this.drop();
    this.timer = this.clock.after(ms, () => {
      this.timer = undefined;
      this.send();
    });
  }

  private giveUp(status: number | null, problem: string): void {
    this.drop();
    this.running = false;
    this.over = true;
    this.events.failed(status, problem);
  }
}
