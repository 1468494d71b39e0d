/**
 * Our own descriptions towards one peer: text, o= numbers and the m= lines that have been agreed with it.
 *
 * RFC 3264 §8: the number of m= lines never shrinks, the version in o= goes up by one when anything changed and stays when nothing did
 * (a session refresh). Nothing of the other party is written but what AudioSpec holds.
 */
import { codecKey, staticFormat } from './codecs';
import { writeCrypto, type CryptoLine } from './crypto';
import type { Codec, Direction, MediaAddress, SessionDescription } from './model';

/** What is negotiated about the one audio stream. */
export interface AudioSpec {
  /** In order of preference, under the numbers to be written. */
  codecs: readonly Codec[];
  /** From our view, since we write it. */
  direction: Direction;
  ptime?: number;
  maxptime?: number;
  /** What a first offer goes over; later ones, and answers, keep what the m= line had. Default RTP/AVP. */
  transport?: 'RTP/AVP' | 'RTP/SAVP';
  /** Our keys; in an answer the one that was chosen. */
  crypto?: readonly CryptoLine[];
  /** We take and send RTCP on the port of RTP (RFC 5761). */
  rtcpMux?: boolean;
}

interface Slot {
  kind: string;
  transport: string;
  /** What a refused m= line repeats, since it must name a format. */
  format: string;
}

/** A value: writing returns the next one, and a negotiation that failed is forgotten by `abandon`. */
export interface LocalState {
  readonly sessionId: string;
  /** The highest version that was ever sent. */
  readonly version: number;
  readonly current?: { readonly version: number; readonly body: string; readonly text: string };
  readonly slots: readonly Slot[];
  /** Which slot is the relayed audio stream. */
  readonly active: number;
}

export interface Written {
  text: string;
  state: LocalState;
}

/** `sessionId`: a number as text (RFC 8866 §5.2), chosen at random by the caller. */
export const newLocal = (sessionId: string): LocalState => ({ sessionId, version: 0, slots: [], active: 0 });

export function writeOffer(state: LocalState, where: MediaAddress, audio: AudioSpec): Written {
  const slots = state.slots.length > 0 ? state.slots : [{ kind: 'audio', transport: audio.transport ?? 'RTP/AVP', format: '0' }];
  return write({ ...state, slots }, where, audio);
}

/** `index` is the stream of `offer` that is answered with `audio`; the others are refused in place (RFC 3264 §6). */
export function writeAnswer(state: LocalState, offer: SessionDescription, index: number, where: MediaAddress, audio: AudioSpec): Written {
  const slots = offer.streams.map(({ kind, transport, formats }) => ({ kind, transport, format: formats[0] ?? '0' }));
  return write({ ...state, slots, active: index }, where, audio);
}

/** The state after what `written` says was refused: as before, but its version is not used a second time. */
export const abandon = (before: LocalState, written: Written): LocalState => ({ ...before, version: written.state.version });

function write(state: LocalState, where: MediaAddress, audio: AudioSpec): Written {
  const address = `IN IP${where.family} ${where.address}`;
  const streams = state.slots.map((slot, i) => (i === state.active ? stream(slot, where, audio) : `m=${slot.kind} 0 ${slot.transport} ${slot.format}\r\n`));
  const body = `s=-\r\nc=${address}\r\nt=0 0\r\n${streams.join('')}`;
  if (state.current?.body === body) return { text: state.current.text, state };
  const version = state.version + 1;
  const text = `v=0\r\no=- ${state.sessionId} ${version} ${address}\r\n${body}`;
  return { text, state: { ...state, version, current: { version, body, text } } };
}

function stream(slot: Slot, where: MediaAddress, audio: AudioSpec): string {
  let text = `m=${slot.kind} ${where.port} ${slot.transport} ${audio.codecs.map((c) => c.payloadType).join(' ')}\r\n`;
  for (const codec of audio.codecs) {
    text += `a=rtpmap:${codec.payloadType} ${codec.name}/${codec.clockRate}${codec.channels > 1 ? `/${codec.channels}` : ''}\r\n`;
    if (codec.fmtp !== undefined) text += `a=fmtp:${codec.payloadType} ${codec.fmtp}\r\n`;
  }
  if (audio.ptime !== undefined) text += `a=ptime:${audio.ptime}\r\n`;
  if (audio.maxptime !== undefined) text += `a=maxptime:${audio.maxptime}\r\n`;
  for (const line of audio.crypto ?? []) text += writeCrypto(line);
  if (audio.rtcpMux) text += 'a=rtcp-mux\r\n';
  else if (where.rtcpPort !== where.port + 1) text += `a=rtcp:${where.rtcpPort}\r\n`; // RFC 3605
  return `${text}a=${audio.direction}\r\n`;
}

/**
 * `codecs` under numbers that this peer has not seen with another meaning: its own where it has one, else the given, else a free dynamic
 * one. RFC 3264 §8.3.2: a number keeps its codec for the whole session.
 */
export function renumber(codecs: readonly Codec[], bound: ReadonlyMap<number, string>): Codec[] {
  const taken = new Map<number, string>(bound);
  return codecs.flatMap((codec) => {
    const key = codecKey(codec);
    const payloadType = numberFor(codec, key, taken, bound);
    if (payloadType === undefined) return [];
    taken.set(payloadType, key);
    return [payloadType === codec.payloadType ? codec : { ...codec, payloadType }];
  });
}

function numberFor(codec: Codec, key: string, taken: ReadonlyMap<number, string>, bound: ReadonlyMap<number, string>): number | undefined {
  const free = (n: number) => !taken.has(n) || taken.get(n) === key;
  if (bound.get(codec.payloadType) === key) return codec.payloadType;
  for (const [n, k] of bound) if (k === key) return n;
  const meaning = staticFormat(codec.payloadType);
  if (free(codec.payloadType) && (!meaning || codecKey(meaning) === key)) return codec.payloadType;
  for (let n = 96; n <= 127; n++) if (!taken.has(n)) return n;
  return undefined; // 32 dynamic formats in one session: this one is left out
}
