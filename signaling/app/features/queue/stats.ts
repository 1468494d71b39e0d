/** What is counted of a queue, since the server began. Times in milliseconds. */

export interface QueueStats {
  /** Everybody who came: those who still wait are in none of the others. */
  offered: number;
  answered: number;
  /** Hung up while they waited. */
  abandoned: number;
  /** Went on: waited too long, too many waited, nobody was there, a key. */
  overflowed: number;
  /** Of those who were answered; null: none was. */
  averageWaitMs: number | null;
  averageTalkMs: number | null;
  longestWaitMs: number;
  /** How many of those who were answered, or gave up later than that, were answered within the time of the service level: 0 to 1; null: nobody yet. */
  serviceLevel: number | null;
}

export type Left = 'answered' | 'abandoned' | 'overflow';

/** How much the last conversation counts in what is expected of the next. */
const NEWEST = 0.2;

export class QueueCounts {
  private offered = 0;
  private answered = 0;
  private abandoned = 0;
  private overflowed = 0;
  private waited = 0;
  private talked = 0;
  private talks = 0;
  private longest = 0;
  private inTime = 0;
  private late = 0;
  /** How long an agent is occupied with one caller. */
  private occupied: number | undefined;

  came(): void {
    this.offered++;
  }

  left(why: Left, waitedMs: number, levelMs: number): void {
    this.longest = Math.max(this.longest, waitedMs);
    if (why === 'overflow') this.overflowed++;
    else if (why === 'abandoned') {
      this.abandoned++;
      if (waitedMs > levelMs) this.late++;
    } else {
      this.answered++;
      this.waited += waitedMs;
      if (waitedMs <= levelMs) this.inTime++;
      else this.late++;
    }
  }

  /** `restMs`: what comes after it before the next one. */
  talkedFor(ms: number, restMs: number): void {
    this.talked += ms;
    this.talks++;
    const occupied = ms + restMs;
    this.occupied = this.occupied === undefined ? occupied : (1 - NEWEST) * this.occupied + NEWEST * occupied;
  }

  /** How long one at this position (from 1) waits who is served by so many; undefined: nobody can know yet. */
  expectedMs(position: number, agents: number): number | undefined {
    return this.occupied === undefined || agents === 0 ? undefined : (this.occupied * position) / agents;
  }

  view(): QueueStats {
    const { offered, answered, abandoned, overflowed } = this;
    const judged = this.inTime + this.late;
    return {
      offered, answered, abandoned, overflowed,
      averageWaitMs: answered === 0 ? null : Math.round(this.waited / answered),
      averageTalkMs: this.talks === 0 ? null : Math.round(this.talked / this.talks),
      longestWaitMs: this.longest,
      serviceLevel: judged === 0 ? null : this.inTime / judged,
    };
  }
}
