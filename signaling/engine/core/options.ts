/** What the core can be told: limits, times, session timers. Times are milliseconds unless the name says otherwise. */
export interface SessionTimerOptions {
  /** False: Session-Expires passes by unnoticed. */
  enabled: boolean;
  /** Who refreshes when the caller offers a session timer and leaves it open (RFC 4028 §9); 'none': the offer is not taken up. */
  defaultRefresher: 'uac' | 'uas' | 'none';
  /** Seconds. Shorter intervals are refused with 422 and Min-SE (RFC 4028 §5: at least 90). */
  minSeconds: number;
}

export interface CoreOptions {
  t1: number;
  t2: number;
  /** Dialogs of all kinds, early ones included; above it new calls get 503 with Retry-After. */
  maxDialogs: number;
  /** Received requests that wait for an application or are being proxied, and sent ones that wait for a final response. */
  maxPendingRequests: number;
  /** Seconds named in a 503. */
  retryAfterSeconds: number;
  /** An INVITE that its application keeps open this long without a final response is answered 480. */
  maxRingingMs: number;
  /** Dialogs of an application that is gone wait this long for one with the same name; 0: they end at once. */
  applicationGraceMs: number;
  sessionTimer: SessionTimerOptions;
  /** A proxied INVITE whose target says nothing new for this long is given up (RFC 3261 §16.6 step 11: over three minutes). */
  timerCMs: number;
  /** Targets one request is proxied to, those that redirects lead to included. */
  maxProxyTargets: number;
  /** Branches that a proxied request may have at one time, here and behind us together (RFC 5393 §5). */
  maxBreadth: number;
  /** What the calls are known by that stay with the proxy; the same after a restart lets them go on. Absent: made anew each time. */
  proxySecret?: string | undefined;
}

export const defaultCoreOptions: CoreOptions = {
  t1: 500,
  t2: 4000,
  maxDialogs: 20_000,
  maxPendingRequests: 20_000,
  retryAfterSeconds: 10,
  maxRingingMs: 600_000,
  applicationGraceMs: 10_000,
  sessionTimer: { enabled: true, defaultRefresher: 'uac', minSeconds: 90 },
  timerCMs: 185_000,
  maxProxyTargets: 32,
  maxBreadth: 60,
};
