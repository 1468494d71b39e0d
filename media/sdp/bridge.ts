/**
 * Two parties made one call: whether packets pass as they are, or sound is decoded and made anew between them.
 *
 *   relay   both send what the other takes: same codec, keys in the same form, packets the other can hold
 *   mix     anything else that our codecs can bridge: a room of two
 *
 * Decoding costs a hundred times what passing on does, delays by a jitter buffer and loses quality, so it happens only where the call would
 * not work without. All pure; what the parties have agreed to is the whole input, so that a change on either side is decided anew.
 *
 * RFC 3264 §6.1 (what an answer may hold), RFC 4733 (keys), RFC 8866 §6.4 (packet times).
 */
import type { AudioSetup } from '../audio-types';
import type { CodecName } from '../frame';
import { isVoice, sameFormat } from './codecs';
import { both, reverse } from './direction';
import type { Codec, StreamDescription } from './model';
import { relayAnswer, relayOffer, type Picked } from './negotiate';
import { audioOf, codecNameOf, events, isEvent, spoken, type Agreement } from './sound';
import { formatsOf, isWideband, terminate } from './terminate';
import { renumber, type AudioSpec } from './write';

export type Bridge =
  | { kind: 'relay' }
  | {
      kind: 'mix';
      /** What stands in the way of relaying. */
      why: 'codec' | 'keys' | 'packet time' | 'asked';
      a: AudioSetup;
      b: AudioSetup;
      /** Who presses keys as tones only, while the other takes them as events: its sound is listened to for them. */
      tones: { a: boolean; b: boolean };
    };

/**
 * `can`: what sound can be turned into here. Where that does not suffice, the call is relayed, and what the other side does not know is dropped.
 * `asked`: somebody else than the two is to be heard, so that relaying does not do.
 */
export function bridgeOf(a: Agreement, b: Agreement, can: readonly CodecName[], asked = false): Bridge {
  const why = obstacle(side(a), side(b)) ?? (asked ? 'asked' : undefined);
  if (!why || ![a, b].every((party) => speaks(party, can))) return { kind: 'relay' };
  const keys = { a: events(a, 8000) !== undefined, b: events(b, 8000) !== undefined };
  return { kind: 'mix', why, a: audioOf(a), b: audioOf(b), tones: { a: !keys.a && keys.b, b: !keys.b && keys.a } };
}

function speaks(party: Agreement, can: readonly CodecName[]): boolean {
  const voice = spoken(party);
  return voice !== undefined && can.includes(codecNameOf(voice) as CodecName);
}

/** One party as far as relaying goes. */
interface Side {
  /** All formats that may come and go. */
  formats: readonly Codec[];
  /** The one it is expected to send. */
  voice: Codec | undefined;
  stream: Pick<StreamDescription, 'ptime' | 'maxptime'>;
}

const side = (party: Agreement): Side => ({ formats: agreedFormats(party), voice: spoken(party), stream: party.heard.stream });

/** What both the party and we have named, under the party's numbers, in the order of the answer. */
export function agreedFormats({ told, heard, answer = told }: Agreement): Codec[] {
  return answer.flatMap((codec) => {
    const theirs = told.some((c) => sameFormat(c, codec)) ? heard.codecs.find((c) => sameFormat(c, codec)) : undefined;
    return theirs ?? [];
  });
}

function obstacle(a: Side, b: Side): 'codec' | 'keys' | 'packet time' | undefined {
  if (!takes(b, a.voice) || !takes(a, b.voice)) return 'codec';
  if (!sameKeys(a.formats, b.formats)) return 'keys';
  if (!holds(a.stream, b.stream) || !holds(b.stream, a.stream)) return 'packet time';
  return undefined;
}

const takes = ({ formats }: Side, voice: Codec | undefined): boolean => voice !== undefined && formats.some((c) => sameFormat(c, voice));

/** Keys in the same form, or on neither side: then they are tones, and pass as such. */
function sameKeys(a: readonly Codec[], b: readonly Codec[]): boolean {
  const [keysOfA, keysOfB] = [a.filter(isEvent), b.filter(isEvent)];
  if (keysOfA.length === 0 || keysOfB.length === 0) return keysOfA.length === keysOfB.length;
  return keysOfA.some((codec) => keysOfB.some((c) => sameFormat(c, codec)));
}

/** Whether packets as one asks for them are not too long for the other. Who asks for nothing will do as it is told. */
const holds = ({ maxptime = Infinity }: Side['stream'], { ptime = 0 }: Side['stream']): boolean => ptime <= maxptime;

/** Microseconds of 20 ms, both ways, roughly: only the order counts. */
const costs: Readonly<Record<CodecName, number>> = { PCMU: 2, PCMA: 2, G722: 40, opus: 300 };

/**
 * The codec to speak with a party that has none in common with the other one, who speaks `other`: the cheapest of the `offered` (in its order),
 * but a wideband one where the other side is wideband, too: there is something to be heard for the price.
 */
export function leastCost(offered: readonly CodecName[], other: CodecName, can: readonly CodecName[]): CodecName | undefined {
  const price = (name: CodecName) => costs[name] + (isWideband(other) && !isWideband(name) ? 1000 : 0);
  return offered.filter((name) => can.includes(name)).reduce<CodecName | undefined>((best, name) => (best === undefined || price(name) < price(best) ? name : best), undefined);
}

/**
 * One party's offer as ours to the other: its own formats first, so that a phone that can relays; then what we can turn into them.
 * Keys likewise, on the clock of each codec; none for a party that presses none: its tones pass in its sound.
 * Errors: `unacceptable` when no payload number is left.
 */
export function bridgeOffer(from: Picked, bound: ReadonlyMap<number, string>, can: readonly CodecName[]): AudioSpec {
  const spec = relayOffer(from, bound);
  if (!from.codecs.some((c) => can.includes(codecNameOf(c) as CodecName))) return spec;
  const taken = new Map(bound);
  for (const codec of spec.codecs) taken.set(codec.payloadType, `${codec.name.toLowerCase()}/${codec.clockRate}/${codec.channels}`);
  const keys = from.codecs.some(isEvent);
  const more = formatsOf(can).filter((codec) => (isVoice(codec) || keys) && !spec.codecs.some((c) => sameFormat(c, codec)));
  const ours = renumber(more, taken);
  // voices first: the first format is what the offerer would like to speak
  const ofEach = (voice: boolean) => [...spec.codecs, ...ours].filter((codec) => isVoice(codec) === voice);
  return { ...spec, codecs: [...ofEach(true), ...ofEach(false)] };
}

/**
 * Our answer to `offer`, when the other party has accepted `from`: the same where the two can be relayed, else one codec of least cost.
 * `ownNumbers`: see `relayAnswer`; nothing is turned into anything then.
 * Errors: `unacceptable` when they have nothing in common and we cannot help it.
 */
export function bridgeAnswer(offer: Picked, from: Pick<Picked, 'codecs' | 'stream'>, can: readonly CodecName[], ownNumbers = false): AudioSpec {
  const theirs = from.codecs.find(isVoice);
  const other = theirs && codecNameOf(theirs);
  const common = theirs && offer.codecs.some((c) => sameFormat(c, theirs));
  const why = obstacle({ formats: offer.codecs, voice: common ? theirs : undefined, stream: offer.stream }, { formats: from.codecs, voice: theirs, stream: from.stream });
  if (ownNumbers || !why || !other || !can.includes(other)) return relayAnswer(offer, from, ownNumbers);
  const name = common ? other : leastCost(offer.codecs.flatMap((c) => codecNameOf(c) ?? []), other, can);
  if (!name) return relayAnswer(offer, from);
  const { spec } = terminate(offer, { codecs: [name] });
  return { ...spec, direction: both(reverse(offer.stream.direction), from.stream.direction) };
}
