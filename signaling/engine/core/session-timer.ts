/**
 * Session timers (RFC 4028), which the engine keeps so that applications need not: what is agreed in a 2xx, and the clock that runs
 * from there. "uac" and "uas" in Session-Expires mean the two ends of the transaction that carries it, not of the dialog; here `we` or
 * `they` refresh.
 */
import type { Clock, Timer } from '../../clock';
import type { Headers } from '../wire/headers';
import type { SipRequest, SipResponse } from '../wire/message';
import type { SessionTimerOptions } from './options';
import { namesOption } from './reliable';

export interface SessionExpires {
  /** Seconds. */
  interval: number;
  refresher: 'uac' | 'uas' | undefined;
}

export interface Agreement {
  interval: number;
  refresher: 'we' | 'they';
}

/** What a request of the peer says about session timers. */
export interface SessionOffer {
  expires: SessionExpires | undefined;
  /** The peer knows RFC 4028. */
  supported: boolean;
}

/** Session-Expires = delta-seconds *(";" generic-param) (RFC 4028 §4). Undefined when absent or unreadable. */
export function readSessionExpires(headers: Headers): SessionExpires | undefined {
  const value = headers.get('session-expires');
  const match = value === undefined ? null : /^\s*(\d{1,9})\s*(;.*)?$/.exec(value);
  if (!match) return undefined;
  const refresher = /;\s*refresher\s*=\s*(uac|uas)\b/i.exec(match[2] ?? '')?.[1]?.toLowerCase();
  return { interval: Number(match[1]), refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined };
}

export function readOffer(request: SipRequest): SessionOffer {
  return { expires: readSessionExpires(request.headers), supported: namesOption(request, 'supported', 'timer') || namesOption(request, 'require', 'timer') };
}

/** RFC 4028 §9: an interval below our minimum is refused with 422, if the peer can understand that. */
export function isTooSmall(offer: SessionOffer, options: SessionTimerOptions): boolean {
  return options.enabled && offer.supported && offer.expires !== undefined && offer.expires.interval < options.minSeconds;
}

/**
 * As UAS, when a 2xx is about to go out: completes its headers and says what was agreed. The application's own Session-Expires
 * counts; without one the peer's offer is taken up (RFC 4028 §9).
 */
export function agreeAsUas(offer: SessionOffer, response: SipResponse, options: SessionTimerOptions): Agreement | undefined {
  if (!options.enabled) return undefined;
  const own = readSessionExpires(response.headers);
  let interval: number;
  let refresher: 'uac' | 'uas';
  if (own) {
    interval = own.interval;
    refresher = own.refresher ?? 'uac';
  } else if (offer.expires) {
    interval = offer.expires.interval;
    if (offer.expires.refresher) refresher = offer.expires.refresher;
    else if (options.defaultRefresher === 'none' || !offer.supported) return undefined;
    else refresher = options.defaultRefresher;
  } else return undefined;
  interval = Math.max(interval, options.minSeconds);
  response.headers.set('Session-Expires', `${interval};refresher=${refresher}`);
  if (refresher === 'uac' && offer.supported && !namesOption(response, 'require', 'timer')) response.headers.append('Require', 'timer');
  return { interval, refresher: refresher === 'uac' ? 'they' : 'we' };
}

/** As UAC, from the 2xx to our INVITE or UPDATE (RFC 4028 §7.2): without Session-Expires there is no session timer. */
export function agreeAsUac(response: SipResponse, options: SessionTimerOptions): Agreement | undefined {
  const expires = options.enabled ? readSessionExpires(response.headers) : undefined;
  if (!expires || expires.interval === 0) return undefined;
  return { interval: expires.interval, refresher: expires.refresher === 'uas' ? 'they' : 'we' };
}

/** Headers that keep a running timer running through a request of ours in the dialog (RFC 4028 §7.1, §7.4). */
export function keepRunning(headers: Headers, agreement: Agreement, minSeconds: number): void {
  if (!headers.has('session-expires')) headers.append('Session-Expires', `${agreement.interval};refresher=${agreement.refresher === 'we' ? 'uac' : 'uas'}`);
  if (!headers.has('min-se')) headers.append('Min-SE', String(minSeconds));
  const supported = headers.getList('supported');
  if (!supported.some((option) => option.toLowerCase() === 'timer')) headers.append('Supported', 'timer');
}

/** The clock of one dialog. */
export class SessionTimer {
  private readonly timers: Timer[] = [];

  constructor(
    private readonly clock: Clock,
    readonly agreement: Agreement,
    private readonly events: { refresh(): void; expired(): void },
  ) {
    const ms = agreement.interval * 1000;
    if (agreement.refresher === 'we') this.timers.push(clock.after(ms / 2, () => events.refresh()));
    // RFC 4028 §10: BYE slightly before the end, min(32 s, a third of the interval).
    this.timers.push(clock.after(ms - Math.min(32_000, ms / 3), () => events.expired()));
  }

  /** The refresh could not be made now (glare, a busy peer): again after `ms`, within what is left of the interval. */
  retryAfter(ms: number): void {
    this.timers.push(this.clock.after(ms, () => this.events.refresh()));
  }

  stop(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.length = 0;
  }
}
