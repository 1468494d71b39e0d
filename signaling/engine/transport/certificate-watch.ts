/** Looks at the files of the certificates now and then, and reads them again when they are not the same: whoever renews them need not tell us. */
import type { Clock, Timer } from '../../clock';
import type { Certificates } from './certificates';
import type { TransportCounters } from './counters';
import type { Log } from './types';

const LOOK_MS = 15_000;
const DAY_MS = 86_400_000;
/** A certificate that ends within this time is spoken of, once a day. */
const WARN_MS = 7 * DAY_MS;

export class CertificateWatch {
  private timer: Timer;
  private nextWarning = 0;

  constructor(
    private readonly certificates: Certificates,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly counters: TransportCounters,
  ) {
    this.warn();
    this.timer = clock.after(LOOK_MS, this.look);
  }

  /** Undefined: done. Otherwise what keeps the files from being used; those read before are kept. */
  reload(): string | undefined {
    try {
      this.certificates.reload();
    } catch (error) {
      this.counters.certificateReloadsFailed++;
      const reason = error instanceof Error ? error.message : String(error);
      this.log.error({}, `The certificates stay as they were: ${reason}`);
      return reason;
    }
    this.counters.certificateReloads++;
    this.nextWarning = 0;
    this.log.info({}, 'The certificates have been read again');
    return undefined;
  }

  close(): void {
    this.timer.cancel();
  }

  private readonly look = (): void => {
    if (this.certificates.changed()) this.reload();
    this.warn();
    this.timer = this.clock.after(LOOK_MS, this.look);
  };

  private warn(): void {
    const ends = this.certificates.expires();
    if (ends === undefined || this.clock.now() < this.nextWarning) return;
    const left = ends - this.clock.wall().getTime();
    if (left > WARN_MS) return;
    this.nextWarning = this.clock.now() + DAY_MS;
    this.log.warn({ ends: new Date(ends).toISOString() }, left > 0 ? 'A TLS certificate ends within a week: renew it' : 'A TLS certificate has expired: phones will refuse it');
  }
}
