/** What is put off until something has happened in a dialog. Most dialogs never have any, and there are thousands: nothing is made before it is needed. */
export type Event =
  /** The ACK to our 2xx has come (RFC 3261 §15: no BYE before). */
  | 'acknowledged'
  /** Our INVITE has its final response. */
  | 'answered'
  | 'confirmed';

type Job = () => void;

const nothing: readonly Job[] = [];

export class Waiting {
  private jobs: Array<{ event: Event; job: Job }> | undefined;

  until(event: Event, job: Job): void {
    (this.jobs ??= []).push({ event, job });
  }

  /** Those that waited for this, in their order: they are the caller's now. Without an event: all. */
  take(event?: Event): readonly Job[] {
    const { jobs } = this;
    if (jobs === undefined) return nothing;
    const left = jobs.filter((one) => event !== undefined && one.event !== event);
    this.jobs = left.length > 0 ? left : undefined;
    return jobs.filter((one) => !left.includes(one)).map((one) => one.job);
  }
}
