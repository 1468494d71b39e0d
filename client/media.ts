/**
 * The sound of a call as the phone's core needs it: descriptions in and out (RFC 3264), keys, figures. The terminal phone makes it of the
 * stages in `media/` (`client/node/media/`), the web phone of a browser's RTCPeerConnection.
 */

/** From our own view. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** What goes which way just now, as agreed. */
export interface MediaState {
  /** 'PCMU', 'PCMA', 'G722', 'opus'; null: nothing agreed yet. */
  codec: string | null;
  encrypted: boolean;
  direction: Direction;
}

/** 'lately': the last seconds, for whoever listens now; 'call': all of it, for when it has ended. */
export type QualityOf = 'lately' | 'call';

/**
 * How one call sounds. Whatever is not known (yet) is null. Fractions and MOS are of the time that `of` and `seconds` say, those of `sent` as the
 * far end reports; jitter, buffer and round trip are of this moment; packets are counted from the beginning, always.
 */
export interface Quality {
  of: QualityOf;
  /** Of 'lately': how many that is, 6 at most. null: of the whole call. */
  seconds: number | null;
  /** What we hear. */
  heard: {
    packets: number;
    lost: number;
    /** 0 to 1. */
    lossFraction: number | null;
    jitterMs: number | null;
    /** What waits in the jitter buffer, the delay that it adds. */
    bufferMs: number | null;
    /** Frames that were made up since nothing came, 0 to 1. */
    concealedFraction: number | null;
    /** ITU-T G.107, 1 to 4.5. */
    mos: number | null;
  };
  /** What the far end hears of us, as it reports (RTCP). */
  sent: { packets: number; lossFraction: number | null; jitterMs: number | null; mos: number | null };
  rttMs: number | null;
}

/** The sound of one call. */
export interface CallMedia {
  /** Our offer; in a call that is up the next one (hold, resume, a refresh). Errors: MediaFault. */
  offer(direction: Direction): Promise<string>;
  /** Our answer to the far end's offer; `direction` is what we want, and less when they want less. Errors: MediaFault `unacceptable` when nothing is common. */
  answer(offer: string, direction: Direction): Promise<string>;
  /** Whether `answer` could be given to this offer, before the call rings. Errors: as of `answer`. Absent: it is seen when it is answered. */
  check?(offer: string): void | Promise<void>;
  /** The far end's answer to our last offer. Errors: MediaFault. */
  accept(answer: string): Promise<void>;
  /** Our last offer was refused: everything is as before it. */
  rollback(): void;
  /**
   * The first offer was refused with 488 (it offered encryption in a way that the far end does not know): makes the next one differ. False:
   * there is no other way, and the call has failed. Absent: never is one.
   */
  otherWay?(): boolean;
  readonly state: MediaState;
  /** Whether the far end gets silence from us since somebody asked for it; undefined: not known here. */
  readonly muted?: boolean;
  /** Key presses. 'auto': RFC 4733 when it was agreed, else tones. Returns false when `by` is 'rfc4733' and it was not agreed. */
  sendDigits(digits: string, by: 'auto' | 'rfc4733' | 'in-band', ms?: number): boolean;
  /** Whether the person of this phone takes part: not while the call is held, or another one is in front. */
  setActive(active: boolean): void;
  /** Default 'lately'. */
  quality(of?: QualityOf): Quality;
  /** Idempotent. */
  close(): void;
}

export interface CallMediaEvents {
  /** The far end pressed a key (RFC 4733, or tones where those are listened to). */
  digit(digit: string, durationMs: number, by: 'rfc4733' | 'in-band'): void;
  /** Nothing came for a while although it ought to; or it comes again (null). */
  silent(silentMs: number | null): void;
  changed(state: MediaState): void;
}

export interface MediaFactory<M extends CallMedia = CallMedia> {
  /** `label` is for people and logs: 'call 1 with 1002'. `remoteHost`: where the signaling goes, to choose the address that we can be reached at. */
  open(call: { id: string; label: string; remoteHost: string }, events: CallMediaEvents): Promise<M>;
}

/** `unacceptable` becomes 488, `malformed` 400, `unavailable` (no ports, no codec) 500 or a call that is not made. */
export class MediaFault extends Error {
  constructor(
    readonly code: 'unacceptable' | 'malformed' | 'unavailable',
    message: string,
  ) {
    super(message);
    this.name = 'MediaFault';
  }
}
