/** How a call sounds, lately and as a whole, from the counters of its endpoint and its port. */
import type { Quality, QualityOf } from '../../media';
import type { Endpoint } from '../../../media/net/endpoint';
import type { AudioPort } from '../../../media/port/port';
import { mosOf } from '../../../media/rtp/e-model';

/** What is told of late is of the last so many looks, at one a second. */
const LOOKS = 5;

/** Counters since the call began. A packet that came late after all makes up for one that was lost before: `lost` may fall. */
export interface Counts {
  lost: number;
  received: number;
  /** Frames of 20 ms: heard as they were sent or recovered from others, and made up. */
  genuine: number;
  concealed: number;
}

const NOTHING: Counts = { lost: 0, received: 0, genuine: 0, concealed: 0 };

/** The counters as they were at the last looks: what is told of late is the difference. */
export class LookBack {
  private readonly looks: Array<Counts & { atMs: number }> = [];

  /** @param beganMs when the counters were at 0, on the clock of `look` */
  constructor(private readonly beganMs: number) {}

  look(counts: Counts, atMs: number): void {
    this.looks.push({ ...counts, atMs });
    if (this.looks.length > LOOKS) this.looks.shift();
  }

  /** Since the oldest look; since the beginning, until there have been enough of them. */
  since(now: Counts, nowMs: number): Counts & { ms: number } {
    const { atMs, ...then } = this.looks.length === LOOKS ? this.looks[0]! : { ...NOTHING, atMs: this.beganMs };
    // The call has moved to other sockets, where all began anew.
    const { lost, received, genuine, concealed } = now.received < then.received || now.genuine < then.genuine ? NOTHING : then;
    return { lost: Math.max(0, now.lost - lost), received: now.received - received, genuine: now.genuine - genuine, concealed: Math.max(0, now.concealed - concealed), ms: nowMs - atMs };
  }
}

export function countsOf(endpoint: Endpoint, port: AudioPort): Counts {
  const { decoded, recovered, concealed } = port.stats().frames;
  return { lost: endpoint.received.lost, received: endpoint.received.packets, genuine: decoded + recovered, concealed };
}

export function qualityOf(endpoint: Endpoint, port: AudioPort, of: QualityOf, lately: LookBack, nowMs: number): Quality {
  const stats = endpoint.stats();
  const audio = port.stats();
  const { reported } = port.rtcpQuality;
  const { rttMs, codec } = audio;
  const packets = stats.received.packets;
  const all = countsOf(endpoint, port);
  const { lost, received, genuine, concealed, ms } = of === 'call' ? { ...all, ms: null } : lately.since(all, nowMs);
  const heardMos = codec.receive === null ? null : mosOf({ codec: codec.receive, lost: concealed, received: genuine, rttMs, playoutDelayMs: audio.playoutDelayMs });
  // The share that it reports is that since its report before; what it says of quality itself is of the whole call.
  const loss = reported === null ? null : of === 'lately' ? reported.fractionLost : share(Math.max(0, reported.cumulativeLost), stats.sent.packets);
  const sentMos = of === 'call' || codec.send === null || reported === null || loss === null ? audio.mosReported : mosOf({ codec: codec.send, lost: loss, received: 1 - loss, rttMs, playoutDelayMs: 20 + 2 * reported.jitterMs });
  return {
    of,
    seconds: ms === null ? null : Math.round(ms / 100) / 10,
    heard: {
      packets,
      lost: stats.lost,
      lossFraction: share(Math.max(0, lost), Math.max(0, lost) + received),
      jitterMs: stats.jitterMs,
      bufferMs: packets === 0 ? null : audio.playoutDelayMs,
      concealedFraction: share(concealed, genuine + concealed),
      mos: packets === 0 ? null : heardMos,
    },
    sent: { packets: stats.sent.packets, lossFraction: loss, jitterMs: reported?.jitterMs ?? null, mos: sentMos },
    rttMs,
  };
}

/** 0 to 1; null: of nothing. */
const share = (part: number, whole: number): number | null => (whole <= 0 ? null : Math.min(1, part / whole));
