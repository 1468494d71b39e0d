/**
 * Calls that end here (voicemail, a conference, the echo test): we are a party ourselves, so we choose, and nobody else's description counts.
 *
 *   offer ──▶ terminate ──▶ { spec ▶ our answer, audio ▶ plane.setAudio }
 *   terminateOffer ──▶ our offer … answer ──▶ terminateAnswer ──▶ audio
 *
 * Choice of the codec: the first of the party's formats that we can, but what carries wideband goes before what does not: whoever offers both
 * can do both, and puts G.711 first out of habit. One voice format is answered, so that it stays the only one (RFC 3264 §7 would allow
 * changing between several at any moment).
 */
import type { AudioSetup } from '../audio-types';
import type { CodecName } from '../frame';
import { relayable, sameFormat } from './codecs';
import { both, reverse } from './direction';
import { SdpError, type Codec, type Direction } from './model';
import type { Picked } from './negotiate';
import { audioOf, codecNameOf, isComfortNoise, isEvent, packetTime } from './sound';
import { renumber, type AudioSpec } from './write';

export interface TerminateOptions {
  /** What the plane can turn into sound (`plane.codecs`); for an offer of ours in order of preference. */
  codecs: readonly CodecName[];
  /** What we want, from our view: a queue that only plays is 'sendonly'. Default 'sendrecv'. */
  direction?: Direction | undefined;
  /** We ask to be sent nothing while nothing is said (Opus: `usedtx=1`, RFC 7587 §7.1). Default: no. */
  dtx?: boolean | undefined;
}

export interface Terminated {
  /** What our description says. */
  spec: AudioSpec;
  /** For `plane.setAudio`. */
  audio: AudioSetup;
}

const wideband: ReadonlySet<CodecName> = new Set<CodecName>(['opus', 'G722']);
export const isWideband = (name: CodecName): boolean => wideband.has(name);

/** What we say about a format in a description of ours: what we want to be sent (RFC 7587 §7), and which events we know (RFC 4733 §3.2). */
const ownParameters: Readonly<Record<string, string>> = { opus: 'useinbandfec=1', 'telephone-event': '0-15' };

/** With our own parameters in place of the party's: those say what it wants to get, not what we do. */
function ours({ payloadType, name, clockRate, channels }: Codec, dtx = false): Codec {
  const own = ownParameters[name.toLowerCase()];
  const fmtp = dtx && name.toLowerCase() === 'opus' ? `${own};usedtx=1` : own;
  return { payloadType, name, clockRate, channels, ...(fmtp !== undefined && { fmtp }) };
}

/**
 * Our answer to the offer of a party whose call ends here, also to a later one (hold, another codec, another address).
 * Errors: `unacceptable` when it offers nothing that we can.
 */
export function terminate(offer: Picked, can: TerminateOptions): Terminated {
  const able = offer.codecs.filter((codec) => can.codecs.includes(codecNameOf(codec) as CodecName));
  const voice = able.find((codec) => isWideband(codecNameOf(codec) as CodecName)) ?? able[0];
  const name = voice && codecNameOf(voice);
  if (!voice || !name) throw new SdpError('unacceptable', `no common codec: known are ${can.codecs.join(', ') || 'none'}`, 305);
  const codecs = [voice, ...companions(offer.codecs, voice)].map((codec) => ours(codec, can.dtx));
  const direction = both(reverse(offer.stream.direction), can.direction ?? 'sendrecv');
  const spec: AudioSpec = { codecs, direction, ptime: packetTime(name, offer.stream) };
  return { spec, audio: audioOf({ told: codecs, heard: offer, agreed: reverse(direction) }) };
}

/** The keys and the comfort noise that go with a voice format: on its clock; keys at 8000 Hz are better than none. */
function companions(codecs: readonly Codec[], voice: Codec): Codec[] {
  const keys = codecs.find((c) => isEvent(c) && c.clockRate === voice.clockRate) ?? codecs.find((c) => isEvent(c) && c.clockRate === 8000);
  const noise = codecs.find((c) => isComfortNoise(c) && c.clockRate === voice.clockRate);
  return [...(keys ? [keys] : []), ...(noise ? [noise] : [])];
}

const standard: Readonly<Record<CodecName, Codec>> = {
  opus: { payloadType: 96, name: 'opus', clockRate: 48000, channels: 2 },
  G722: { payloadType: 9, name: 'G722', clockRate: 8000, channels: 1 },
  PCMU: { payloadType: 0, name: 'PCMU', clockRate: 8000, channels: 1 },
  PCMA: { payloadType: 8, name: 'PCMA', clockRate: 8000, channels: 1 },
};

const keysAt = (payloadType: number, clockRate: number): Codec => ({ payloadType, name: 'telephone-event', clockRate, channels: 1 });

/** Formats for these codecs as we offer them, keys on each of their clocks included. */
export function formatsOf(names: readonly CodecName[], dtx = false): Codec[] {
  const voices = names.map((name) => standard[name]);
  const wide = voices.some((c) => c.clockRate === 48000) ? [keysAt(97, 48000)] : [];
  const narrow = voices.some((c) => c.clockRate === 8000) ? [keysAt(101, 8000)] : [];
  return [...voices, ...wide, ...narrow].map((codec) => ours(codec, dtx));
}

/**
 * An offer of ours: in the 200 to an INVITE without SDP, or in an INVITE (calling back). `bound`: the payload numbers that already have a
 * meaning in this session (`Leg.numbers`).
 */
export function terminateOffer(can: TerminateOptions, bound: ReadonlyMap<number, string> = new Map()): AudioSpec {
  return { codecs: renumber(formatsOf(can.codecs, can.dtx), bound), direction: can.direction ?? 'sendrecv', ptime: 20 };
}

/** What holds after the party has answered `offered`. `answer` is what `pickAnswer` gave for it. */
export function terminateAnswer(answer: Picked, offered: AudioSpec): AudioSetup {
  const known = answer.codecs.flatMap((codec) => relayable(codec) ?? []).filter((codec) => offered.codecs.some((c) => sameFormat(c, codec)));
  const agreed = both(reverse(offered.direction), answer.stream.direction);
  return audioOf({ told: offered.codecs, heard: { codecs: known, stream: answer.stream }, agreed, answer: known });
}
