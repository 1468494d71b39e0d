/**
 * One side of a call: the dialog with one phone, where its media arrives, and what the two have told each other in SDP.
 *
 * A description counts when it was accepted: `offerTo` and `answerTo` give a proposal, and only its `accept` changes the leg. A refused
 * re-INVITE therefore leaves the session as it was (RFC 3261 §14.1).
 */
import {
  abandon,
  agree,
  answerKeys,
  both,
  codecKey,
  learn,
  newKeys,
  newLocal,
  offerKeys,
  parseSdp,
  pickAnswer,
  reverse,
  writeAnswer,
  writeOffer,
  type AudioSpec,
  type Codec,
  type Direction,
  type Family,
  type Keys as LegKeys,
  type LocalState,
  type MediaAddress,
  type Picked,
  type SrtpPolicy,
  type Written,
} from '../../media/sdp';
import type { EndpointStats } from '../../media/plane';
import type { Random } from '../clock';
import type { Dialog } from './dialogs';

export type Side = 'caller' | 'callee';

/** A port pair of the media plane, and the address of ours that the phone is told for it. */
export interface Endpoint {
  id: string;
  family: Family;
  address: string;
  rtpPort: number;
  rtcpPort: number;
}

export interface Leg {
  readonly side: Side;
  /** The extension's number. */
  readonly party: string;
  /** Where its SIP messages come from: an address without brackets. */
  source: string;
  dialog: Dialog | undefined;
  /** BYE was sent or received. */
  over: boolean;
  endpoint: Endpoint | undefined;
  local: LocalState;
  /** Of an endpoint that was given back before the call ended. Never rejected. */
  report: Promise<EndpointStats | undefined> | undefined;
  /** What the phone may send with: the codecs of our last description. */
  told: readonly Codec[];
  /** Direction in our last description, from our view. */
  toldDirection: Direction;
  /** The phone's last description. */
  heard: Picked | undefined;
  /** The formats of whichever was the answer, ours or its own: its order says what is sent. */
  answer: readonly Codec[];
  /** What flows, from the phone's view. */
  agreed: Direction;
  /** What the phone would like if it were not restricted by the other side; see `learn`. */
  wants: Direction;
  /** What each payload number means in this session; RFC 3264 §8.3.2 forbids that to change. */
  readonly numbers: Map<number, string>;
  /** The media address last given to the plane. */
  remoteKey: string | undefined;
  /** Our offer went out in a 200, and the ACK with this CSeq number brings the answer (RFC 3264 §4, RFC 3261 §13.2.1). */
  awaited: { cseq: number; ack(body: string | undefined): void } | undefined;
  /** RTCP on the port of RTP (RFC 5761), which the phone has asked for. */
  rtcpMux: boolean;
  /** SRTP with this phone. */
  readonly keys: LegKeys;
}

/** `srtp`: the policy of the extension. */
export function newLeg(side: Side, party: string, source: string, random: Random, srtp: SrtpPolicy = 'optional'): Leg {
  return {
    side,
    party,
    source: source.replace(/^::ffff:(?=\d+\.)/i, ''),
    dialog: undefined,
    over: false,
    endpoint: undefined,
    // 62 random bits: unrelated to anything the other side sees
    local: newLocal((random(8).readBigUInt64BE() >> 2n).toString()),
    report: undefined,
    told: [],
    toldDirection: 'inactive',
    heard: undefined,
    answer: [],
    agreed: 'inactive',
    wants: 'sendrecv',
    numbers: new Map(),
    remoteKey: undefined,
    awaited: undefined,
    rtcpMux: false,
    keys: newKeys(srtp, random),
  };
}

/**
 * The same phone in another call: its dialog goes on there, and with it the numbering of our descriptions and of payloads; media begins anew, on
 * other ports and with other keys. The dialog is not taken along: that is done when the phone has agreed.
 *
 * `served`: so far a service talked to it. Then our key may stay, and does, for phones that do not take another one (baresip 1.0): all streams it was
 * used for were made here, with numbers (SSRC) of their own, so that no packet of what is relayed from now on has the key and the number of one before
 * (RFC 3711 §9.1). Between phones a phone could meet the same stream again, and its key must be another one.
 */
export function movedLeg(leg: Leg, side: Side, random: Random, served: boolean): Leg {
  const heard = leg.heard && { ...leg.heard, stream: { ...leg.heard.stream, direction: leg.wants } };
  const { policy, current, own } = leg.keys;
  return {
    ...newLeg(side, leg.party, leg.source, random, policy),
    local: leg.local,
    told: leg.told,
    heard,
    wants: leg.wants,
    numbers: new Map(leg.numbers),
    rtcpMux: leg.rtcpMux,
    keys: { ...newKeys(policy, random), current, ...(served && { own: new Map(own) }) },
  };
}

export interface Offered {
  readonly text: string;
  /** Position of the audio stream in it. */
  readonly index: number;
  readonly codecs: readonly Codec[];
  /** What the phone answered. Errors: `SdpError`. */
  read(text: string): Picked;
  /** The phone's answer to it holds now. */
  accept(answer: Picked): void;
  refused(): void;
}

const noKeys: ReturnType<typeof offerKeys> = { readBy: { lines: [], required: false } };

export function offerTo(leg: Leg, where: MediaAddress, spec: AudioSpec): Offered {
  const before = leg.local;
  // media that goes directly between phones has no keys of ours
  const { readBy, ...secured } = leg.endpoint ? offerKeys(leg.keys, before.slots.length === 0) : noKeys;
  const written = writeOffer(before, where, { ...spec, ...secured, ...(leg.rtcpMux && { rtcpMux: true }) });
  const index = written.state.active;
  return {
    text: written.text,
    index,
    codecs: spec.codecs,
    read: (text) => pickAnswer(parseSdp(text), index, spec.codecs, readBy),
    accept(answer) {
      const allowed = reverse(spec.direction);
      tell(leg, written, spec);
      leg.heard = answer;
      leg.answer = answer.codecs;
      leg.rtcpMux &&= answer.stream.rtcpMux;
      agree(leg.keys, secured, answer.crypto);
      leg.agreed = both(allowed, answer.stream.direction);
      leg.wants = learn(leg.wants, allowed, answer.stream.direction);
      bind(leg, answer.codecs);
    },
    refused: () => forget(leg, before, written),
  };
}

export interface Answered {
  readonly text: string;
  /** The answer is on its way; from now on it holds. */
  accept(): void;
  refused(): void;
}

export function answerTo(leg: Leg, offer: Picked, where: MediaAddress, spec: AudioSpec): Answered {
  const before = leg.local;
  const secured = leg.endpoint ? answerKeys(leg.keys, offer) : {};
  const rtcpMux = leg.endpoint !== undefined && offer.stream.rtcpMux;
  const written = writeAnswer(before, offer.session, offer.index, where, { ...spec, ...secured, ...(rtcpMux && { rtcpMux }) });
  return {
    text: written.text,
    accept() {
      tell(leg, written, spec);
      leg.heard = offer;
      leg.answer = spec.codecs;
      leg.rtcpMux = rtcpMux;
      agree(leg.keys, secured, offer.crypto);
      leg.agreed = both(offer.stream.direction, reverse(spec.direction));
      leg.wants = offer.stream.direction;
      bind(leg, offer.codecs);
    },
    refused: () => forget(leg, before, written),
  };
}

function tell(leg: Leg, written: Written, spec: AudioSpec): void {
  leg.local = written.state;
  leg.told = spec.codecs;
  leg.toldDirection = spec.direction;
  bind(leg, spec.codecs);
}

function forget(leg: Leg, before: LocalState, written: Written): void {
  leg.local = abandon(before, written);
}

function bind(leg: Leg, codecs: readonly Codec[]): void {
  for (const codec of codecs) leg.numbers.set(codec.payloadType, codecKey(codec));
}
