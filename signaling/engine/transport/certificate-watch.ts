/** Looks at the files of the certificates now and then, and reads them again when they are not the same: whoever renews them need not tell us. */
import type { Clock, Timer } from '../../clock';
import type { Certificates } from './certificates';
import type { Log } from './types';

const LOOK_MS = 15_000;
const DAY_MS = 86_400_000;
/** A certificate that ends within this time is spoken of, once a day. */
const WARN_MS = 7 * DAY_MS;

export interface CertificateWatchDeps {
  clock: Clock;
  log: Log;
  counters: { certificateReloads: number; certificateReloadsFailed: number };
  /** What is watched, and who is shown it, for sentences to people. Default: those of SIP, phones. */
  names?: { watched: string; peers: string };
}

const ofSip = { watched: 'The certificates', peers: 'phones' };

export class CertificateWatch {
  private readonly clock: Clock;
  private readonly names: { watched: string; peers: string };
  private timer: Timer;
  private nextWarning = 0;

  constructor(
    private readonly certificates: Certificates,
    private readonly deps: CertificateWatchDeps,
  ) {
    const { clock, names = ofSip } = deps;
    this.clock = clock;
    this.names = names;
    this.warn();
    this.timer = clock.after(LOOK_MS, this.look);
  }

  /** Undefined: done. Otherwise what keeps the files from being used; those read before are kept. */
  reload(): string | undefined {
    const { log, counters } = this.deps;
    try {
      this.certificates.reload();
    } catch (error) {
      counters.certificateReloadsFailed++;
      const reason = error instanceof Error ? error.message : String(error);
      const problem = `${this.names.watched} stay as they were: ${reason}`;
      log.error({}, problem);
      return problem;
    }
    counters.certificateReloads++;
    this.nextWarning = 0;
    log.info({}, `${this.names.watched} have been read again`);
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
    const { watched, peers } = this.names;
    this.deps.log.warn({ ends: new Date(ends).toISOString() }, left > 0 ? `${watched}: one ends within a week: renew it` : `${watched}: one has expired: ${peers} will refuse it`);
  }
}
