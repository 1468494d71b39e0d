/** The phones that have, or had, a part in a call, as its record shows them: when each rang, answered and ended, and how it sounded. */
import type { EndpointStats } from '../../media/plane';
import type { LegDetails, LegSound } from '../store/store';
import type { Leg } from './leg';
import type { Cause } from './reasons';

/** Times on Clock.now(). */
interface Note {
  readonly leg: Leg;
  readonly userAgent: string | null;
  readonly startedAt: number;
  callId: string | undefined;
  rangAt: number | undefined;
  answeredAt: number | undefined;
  endedAt: number | undefined;
  cause: Cause | undefined;
}

export class CallLegs {
  private readonly notes: Note[] = [];

  constructor(private readonly now: () => number) {}

  /** It calls, or is to be called. */
  begin(leg: Leg, userAgent: string | null): void {
    this.of(leg, userAgent);
  }

  dialog(leg: Leg, callId: string): void {
    this.of(leg).callId = callId;
  }

  rang(leg: Leg): void {
    this.of(leg).rangAt ??= this.now();
  }

  answered(leg: Leg): void {
    this.of(leg).answeredAt ??= this.now();
  }

  /** While the call goes on. */
  ended(leg: Leg, cause: Cause): void {
    const note = this.of(leg);
    note.endedAt ??= this.now();
    note.cause ??= cause;
  }

  /** What was measured of legs that were given back before the call's end. Never rejects. */
  async reports(): Promise<ReadonlyMap<Leg, EndpointStats>> {
    const found = new Map<Leg, EndpointStats>();
    for (const { leg } of this.notes) {
      const report = leg.report && (await leg.report);
      if (report) found.set(leg, report);
    }
    return found;
  }

  /**
   * @param over of the call, on Clock.now()
   * @param epoch Clock.wall() minus Clock.now()
   * @param why the call ended: also those legs that were there until then
   */
  details(over: number, epoch: number, why: Cause, sound: (leg: Leg) => EndpointStats | undefined): LegDetails[] {
    const wall = (at: number | undefined): number | null => (at === undefined ? null : Math.round(at + epoch));
    return this.notes
      .filter(({ callId }) => callId !== undefined)
      .map(({ leg, userAgent, startedAt, callId = null, rangAt, answeredAt, endedAt, cause }) => {
        const measured = sound(leg);
        const heard = answeredAt === undefined ? undefined : leg.answer.find(({ name }) => name.toLowerCase() !== 'telephone-event');
        return {
          side: leg.side,
          party: leg.party,
          callId,
          address: leg.source,
          userAgent,
          startedAt: wall(startedAt)!,
          rangAt: wall(rangAt),
          answeredAt: wall(answeredAt),
          endedAt: wall(endedAt ?? over)!,
          cause: cause ?? why,
          codec: heard === undefined ? null : `${heard.name}/${heard.clockRate}`,
          srtp: measured?.srtp?.suite ?? null,
          sound: measured ? soundOf(measured, heard?.clockRate ?? 8000) : null,
        };
      });
  }

  private of(leg: Leg, userAgent: string | null = null): Note {
    const known = this.notes.find((note) => note.leg === leg);
    if (known) return known;
    const note: Note = { leg, userAgent, startedAt: this.now(), callId: undefined, rangAt: undefined, answeredAt: undefined, endedAt: undefined, cause: undefined };
    this.notes.push(note);
    return note;
  }
}

/** RFC 3550 §6.4.1 counts jitter in units of the payload's clock. */
function soundOf({ received, sent, lost, late, jitterMs, mos, rtcp: { lastReport } }: EndpointStats, clockRate: number): LegSound {
  return {
    received: { packets: received.packets, lost, late, jitterMs: round(jitterMs), mos: round(mos) },
    sent: {
      packets: sent.packets,
      lost: lastReport ? lastReport.cumulativeLost : null,
      jitterMs: lastReport ? round((lastReport.jitter * 1000) / clockRate) : null,
      roundTripMs: round(lastReport?.rttMs),
    },
  };
}

const round = (value: number | null | undefined): number | null => (value == null ? null : Math.round(value * 100) / 100);
