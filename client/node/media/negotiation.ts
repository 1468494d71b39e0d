/**
 * Offer and answer with one far end (RFC 3264): descriptions in and out, and what they come to. Pure but for the keys that are drawn at random;
 * sockets and sound are somebody else's.
 *
 *   offer ──► text ─ ─ ► accept(answer) ──► Terms        accept again: another fork of the call answered (RFC 3261 §13.2.2.4)
 *     └────────────────► rollback: as before the offer
 *   answer(offer) ─────► text, Terms
 *
 * Within one session payload numbers keep their meaning (§8.3.2), the version in o= goes up by one when something changed and stays when
 * nothing did (§8), our SRTP keys stay. The only error that comes out is MediaFault.
 */
import type { AudioSetup, SrtpKeys } from '../../../media/audio-types';
import type { CodecName } from '../../../media/frame';
import {
  abandon,
  agree,
  answerKeys,
  beforeAnswer,
  both,
  codecKey,
  codecNameOf,
  newKeys,
  newLocal,
  offerKeys,
  otherProfile,
  parseSdp,
  pickAnswer,
  pickOffer,
  reverse,
  SdpError,
  spoken,
  terminate,
  terminateAnswer,
  terminateOffer,
  writeAnswer,
  writeOffer,
  type AudioSpec,
  type Codec,
  type Family,
  type Keys,
  type LocalState,
  type MediaAddress,
  type Picked,
  type SrtpPolicy,
  type Written,
} from '../../../media/sdp';
import { MediaFault, type Direction } from '../../media';

/** What holds once both have spoken. */
export interface Terms {
  audio: AudioSetup;
  /** From our view. */
  direction: Direction;
  codec: CodecName | null;
  keys: SrtpKeys | null;
  /** Where the far end receives; null: it did not say in a way that can be sent to (a host name, the old way of holding). */
  remote: MediaAddress | null;
  /** RTCP on the port of RTP (RFC 5761). */
  rtcpMux: boolean;
}

export interface NegotiationOptions {
  /** In order of preference. */
  codecs: readonly CodecName[];
  /** Whether the order counts in answers as well; otherwise the far end's does, wideband first. */
  strict: boolean;
  srtp: SrtpPolicy;
  dtx: boolean;
  /** Whether the machine has it; asked only for codecs that matter, since asking for Opus loads it. */
  can(codec: CodecName): boolean;
  random(length: number): Buffer;
}

interface Pending {
  written: Written;
  spec: AudioSpec;
  secured: ReturnType<typeof answerKeys>;
  readBy: ReturnType<typeof offerKeys>['readBy'];
  before: { local: LocalState; terms: Terms | undefined; keys: SrtpKeys | null; names: readonly CodecName[] | undefined };
}

export class Negotiation {
  /** What holds now; undefined: nothing yet. */
  terms: Terms | undefined;
  private local: LocalState;
  private readonly keys: Keys;
  /** What each payload number means in this session. */
  private readonly numbers = new Map<number, string>();
  /** Our last offer: it may be answered (again), or refused. */
  private pending: Pending | undefined;
  /** The codecs of our last offer that was accepted, so that the next one is the same word for word. */
  private names: readonly CodecName[] | undefined;

  constructor(private readonly options: NegotiationOptions) {
    const { random, srtp } = options;
    // 62 bits: does not tell anything about the host or the time (RFC 8866 §5.2 suggests a time)
    this.local = newLocal((random(8).readBigUInt64BE() >> 2n).toString());
    this.keys = newKeys(srtp, random);
  }

  /** An offer that was not answered is taken back. Errors: MediaFault 'unavailable' without any codec. */
  offer(where: MediaAddress, direction: Direction): string {
    return guarded(() => {
      if (this.pending && this.pending.written.state !== this.local) this.rollback();
      const before = { local: this.local, terms: this.terms, keys: this.keys.current, names: this.names };
      const names = this.wanted();
      const spec = terminateOffer({ codecs: names, direction, dtx: this.options.dtx }, this.numbers);
      const { readBy, ...secured } = offerKeys(this.keys, this.local.slots.length === 0);
      const mux = this.terms?.rtcpMux ?? false;
      const written = writeOffer(this.local, where, { ...spec, ...secured, ...(mux && { rtcpMux: true }) });
      this.bind(spec.codecs);
      this.pending = { written, spec, secured, readBy, before };
      this.names = names;
      return written.text;
    });
  }

  /**
   * What can be heard while our offer is not answered yet (RFC 3264 §5.1: what was offered may come before its answer), besides what holds already.
   * undefined: nothing more; with keys in a first offer too, since nobody can tell what is encrypted without the far end's from what is not.
   */
  get meanwhile(): AudioSetup | undefined {
    const { pending, terms } = this;
    if (!pending || (!terms && pending.secured.crypto)) return undefined;
    const { receive, telephoneEvent } = beforeAnswer(pending.spec.codecs, pending.spec.direction);
    if (!terms) return { send: null, receive, telephoneEvent, comfortNoise: null };
    const { audio } = terms;
    const known = audio.telephoneEvent?.receive ?? [];
    const more = <F extends { payloadType: number }>(now: readonly F[], offered: readonly F[]): F[] => [...now, ...offered.filter(({ payloadType }) => !now.some((one) => one.payloadType === payloadType))];
    return {
      ...audio,
      receive: more(audio.receive, receive),
      telephoneEvent: audio.telephoneEvent || telephoneEvent ? { send: audio.telephoneEvent?.send ?? null, receive: more(known, telephoneEvent?.receive ?? []) } : null,
    };
  }

  /** Errors: MediaFault; then nothing has changed, and another answer may come. */
  accept(text: string): Terms {
    return guarded(() => {
      const { pending } = this;
      if (!pending) throw new MediaFault('malformed', 'an answer came although nothing was offered');
      const { written, spec, secured, readBy } = pending;
      const answer = pickAnswer(parseSdp(text), written.state.active, spec.codecs, readBy);
      const audio = terminateAnswer(answer, spec);
      this.local = written.state;
      this.bind(answer.codecs);
      agree(this.keys, secured, answer.crypto);
      const direction = both(spec.direction, reverse(answer.stream.direction));
      return this.hold(audio, answer, direction, { told: spec.codecs, answer: answer.codecs }, (this.terms?.rtcpMux ?? false) && answer.stream.rtcpMux);
    });
  }

  /** Our last offer was refused. Without one, nothing happens. */
  rollback(): void {
    const { pending } = this;
    if (!pending) return;
    this.pending = undefined;
    this.local = abandon(pending.before.local, pending.written);
    this.terms = pending.before.terms;
    this.keys.current = pending.before.keys;
    this.names = pending.before.names;
  }

  /** Reads an offer without answering it: which family of addresses it asks for. Errors: MediaFault. */
  familyOf(offer: string): Family {
    return guarded(() => this.pick(offer).stream.family);
  }

  /** Reads an offer without answering it: whether there is an answer. Errors: MediaFault. */
  check(offer: string): void {
    guarded(() => {
      const picked = this.pick(offer);
      terminate(picked, { codecs: this.usable(picked), dtx: this.options.dtx });
    });
  }

  /** Errors: MediaFault; then nothing has changed. */
  answer(offer: string, where: MediaAddress, direction: Direction): { text: string; terms: Terms } {
    return guarded(() => {
      const picked = this.pick(offer);
      const { spec, audio } = terminate(picked, { codecs: this.usable(picked), direction, dtx: this.options.dtx });
      const secured = answerKeys(this.keys, picked);
      const { rtcpMux } = picked.stream;
      if (this.pending && this.pending.written.state !== this.local) this.rollback();
      const written = writeAnswer(this.local, picked.session, picked.index, where, { ...spec, ...secured, ...(rtcpMux && { rtcpMux }) });
      this.pending = undefined;
      this.local = written.state;
      this.bind(picked.codecs);
      this.bind(spec.codecs);
      agree(this.keys, secured, picked.crypto);
      return { text: written.text, terms: this.hold(audio, picked, spec.direction, { told: spec.codecs, answer: spec.codecs }, rtcpMux) };
    });
  }

  /** The first offer was refused because of how it was (not) encrypted (488): the next one is made the other way. False: there is none. */
  otherWay(): boolean {
    if (this.terms) return false;
    const other = otherProfile(this.keys);
    if (!other) return false;
    this.rollback();
    this.keys.profile = other;
    this.keys.retried = true;
    return true;
  }

  private pick(offer: string): Picked {
    return pickOffer(parseSdp(offer), this.options.srtp);
  }

  private hold(audio: AudioSetup, heard: Picked, direction: Direction, { told, answer }: { told: readonly Codec[]; answer: readonly Codec[] }, rtcpMux: boolean): Terms {
    const voice = spoken({ told, heard, agreed: reverse(direction), answer });
    this.terms = { audio, direction, codec: (voice && codecNameOf(voice)) ?? null, keys: this.keys.current, remote: heard.stream.remote ?? null, rtcpMux };
    return this.terms;
  }

  /** In the order of our last offer; else what is spoken now comes first, so that an offer for another reason changes no codec. */
  private wanted(): readonly CodecName[] {
    const now = this.terms?.codec ?? null;
    if (this.names && (now === null || this.names.includes(now))) return this.names;
    const names = this.options.codecs.filter((name) => this.options.can(name));
    if (names.length === 0) throw new MediaFault('unavailable', `None of the codecs ${this.options.codecs.join(', ')} can be used on this machine.`);
    return now === null ? names : [now, ...names.filter((name) => name !== now)];
  }

  /** Of what is offered, what we can and may. */
  private usable(offer: Picked): CodecName[] {
    const { codecs, can, strict } = this.options;
    const names = codecs.filter((name) => offer.codecs.some((codec) => codecNameOf(codec) === name) && can(name));
    return strict ? names.slice(0, 1) : names;
  }

  private bind(codecs: readonly Codec[]): void {
    for (const codec of codecs) this.numbers.set(codec.payloadType, codecKey(codec));
  }
}

/** The descriptions' own errors as the phone's. */
function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (err) {
    if (err instanceof SdpError) throw new MediaFault(err.code === 'syntax' ? 'malformed' : 'unacceptable', err.message);
    throw err;
  }
}
