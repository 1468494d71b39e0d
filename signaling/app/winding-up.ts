/** Work that goes on when calls are over, and that shutting down waits for: BYEs, reports, features that are not through yet. */
import type { Clock } from '../clock';
import type { Logger } from '../log';

/** How long an end waits for phones to confirm their BYE. */
const GOODBYE_MS = 2000;

export class WindingUp {
  private readonly ending = new Set<Promise<void>>();

  constructor(
    private readonly clock: Pick<Clock, 'after'>,
    private readonly log: Logger,
  ) {}

  track(promise: Promise<unknown>, call: string): void {
    const work: Promise<void> = promise.then(
      () => void this.ending.delete(work),
      (err) => {
        this.ending.delete(work);
        this.log.error({ call, error: String(err) }, 'a call could not be wound up');
      },
    );
    this.ending.add(work);
  }

  /** Resolves when all that was tracked by now is through, or does not come to an end. */
  async done(): Promise<void> {
    if (this.ending.size === 0) return;
    let expire: () => void = () => undefined;
    const expired = new Promise<void>((resolve) => (expire = resolve));
    const timer = this.clock.after(GOODBYE_MS, () => expire());
    await Promise.race([Promise.all(this.ending), expired]);
    timer.cancel();
  }
}
