/** How a call sounds, from the counters of its endpoint and its port. */
import type { Quality } from '../../media';
import type { Endpoint } from '../../../media/net/endpoint';
import type { AudioPort } from '../../../media/port/port';

/** Loss is told over the last so many looks, at one a second. */
const LOOKS = 5;

/** Loss of late, from counters that only rise. Allocates nothing after it was made. */
export class LossWindow {
  private readonly lost = new Float64Array(LOOKS);
  private readonly received = new Float64Array(LOOKS);
  private looks = 0;

  look(lost: number, received: number): void {
    const at = this.looks++ % LOOKS;
    this.lost[at] = lost;
    this.received[at] = received;
  }

  /** 0 to 1; null: nothing came since the oldest look. A packet that came late after all makes up for one that was lost before. */
  fraction(lost: number, received: number): number | null {
    const oldest = this.looks > LOOKS ? this.looks % LOOKS : 0;
    const [missing, came] = this.looks === 0 ? [lost, received] : [lost - this.lost[oldest]!, received - this.received[oldest]!];
    const expected = Math.max(0, missing) + came;
    return expected <= 0 ? null : Math.min(1, Math.max(0, missing) / expected);
  }
}

export function qualityOf(endpoint: Endpoint, port: AudioPort, window: LossWindow): Quality {
  const stats = endpoint.stats();
  const audio = port.stats();
  const { reported } = port.rtcpQuality;
  const { decoded, recovered, concealed } = audio.frames;
  const frames = decoded + recovered + concealed;
  const packets = stats.received.packets;
  return {
    heard: {
      packets,
      lost: stats.lost,
      lossFraction: window.fraction(stats.lost, packets),
      jitterMs: stats.jitterMs,
      bufferMs: packets === 0 ? null : audio.playoutDelayMs,
      concealedFraction: frames === 0 ? null : concealed / frames,
      mos: packets === 0 ? null : audio.mosHeard,
    },
    sent: { packets: stats.sent.packets, lossFraction: reported?.fractionLost ?? null, jitterMs: reported?.jitterMs ?? null, mos: audio.mosReported },
    rttMs: audio.rttMs,
  };
}
