/**
 * How much an encoder may spend, by what the far end reports of the network.
 *
 *   loss, the way is short ──► `maxBitrate`, with copies of what was lost (in-band FEC)
 *   the way grows longer ────► less with each report, with copies all the same: a queue fills up somewhere, and it is us who fill it
 *   neither ─────────────────► `bitrate`
 *
 * Loss by itself is no reason to spend less: over 30 ms of jitter, speech at 10 % loss scores (P.862, mean of 8) 3.22 at 24 kbit/s, 3.42 at
 * 32, 3.72 at 48, and at 20 % 2.60, 2.92 and 3.18. Only where loss and delay are our own doing, sending less is what helps.
 */
import type { EncoderSettings } from './fmtp';

/** What one report says fades: a few reports without loss, and there are no more copies. */
const FADE = 0.7;
const NO_LOSS = 0.005;

/** Round trips that are longer than the shortest by more than this, and by more than half of it, tell of a queue. ms */
const QUEUE_MS = 100;
const QUEUE_SHARE = 0.5;
/** The shortest is forgotten by so much with each report: a network may change for good. */
const FORGET = 1.02;
const LESS = 0.7;
const MORE = 1.15;
/** Below this speech suffers more from us than from the network (RFC 7587 §3.1.1), bit/s. */
const LEAST = 12_000;

export class OpusRate {
  private loss = 0;
  private shortestMs = Infinity;
  private share = 1;

  constructor(private readonly settings: Pick<EncoderSettings, 'bitrate' | 'maxBitrate' | 'fec'>) {}

  /**
   * More loss counts at once, less of it only when it lasts: a report speaks of five seconds.
   * @param fraction 0 to 1
   * @param rttMs null: not known
   */
  reported(fraction: number, rttMs: number | null): void {
    const now = Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
    this.loss = Math.max(now, this.loss * FADE);
    if (this.loss < NO_LOSS) this.loss = 0;
    if (rttMs === null || !(rttMs >= 0)) return;
    this.shortestMs = Math.min(rttMs, this.shortestMs * FORGET);
    const queues = rttMs > this.shortestMs + Math.max(QUEUE_MS, this.shortestMs * QUEUE_SHARE);
    this.share = queues ? Math.max(this.share * LESS, LEAST / this.settings.maxBitrate) : Math.min(1, this.share * MORE);
  }

  /** bit/s; never more than the far end allows, nor less than speech needs unless it allows less than that. */
  get bitrate(): number {
    const { bitrate, maxBitrate, fec } = this.settings;
    const most = fec && this.loss > 0 ? maxBitrate : bitrate;
    return Math.round(Math.min(most, Math.max(most * this.share, LEAST)));
  }

  /** What the encoder reckons with: 0 to 100. */
  get lossPercent(): number {
    return Math.ceil(this.loss * 100);
  }
}
