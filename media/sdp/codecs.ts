/**
 * The payload formats the media plane knows, and what of them may be told to the other party.
 *
 * RFC 3551 (PCMU, PCMA, G722), RFC 7587 (opus), RFC 4733 (telephone-event), RFC 3389 (CN).
 */
import type { Codec } from './model';

/** Numbers whose meaning needs no rtpmap (RFC 3551 table 4); only those we know. */
const staticFormats: Readonly<Record<number, Readonly<Codec>>> = {
  0: { payloadType: 0, name: 'PCMU', clockRate: 8000, channels: 1 },
  8: { payloadType: 8, name: 'PCMA', clockRate: 8000, channels: 1 },
  9: { payloadType: 9, name: 'G722', clockRate: 8000, channels: 1 },
  13: { payloadType: 13, name: 'CN', clockRate: 8000, channels: 1 },
};

export const staticFormat = (payloadType: number): Codec | undefined => staticFormats[payloadType];

interface Known {
  is(codec: Codec): boolean;
  /** Carries speech; telephone-event alone is not a call. */
  voice: boolean;
  /** The part of the parameters that is understood and therefore may be passed on. */
  fmtp?(text: string): string | undefined;
}

const mono = (name: string, clockRate: number) => (codec: Codec) => codec.clockRate === clockRate && codec.channels === 1 && (codec.name === name || codec.name.toUpperCase() === name);

const opusParameter = /^(maxplaybackrate|sprop-maxcapturerate|maxptime|ptime|minptime|maxaveragebitrate|stereo|sprop-stereo|cbr|useinbandfec|usedtx)=\d{1,7}$/i;

const known: readonly Known[] = [
  { is: mono('PCMU', 8000), voice: true },
  { is: mono('PCMA', 8000), voice: true },
  { is: mono('G722', 8000), voice: true },
  {
    is: (codec) => codec.name.toLowerCase() === 'opus' && codec.clockRate === 48000 && codec.channels === 2,
    voice: true,
    fmtp: (text) => {
      const kept = text.split(';').map((p) => p.trim()).filter((p) => opusParameter.test(p));
      return kept.length > 0 ? kept.join(';') : undefined;
    },
  },
  {
    is: (codec) => codec.name.toLowerCase() === 'telephone-event' && codec.channels === 1,
    voice: false,
    fmtp: (text) => (/^[0-9][0-9,\- ]{0,60}$/.test(text) ? text : undefined),
  },
  // comfort noise: at the clock of the codec whose silence it fills (RFC 3389 §5.1)
  { is: (codec) => codec.name.toUpperCase() === 'CN' && codec.channels === 1, voice: false },
];

/** Two formats with equal keys are the same format, whatever number each side gave it. */
export const codecKey = (codec: Codec): string => `${codec.name.toLowerCase()}/${codec.clockRate}/${codec.channels}`;

/** What `codecKey` tells, without making the text. */
export const sameFormat = (a: Codec, b: Codec): boolean =>
  a.clockRate === b.clockRate && a.channels === b.channels && (a.name === b.name || a.name.toLowerCase() === b.name.toLowerCase());

/** The codec with its parameters reduced to what may be passed on; undefined when the plane does not know it. */
export function relayable(codec: Codec): Codec | undefined {
  const format = known.find((k) => k.is(codec));
  if (!format) return undefined;
  if (codec.fmtp === undefined) return codec;
  const { fmtp, ...rest } = codec;
  const kept = format.fmtp?.(fmtp);
  return kept === undefined ? rest : { ...rest, fmtp: kept };
}

export const isVoice = (codec: Codec): boolean => known.some((k) => k.voice && k.is(codec));

/** What we offer when nobody has offered anything yet (an INVITE without SDP): everything the plane can relay. */
export const ownOffer: readonly Codec[] = [
  { payloadType: 96, name: 'opus', clockRate: 48000, channels: 2, fmtp: 'useinbandfec=1' },
  { payloadType: 9, name: 'G722', clockRate: 8000, channels: 1 },
  { payloadType: 0, name: 'PCMU', clockRate: 8000, channels: 1 },
  { payloadType: 8, name: 'PCMA', clockRate: 8000, channels: 1 },
  { payloadType: 97, name: 'telephone-event', clockRate: 48000, channels: 1, fmtp: '0-16' },
  { payloadType: 101, name: 'telephone-event', clockRate: 8000, channels: 1, fmtp: '0-16' },
];

/** Same formats under the same numbers in the same order; parameters do not count. */
export const sameCodecs = (a: readonly Codec[], b: readonly Codec[]): boolean =>
  a.length === b.length && a.every((codec, i) => codec.payloadType === b[i]?.payloadType && sameFormat(codec, b[i] as Codec));
