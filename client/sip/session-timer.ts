/**
 * Session timers (RFC 4028): both ends agree how long a call lives unless it is refreshed, and who does that.
 *
 *   refresher: we    at half of the interval `refresh` is called, and again at half of what is left, as long as none worked   (§10)
 *   refresher: they  32 s or a third before the end `expired` is called: BYE   (§10)
 */
import type { Clock, Timer } from '../clock';
import { header, parameters, seconds, tokens } from './headers';
import type { Core } from './sip-js';

/** What nobody may go below (RFC 4028 §4), s. */
const leastS = 90;
/** Shortly before the end it is not tried any more. */
const leastBetweenMs = 10_000;

export interface SessionTimerEvents {
  refresh(): void;
  expired(): void;
}

interface Agreed {
  intervalS: number;
  /** Whether it is up to us. */
  ours: boolean;
}

export class SessionTimer {
  private agreed: Agreed | undefined;
  private minS = leastS;
  private timer: Timer | undefined;

  /** `wantedS`: what we ask for; 0: nothing of our own accord. */
  constructor(
    private readonly clock: Clock,
    private wantedS: number,
    private readonly events: SessionTimerEvents,
  ) {
    if (wantedS > 0) this.wantedS = Math.max(leastS, wantedS);
  }

  /** For an INVITE of ours, the first or a later one (§7.1, §7.4). */
  requestHeaders(): string[] {
    const intervalS = this.agreed?.intervalS ?? this.wantedS;
    if (intervalS === 0) return [];
    const refresher = this.agreed ? `;refresher=${this.agreed.ours ? 'uac' : 'uas'}` : '';
    return [`Session-Expires: ${Math.max(intervalS, this.minS)}${refresher}`, ...(this.minS > leastS ? [`Min-SE: ${this.minS}`] : [])];
  }

  /** 422: the far end wants a longer interval (§7.4); returns whether asking again makes sense. */
  tooSmall(response: Core.IncomingMessage): boolean {
    const minS = seconds(header(response, 'min-se'));
    if (minS === undefined || minS <= this.minS || minS > 86_400 * 7) return false;
    this.minS = minS;
    this.wantedS = Math.max(this.wantedS, minS);
    if (this.agreed) this.agreed.intervalS = Math.max(this.agreed.intervalS, minS);
    return true;
  }

  /** A 2xx to an INVITE of ours (§7.2): without Session-Expires nothing runs. */
  accepted(response: Core.IncomingMessage): void {
    const offered = this.read(response);
    this.set(offered && { intervalS: offered.intervalS, ours: offered.refresher !== 'uas' });
  }

  /** A request that starts or refreshes the call (§9): what our 2xx says; or that it has to be answered with 422. */
  answer(request: Core.IncomingMessage): { headers: string[] } | { status: 422; headers: string[] } {
    const offered = this.read(request);
    const can = tokens(request, 'supported').includes('timer') || tokens(request, 'require').includes('timer');
    if (offered && offered.intervalS < leastS && can) return { status: 422, headers: [`Min-SE: ${leastS}`] };
    if (!offered && !(can && this.wantedS > 0)) {
      this.set(undefined);
      return { headers: [] };
    }
    const minS = seconds(header(request, 'min-se')) ?? leastS;
    const intervalS = offered ? Math.max(leastS, offered.intervalS) : Math.max(this.wantedS, minS);
    // Table 2 of §9: whoever cannot refresh leaves it to us; otherwise it is as they say; unasked, we do it.
    const refresher = !can ? 'uas' : (offered?.refresher ?? (offered ? 'uac' : 'uas'));
    this.set({ intervalS, ours: refresher === 'uas' });
    return { headers: [...(can ? ['Require: timer'] : []), `Session-Expires: ${intervalS};refresher=${refresher}`] };
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private set(agreed: Agreed | undefined): void {
    this.stop();
    this.agreed = agreed;
    if (!agreed) return;
    const ms = agreed.intervalS * 1000;
    if (agreed.ours) this.refreshHalfway(ms);
    else this.timer = this.clock.after(ms - Math.min(32_000, ms / 3), () => this.events.expired());
  }

  /** A refresh may be refused for a reason that passes (491, 503): as long as nothing was agreed anew, it is tried again. */
  private refreshHalfway(leftMs: number): void {
    this.timer = this.clock.after(leftMs / 2, () => {
      this.timer = undefined;
      if (leftMs / 2 > leastBetweenMs) this.refreshHalfway(leftMs / 2);
      this.events.refresh();
    });
  }

  private read(message: Core.IncomingMessage): { intervalS: number; refresher: 'uac' | 'uas' | undefined } | undefined {
    const { value, params } = parameters(header(message, 'session-expires') ?? '');
    const intervalS = seconds(value);
    if (intervalS === undefined || intervalS === 0) return undefined;
    const refresher = params.get('refresher')?.toLowerCase();
    return { intervalS, refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined };
  }
}
