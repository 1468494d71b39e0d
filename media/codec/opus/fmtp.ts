/**
 * The format parameters of Opus (RFC 7587 §6.1): what the far end wishes to receive, and what our encoder makes of it. What cannot be read is
 * as if it were not there.
 */
import type { SampleRate } from '../../frame';

export interface EncoderSettings {
  /** bit/s, without loss and at most. */
  bitrate: number;
  maxBitrate: number;
  /** Whether recovery data is of use to the far end. */
  fec: boolean;
  dtx: boolean;
  cbr: boolean;
  /** OPUS_BANDWIDTH_… of the highest audio frequency that it can play. */
  maxBandwidth: number;
}

const NARROWBAND = 1101;
const FULLBAND = 1105;
/** The playback rate up to which a bandwidth suffices (§3.1.1), Hz; of NARROWBAND and its successors. */
const BANDWIDTHS = [8000, 12_000, 16_000, 24_000];

/** Where speech sounds as good as it gets to (§3.1.1 gives the ranges), bit/s. */
const BITRATE: Record<SampleRate, number> = { 8000: 16_000, 16000: 24_000, 48000: 32_000 };
/** Under loss there may be half as much again, for the copies. */
const WITH_COPIES = 1.5;

export function encoderSettings(sampleRate: SampleRate, fmtp: string | undefined): EncoderSettings {
  const parameters = parse(fmtp);
  const playback = parameters.get('maxplaybackrate');
  const average = parameters.get('maxaveragebitrate');
  // §6.1: 6000 to 510000.
  const allowed = average !== undefined && average >= 6000 && average <= 510_000 ? average : Infinity;
  const wider = playback !== undefined && playback >= 8000 ? BANDWIDTHS.findIndex((rate) => playback <= rate) : -1;
  return {
    bitrate: Math.min(BITRATE[sampleRate], allowed),
    maxBitrate: Math.min(BITRATE[sampleRate] * WITH_COPIES, allowed),
    fec: parameters.get('useinbandfec') === 1,
    dtx: parameters.get('usedtx') === 1,
    cbr: parameters.get('cbr') === 1,
    maxBandwidth: wider === -1 ? FULLBAND : NARROWBAND + wider,
  };
}

/** `stereo` and the sprop-… are left out: we send mono, and any decoder of ours takes everything. */
function parse(fmtp = ''): Map<string, number> {
  const parameters = new Map<string, number>();
  for (const part of fmtp.split(';')) {
    const [name = '', value = ''] = part.split('=').map((word) => word.trim());
    if (/^\d{1,9}$/.test(value)) parameters.set(name.toLowerCase(), Number(value));
  }
  return parameters;
}
