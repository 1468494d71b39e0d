/**
 * SRTP and SRTCP with one party (RFC 3711): which packet has which index, which were seen before, and with which key.
 *
 *   protect    sequence ──► index (roll-over counter) ──► never sent before? ──► encrypt ──► tag
 *   unprotect  sequence ──► index (a guess)           ──► never seen before? ──► tag? ──► decrypt ──► mark as seen
 *
 * The index is kept for each synchronization source (§3.2.3), by what was seen of it: the packets that we send are often another
 * party's, with its gaps and in its order. Two different packets under one index would give away both (RFC 3711 §9.1, RFC 7714 §8.4), so
 * an index that was used is not used again: the second packet is not sent. Nothing is remembered of a source before one of its
 * packets was authentic.
 *
 * In place; `data` has room for `MAX_TRAILER` octets behind `length` when something is to be protected. A result below 0 means refused
 * (and counted); a packet that is refused on its way in is left as it was.
 */
import type { SrtpKey, SrtpKeys, SrtpSuite } from '../../audio-types';
import { rtpHeaderBytes, rtpSequence, rtpSsrc, uint32 } from '../../rtp/view';
import { AesCm } from './aes-cm';
import { AesGcm } from './aes-gcm';
import { deriveKeys } from './key-derivation';
import { ReplayWindow } from './replay-window';
import { masterKey, MAX_TRAILER } from './suites';
import { E_FLAG, RTCP_CLEAR, type Transform } from './transform';

/** Results of `unprotect…`. */
export const NOT_AUTHENTIC = -1;
export const REPLAYED = -2;

/** RFC 3711 §9.2: so many packets a key may protect. */
const LAST_RTP_INDEX = 2 ** 48 - 1;
const LAST_RTCP_INDEX = 2 ** 31 - 1;
/** Sources whose counters are kept. Of incoming ones the one that was silent longest makes room: only the peer can make new ones. */
const INCOMING_SOURCES = 16;
/** Outgoing ones are never forgotten, for their indexes must not come again; a call that is transferred a hundred times has some hundred. */
const OUTGOING_SOURCES = 256;

export interface SrtpCounters {
  /** In: a wrong key, a changed packet, or no SRTP at all. */
  authFailed: number;
  /** In: authentic perhaps, but seen before, or too old to tell. */
  replayed: number;
  /** Out: a sequence number that was sent before or is 128 behind, too many sources, or the key is used up. */
  refused: number;
}

class Source {
  readonly rtp = new ReplayWindow();
  readonly rtcp = new ReplayWindow();
}

/** One direction: a key, and the sources under it. */
class Context {
  readonly transform: Transform;
  /** In the order in which one took over from another. */
  private readonly sources: Map<number, Source>;
  /** RTP indexes that sources had come to under the key before. */
  private readonly inherited = new Map<number, number>();
  private last: Source | undefined;
  private lastSsrc = -1;

  /**
   * @param before the context whose key this one's replaces. A new key goes on counting packets and roll-overs (RFC 3711 §3.2.1, §3.4).
   * @param goOn true: with the same counters, so that no index is used twice even if a key comes back; false: with counters that begin
   * near the old ones, for the peer may have begun anew, and the old key is still good for a moment
   */
  constructor(
    readonly key: SrtpKey,
    private readonly limit: number,
    before: Context | undefined,
    goOn: boolean,
  ) {
    const master = masterKey(key);
    const keys = deriveKeys(master);
    this.transform = master.shape.kind === 'cm' ? new AesCm(master.shape, keys) : new AesGcm(master.shape, keys);
    this.sources = before && goOn ? before.sources : new Map<number, Source>();
    if (!before || goOn) return;
    for (const [ssrc, source] of before.sources) if (source.rtp.highest >= 0) this.inherited.set(ssrc, source.rtp.highest);
  }

  hasKey(key: SrtpKey): boolean {
    return this.key.suite === key.suite && this.key.keySalt === key.keySalt;
  }

  find(ssrc: number): Source | undefined {
    if (ssrc === this.lastSsrc) return this.last;
    const source = this.sources.get(ssrc);
    if (source) {
      this.sources.delete(ssrc);
      this.add(ssrc, source);
    }
    return source;
  }

  add(ssrc: number, source: Source): void {
    this.sources.set(ssrc, source);
    this.last = source;
    this.lastSsrc = ssrc;
  }

  get full(): boolean {
    return this.sources.size >= this.limit;
  }

  forgetOldest(): void {
    for (const ssrc of this.sources.keys()) {
      this.sources.delete(ssrc);
      return;
    }
  }

  /** The first index of a source that is new under this key. */
  firstIndex(ssrc: number, sequence: number): number {
    const before = this.inherited.get(ssrc);
    return before === undefined ? sequence : nearest(before, sequence);
  }
}

/** The index with this sequence number that is nearest to `highest` (RFC 3711 §3.3.1, appendix A). */
function nearest(highest: number, sequence: number): number {
  const index = highest + (((sequence - (highest & 0xffff)) << 16) >> 16);
  return index < 0 ? index + 0x10000 : index;
}

export class SrtpSession {
  readonly counters: SrtpCounters;
  private readonly outgoing: Context;
  private readonly incoming: Context;

  /**
   * @param before the session whose keys these replace: a direction whose key is the same goes on as it is, the counters go on
   * @throws MediaError 'bad-key'
   */
  constructor(keys: SrtpKeys, before?: SrtpSession) {
    this.outgoing = before?.outgoing.hasKey(keys.send) ? before.outgoing : new Context(keys.send, OUTGOING_SOURCES, before?.outgoing, true);
    this.incoming = before?.incoming.hasKey(keys.receive) ? before.incoming : new Context(keys.receive, INCOMING_SOURCES, before?.incoming, false);
    this.counters = before?.counters ?? { authFailed: 0, replayed: 0, refused: 0 };
  }

  get suite(): SrtpSuite {
    return this.outgoing.key.suite;
  }

  /** Whether what the peer sends is read with the same key and counters. */
  hearsLike(other: SrtpSession): boolean {
    return this.incoming === other.incoming;
  }

  /** Whether `protect…` may write behind `length` octets of this array. */
  static hasRoom(data: Uint8Array, length: number): boolean {
    return data.length >= length + MAX_TRAILER;
  }

  protectRtp(data: Uint8Array, length: number): number {
    const header = rtpHeaderBytes(data, length);
    if (header < 0 || !SrtpSession.hasRoom(data, length)) return this.refuse();
    const ssrc = rtpSsrc(data);
    const source = this.outgoing.find(ssrc) ?? this.newOutgoing(ssrc);
    if (!source) return this.refuse();
    const sequence = rtpSequence(data);
    const { highest } = source.rtp;
    const index = highest < 0 ? sequence : nearest(highest, sequence);
    if (index > LAST_RTP_INDEX || !source.rtp.isNew(index)) return this.refuse();
    source.rtp.mark(index);
    return this.outgoing.transform.sealRtp(data, header, length, ssrc, index);
  }

  protectRtcp(data: Uint8Array, length: number): number {
    if (length < RTCP_CLEAR || !SrtpSession.hasRoom(data, length)) return this.refuse();
    const ssrc = uint32(data, 4);
    const source = this.outgoing.find(ssrc) ?? this.newOutgoing(ssrc);
    if (!source) return this.refuse();
    const index = source.rtcp.highest + 1;
    if (index > LAST_RTCP_INDEX) return this.refuse();
    source.rtcp.mark(index);
    return this.outgoing.transform.sealRtcp(data, length, ssrc, index);
  }

  private refuse(): number {
    this.counters.refused++;
    return -1;
  }

  private newOutgoing(ssrc: number): Source | undefined {
    if (this.outgoing.full) return undefined;
    const source = new Source();
    this.outgoing.add(ssrc, source);
    return source;
  }

  unprotectRtp(data: Uint8Array, length: number): number {
    const header = rtpHeaderBytes(data, length);
    if (header < 0 || length < header + this.incoming.transform.rtpTrailer) return this.notAuthentic();
    const ssrc = rtpSsrc(data);
    const sequence = rtpSequence(data);
    const source = this.incoming.find(ssrc);
    if (source === undefined || source.rtp.highest < 0) return this.firstOf(source, data, header, length, ssrc, sequence);
    const index = nearest(source.rtp.highest, sequence);
    if (index > LAST_RTP_INDEX || !source.rtp.isNew(index)) {
      this.counters.replayed++;
      return REPLAYED;
    }
    const plain = this.incoming.transform.openRtp(data, header, length, ssrc, index);
    if (plain < 0) return this.notAuthentic();
    source.rtp.mark(index);
    return plain;
  }

  /**
   * The roll-over counter of a source not heard yet is what its last key left it at, else 0. Two more are tried, which costs only a
   * packet that would be refused anyway: 0 for a peer that began anew with its new key, 1 for one that began at 65,535 and whose first
   * packets were lost.
   */
  private firstOf(known: Source | undefined, data: Uint8Array, header: number, length: number, ssrc: number, sequence: number): number {
    const { transform } = this.incoming;
    let index = this.incoming.firstIndex(ssrc, sequence);
    let plain = transform.openRtp(data, header, length, ssrc, index);
    if (plain < 0 && index !== sequence) plain = transform.openRtp(data, header, length, ssrc, (index = sequence));
    if (plain < 0 && sequence < 0x8000) plain = transform.openRtp(data, header, length, ssrc, (index = sequence + 0x10000));
    if (plain < 0) return this.notAuthentic();
    (known ?? this.newIncoming(ssrc)).rtp.mark(index);
    return plain;
  }

  unprotectRtcp(data: Uint8Array, length: number): number {
    const { transform } = this.incoming;
    if (length > data.length || length < RTCP_CLEAR + transform.rtcpTrailer) return this.notAuthentic();
    const ssrc = uint32(data, 4);
    const word = uint32(data, transform.rtcpIndexAt(length));
    const index = word & 0x7fffffff;
    const source = this.incoming.find(ssrc);
    if (source && !source.rtcp.isNew(index)) {
      this.counters.replayed++;
      return REPLAYED;
    }
    const plain = transform.openRtcp(data, length, ssrc, index, word >= E_FLAG);
    if (plain < 0) return this.notAuthentic();
    (source ?? this.newIncoming(ssrc)).rtcp.mark(index);
    return plain;
  }

  private notAuthentic(): number {
    this.counters.authFailed++;
    return NOT_AUTHENTIC;
  }

  private newIncoming(ssrc: number): Source {
    if (this.incoming.full) this.incoming.forgetOldest();
    const source = new Source();
    this.incoming.add(ssrc, source);
    return source;
  }
}
