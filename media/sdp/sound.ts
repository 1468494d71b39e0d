/**
 * From what has been agreed with one party to how the plane speaks with it: the one place where session descriptions become an `AudioSetup`.
 *
 * RFC 3264 §6.1 and §7 (which formats, under whose numbers), RFC 4733 §2.5.1.2 (events run on the clock of the stream they are part of),
 * RFC 3389 (comfort noise is a format of its own), RFC 8866 §6.4 (packet time).
 */
import type { AudioFormat, AudioSetup } from '../audio-types';
import type { CodecName } from '../frame';
import { isVoice, sameFormat } from './codecs';
import { receives, reverse, sends } from './direction';
import type { Codec, Direction, StreamDescription } from './model';
import type { Picked } from './negotiate';

const names: Readonly<Record<string, CodecName>> = { pcmu: 'PCMU', pcma: 'PCMA', g722: 'G722', opus: 'opus' };

/** The codec that makes this format; undefined when it carries no speech that we know. */
export const codecNameOf = (codec: Codec): CodecName | undefined => (isVoice(codec) ? names[codec.name.toLowerCase()] : undefined);

export const isEvent = (codec: Codec): boolean => codec.name.toLowerCase() === 'telephone-event';
export const isComfortNoise = (codec: Codec): boolean => codec.name.toUpperCase() === 'CN';

/** What each codec can be packed into, ms; the registry of codecs says the same, and a test holds them together. */
const packetTimes: Readonly<Record<CodecName, readonly number[]>> = {
  PCMU: [10, 20, 30, 40, 60],
  PCMA: [10, 20, 30, 40, 60],
  G722: [10, 20, 30, 40, 60],
  opus: [10, 20, 40, 60],
};

/** The longest packets that the party wants and takes; 20 ms when it does not say. */
export function packetTime(codec: CodecName, { ptime, maxptime }: Pick<StreamDescription, 'ptime' | 'maxptime'>): number {
  const wanted = Math.min(ptime ?? 20, maxptime ?? Infinity);
  const times = packetTimes[codec];
  return times.filter((ms) => ms <= wanted).at(-1) ?? (times[0] as number);
}

/** What one party and we have told each other. */
export interface Agreement {
  /** The formats of our last description to it, under the numbers that it sends with. */
  told: readonly Codec[];
  /** Its last description. */
  heard: Pick<Picked, 'codecs' | 'stream'>;
  /** What flows, from the party's view. */
  agreed: Direction;
  /** The formats of whichever of the two was the answer: its order says what is sent (RFC 3264 §7). Default: ours. */
  answer?: readonly Codec[] | undefined;
}

/** The voice format that is spoken with this party, under its own number; undefined when the two have none in common. */
export function spoken({ told, heard, answer = told }: Agreement): Codec | undefined {
  for (const codec of answer) {
    const theirs = isVoice(codec) && told.some((c) => sameFormat(c, codec)) ? heard.codecs.find((c) => sameFormat(c, codec)) : undefined;
    if (theirs) return theirs;
  }
  return undefined;
}

/** The keys (RFC 4733) that both know, on either side's number: that of the voice's clock first. */
export function events({ told, heard }: Pick<Agreement, 'told' | 'heard'>, clockRate: number): { send: Codec; receive: Codec[] } | undefined {
  const receive = told.filter((c) => isEvent(c) && heard.codecs.some((h) => sameFormat(h, c)));
  const first = receive.find((c) => c.clockRate === clockRate) ?? receive.find((c) => c.clockRate === 8000) ?? receive[0];
  const send = first && heard.codecs.find((h) => sameFormat(h, first));
  return send && { send, receive };
}

/**
 * How the plane is to speak with this party. Of a description that names several voice formats all may come in (RFC 3264 §7), one is sent.
 * Errors: none; without a common voice format nothing is sent.
 */
export function audioOf(agreement: Agreement): AudioSetup {
  const { told, heard, agreed } = agreement;
  const ours = reverse(agreed);
  const voice = spoken(agreement);
  const codec = voice && codecNameOf(voice);
  const sending = sends(ours) && voice !== undefined && codec !== undefined;
  const hearing = receives(ours);
  const keys = events(agreement, voice?.clockRate ?? 8000);
  const noise = comfortNoise(told, heard.codecs);
  return {
    send: sending ? { codec, payloadType: voice.payloadType, ...fmtpOf(voice), ptimeMs: packetTime(codec, heard.stream) } : null,
    receive: hearing ? receiving(told, heard.codecs) : [],
    telephoneEvent: keys
      ? { send: sending ? numberAndClock(keys.send) : null, receive: hearing ? keys.receive.map(numberAndClock) : [] }
      : null,
    comfortNoise: noise ? { send: sending ? noise.send : null, receive: hearing ? noise.receive : null } : null,
  };
}

/** What may come of an offer of ours before it is answered (RFC 3264 §5.1): anything in it. `direction` is ours. */
export function beforeAnswer(offered: readonly Codec[], direction: Direction): AudioSetup {
  const hearing = receives(direction);
  const keys = hearing ? offered.filter(isEvent).map(numberAndClock) : [];
  return { send: null, receive: hearing ? receiving(offered, offered) : [], telephoneEvent: keys.length > 0 ? { send: null, receive: keys } : null, comfortNoise: null };
}

/** Our numbers; and those of the party's own description that mean nothing else here, since some phones send with them. */
function receiving(told: readonly Codec[], heard: readonly Codec[]): AudioFormat[] {
  const formats: AudioFormat[] = [];
  for (const codec of [...told, ...heard]) {
    const name = codecNameOf(codec);
    const ours = name && told.find((c) => sameFormat(c, codec));
    if (!ours || formats.some((f) => f.payloadType === codec.payloadType)) continue;
    if (codec !== ours && told.some((c) => c.payloadType === codec.payloadType)) continue;
    if (!heard.some((c) => sameFormat(c, codec))) continue;
    formats.push({ codec: name, payloadType: codec.payloadType, ...fmtpOf(ours) });
  }
  return formats;
}

function comfortNoise(told: readonly Codec[], heard: readonly Codec[]): { send: number; receive: number } | undefined {
  const ours = told.find(isComfortNoise);
  const theirs = ours && heard.find((c) => sameFormat(c, ours));
  return theirs && { send: theirs.payloadType, receive: ours.payloadType };
}

const fmtpOf = ({ fmtp }: Codec): { fmtp?: string } => (fmtp === undefined ? {} : { fmtp });
const numberAndClock = ({ payloadType, clockRate }: Codec) => ({ payloadType, clockRate });
