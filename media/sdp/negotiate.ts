/**
 * Offer and answer between two peers who do not see each other (RFC 3264): what of one's description goes into ours for the other, and
 * how the packets then have to be renumbered on their way.
 */
import { isVoice, relayable, sameCodecs, sameFormat } from './codecs';
import { both, receives, reverse, sends } from './direction';
import { SdpError, type Codec, type Direction, type SessionDescription, type StreamDescription } from './model';
import { renumber, type AudioSpec } from './write';

/** The stream that is relayed, found in a peer's description. */
export interface Picked {
  session: SessionDescription;
  /** Position of its m= line. */
  index: number;
  stream: StreamDescription;
  /** What the relay knows of its formats, in the peer's order, under the peer's numbers: the ones to send to it. */
  codecs: readonly Codec[];
}

/** RTP/AVPF without feedback messages is RTP/AVP to us (RFC 4585 §5). SRTP comes later, with the keys. */
const transports = ['RTP/AVP', 'RTP/AVPF'];

/** The first audio stream of an offer that can be relayed. Errors: `unacceptable`, with what stands in the way. */
export function pickOffer(session: SessionDescription): Picked {
  let problem: StreamDescription | undefined;
  for (const [index, stream] of session.streams.entries()) {
    if (stream.kind !== 'audio' || stream.port === 0) continue;
    if (transports.includes(stream.transport.toUpperCase())) {
      const codecs = stream.codecs.flatMap((codec) => relayable(codec) ?? []);
      if (codecs.some(isVoice)) return { session, index, stream, codecs };
    }
    problem = stream;
  }
  throw obstacle(problem);
}

function obstacle(stream: StreamDescription | undefined): SdpError {
  if (!stream) return new SdpError('unacceptable', 'there is no audio stream', 304);
  if (!transports.includes(stream.transport.toUpperCase())) return new SdpError('unacceptable', `audio over ${token(stream.transport)} is not supported, only RTP/AVP`, 302);
  const names = stream.codecs.map((c) => token(c.name)).slice(0, 5).join(', ') || 'none that are named';
  return new SdpError('unacceptable', `no common codec: offered were ${names}; known are opus, G722, PCMU, PCMA`, 305);
}

/**
 * The answer to an offer of ours. `offered` are the codecs of that offer, `index` is its audio stream.
 * Errors: `unacceptable` when the stream was refused or nothing of the offer is left.
 */
export function pickAnswer(session: SessionDescription, index: number, offered: readonly Codec[]): Picked {
  const stream = session.streams[index];
  if (!stream || stream.kind !== 'audio' || stream.port === 0) throw new SdpError('unacceptable', 'the audio stream was refused', 305);
  const codecs = stream.formats.flatMap((format): Codec[] => {
    // an answer that leaves out an rtpmap means ours
    const codec = stream.codecs.find((c) => String(c.payloadType) === format) ?? offered.find((c) => String(c.payloadType) === format);
    const kept = codec && relayable(codec);
    return kept && offered.some((c) => sameFormat(c, kept)) ? [kept] : [];
  });
  if (!codecs.some(isVoice)) throw new SdpError('unacceptable', 'the answer has no codec of the offer', 305);
  return { session, index, stream, codecs };
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
export function relayAnswer(offer: Picked, from: Picked, ownNumbers = false): AudioSpec {
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
    sameCodecs(a.codecs, b.codecs)
  );
}

/** A peer's word, made safe to repeat in a reason phrase. */
const token = (text: string): string => text.replace(/[^A-Za-z0-9/._-]/g, '?').slice(0, 30);
