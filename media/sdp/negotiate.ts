/**
 * Offer and answer between two peers who do not see each other (RFC 3264): what of one's description goes into ours for the other, and
 * how the packets then have to be renumbered on their way.
 */
import { isVoice, relayable, sameCodecs, sameFormat } from './codecs';
import type { CryptoLine } from './crypto';
import { both, receives, reverse, sends } from './direction';
import { SdpError, type Codec, type Direction, type SessionDescription, type SrtpPolicy, type StreamDescription } from './model';
import { renumber, type AudioSpec } from './write';

/** The stream that is relayed, found in a peer's description. */
export interface Picked {
  session: SessionDescription;
  /** Position of its m= line. */
  index: number;
  stream: StreamDescription;
  /** What the relay knows of its formats, in the peer's order, under the peer's numbers: the ones to send to it. */
  codecs: readonly Codec[];
  /** The party's key, of the line that was chosen; absent: nothing is encrypted. */
  crypto?: CryptoLine;
}

/** RTP/AVPF without feedback messages is RTP/AVP to us (RFC 4585 §5), and so with SRTP (RFC 5124). DTLS-SRTP is another protocol. */
const plain = ['RTP/AVP', 'RTP/AVPF'];
const secure = ['RTP/SAVP', 'RTP/SAVPF'];

export const isSecure = (stream: Pick<StreamDescription, 'transport'>): boolean => secure.includes(stream.transport.toUpperCase());

/**
 * The audio stream of an offer that can be taken: the first, but an encrypted one before a plain one, since phones that would like SRTP put
 * both into one offer. Keys under RTP/AVP are an offer to encrypt all the same, which older phones make instead.
 * Errors: `unacceptable`, with what stands in the way.
 */
export function pickOffer(session: SessionDescription, srtp: SrtpPolicy = 'off'): Picked {
  let best: Picked | undefined;
  let problem: SdpError | undefined;
  for (const [index, stream] of session.streams.entries()) {
    if (stream.kind !== 'audio' || stream.port === 0) continue;
    const found = take(session, index, stream, srtp);
    if (found instanceof SdpError) problem = found;
    else if (!best || (isSecure(stream) && !isSecure(best.stream))) best = found;
  }
  if (best) return best;
  throw problem ?? new SdpError('unacceptable', 'there is no audio stream', 304);
}

function take(session: SessionDescription, index: number, stream: StreamDescription, srtp: SrtpPolicy): Picked | SdpError {
  const transport = stream.transport.toUpperCase();
  if (!plain.includes(transport) && (srtp === 'off' || !secure.includes(transport))) {
    return new SdpError('unacceptable', `audio over ${token(stream.transport)} is not supported, only RTP/AVP${srtp === 'off' ? '' : ' and RTP/SAVP'}`, 302);
  }
  const crypto = srtp === 'off' ? undefined : stream.crypto[0];
  if (!crypto && secure.includes(transport)) {
    return new SdpError('unacceptable', 'no common SRTP suite: known are AES_CM_128, AES_256_CM and AEAD_AES, without MKI', 302);
  }
  if (!crypto && srtp === 'required') {
    return new SdpError('unacceptable', 'this extension takes only encrypted audio: turn on SRTP (SDES) in the phone', 302);
  }
  const codecs = stream.codecs.flatMap((codec) => relayable(codec) ?? []);
  if (!codecs.some(isVoice)) {
    const names = stream.codecs.map((c) => token(c.name)).slice(0, 5).join(', ') || 'none that are named';
    return new SdpError('unacceptable', `no common codec: offered were ${names}; known are opus, G722, PCMU, PCMA`, 305);
  }
  return { session, index, stream, codecs, ...(crypto && { crypto }) };
}

/** What of an offer of ours its answer is read by. */
export interface OfferedKeys {
  /** Our lines; none: the answer cannot be encrypted. */
  lines: readonly CryptoLine[];
  /** Nothing else will do. */
  required: boolean;
}

const noKeys: OfferedKeys = { lines: [], required: false };

/**
 * The answer to an offer of ours. `offered` are the codecs of that offer, `index` is its audio stream.
 * Errors: `unacceptable` when the stream was refused or nothing of the offer is left.
 */
export function pickAnswer(session: SessionDescription, index: number, offered: readonly Codec[], keys: OfferedKeys = noKeys): Picked {
  const stream = session.streams[index];
  if (!stream || stream.kind !== 'audio' || stream.port === 0) throw new SdpError('unacceptable', 'the audio stream was refused', 305);
  const codecs = stream.formats.flatMap((format): Codec[] => {
    // an answer that leaves out an rtpmap means ours
    const codec = stream.codecs.find((c) => String(c.payloadType) === format) ?? offered.find((c) => String(c.payloadType) === format);
    const kept = codec && relayable(codec);
    return kept && offered.some((c) => sameFormat(c, kept)) ? [kept] : [];
  });
  if (!codecs.some(isVoice)) throw new SdpError('unacceptable', 'the answer has no codec of the offer', 305);
  // one line, with tag and suite of ours (RFC 4568 §5.1.2)
  const crypto = stream.crypto.find(({ tag, suite }) => keys.lines.some((line) => line.tag === tag && line.suite === suite));
  if (!crypto && (keys.required || isSecure(stream))) throw new SdpError('unacceptable', 'the answer has no SRTP key that fits the offer', 302);
  return { session, index, stream, codecs, ...(crypto && { crypto }) };
}

/**
 * One peer's offer as ours to the other. `bound`: the numbers that already mean something there.
 * Errors: `unacceptable` when so many do that none is free for a codec.
 */
export function relayOffer(from: Picked, bound: ReadonlyMap<number, string>): AudioSpec {
  const codecs = renumber(from.codecs, bound);
  if (!codecs.some(isVoice)) throw new SdpError('unacceptable', 'this session has used up its payload numbers', 399);
  return { codecs, direction: from.stream.direction, ...packetTimes(from.stream) };
}

/**
 * What the other peer (`from`) accepts or has accepted, as our answer to `offer`: its order and its parameters, under the numbers of the offer.
 * `ownNumbers`: keep `from`'s numbers instead, for media that does not pass through us.
 * Errors: `unacceptable` when nothing is left.
 */
export function relayAnswer(offer: Picked, from: Pick<Picked, 'codecs' | 'stream'>, ownNumbers = false): AudioSpec {
  const codecs = from.codecs.flatMap((codec): Codec[] => {
    const same = offer.codecs.find((c) => sameFormat(c, codec));
    return same ? [ownNumbers ? codec : { ...codec, payloadType: same.payloadType }] : [];
  });
  if (!codecs.some(isVoice)) throw new SdpError('unacceptable', 'the two sides have no codec in common', 305);
  return { codecs, direction: both(reverse(offer.stream.direction), from.stream.direction), ...packetTimes(from.stream) };
}

function packetTimes({ ptime, maxptime }: StreamDescription): { ptime?: number; maxptime?: number } {
  return { ...(ptime !== undefined && { ptime }), ...(maxptime !== undefined && { maxptime }) };
}

/** One end of the relay, as far as payload numbers go. */
export interface Numbers {
  /** From our last description to the peer: what it sends with. */
  told: readonly Codec[];
  /** From its last description: what it expects. */
  heard: readonly Codec[];
}

/** Payload type as received → as sent, from one peer to the other; only where it changes. -1: the receiver does not know the format. */
export function payloadMap(sender: Numbers, receiver: Numbers): Record<number, number> {
  const map: Record<number, number> = {};
  const target = (codec: Codec) => receiver.heard.find((c) => sameFormat(c, codec))?.payloadType ?? -1;
  for (const codec of sender.told) {
    const to = target(codec);
    if (to !== codec.payloadType) map[codec.payloadType] = to;
  }
  // some phones send with the numbers of their own answer instead of the offer's (RFC 3264 §6.1 wants the receiver's)
  for (const codec of sender.heard) {
    if (sender.told.some((c) => c.payloadType === codec.payloadType)) continue;
    const to = target(codec);
    if (to >= 0 && to !== codec.payloadType) map[codec.payloadType] = to;
  }
  return map;
}

/** Whether packets flow, given what each peer has agreed to, each seen from its own side. */
export const flows = (sender: Direction, receiver: Direction): boolean => sends(sender) && receives(receiver);

/** A refresh: the same o= line and nothing changed that concerns us (RFC 3264 §8). */
export function sameDescription(a: SessionDescription, b: SessionDescription): boolean {
  return (
    a.origin.sessionId === b.origin.sessionId &&
    a.origin.sessionVersion === b.origin.sessionVersion &&
    a.streams.length === b.streams.length &&
    a.streams.every((stream, i) => sameStream(stream, b.streams[i] as StreamDescription))
  );
}

function sameStream(a: StreamDescription, b: StreamDescription): boolean {
  return (
    a.kind === b.kind &&
    a.port === b.port &&
    a.direction === b.direction &&
    a.remote?.address === b.remote?.address &&
    a.remote?.rtcpPort === b.remote?.rtcpPort &&
    sameCodecs(a.codecs, b.codecs) &&
    a.crypto.length === b.crypto.length &&
    a.crypto.every(({ tag, suite, keySalt }, i) => tag === b.crypto[i]?.tag && suite === b.crypto[i]?.suite && keySalt === b.crypto[i]?.keySalt)
  );
}

/** A peer's word, made safe to repeat in a reason phrase. */
const token = (text: string): string => text.replace(/[^A-Za-z0-9/._-]/g, '?').slice(0, 30);
