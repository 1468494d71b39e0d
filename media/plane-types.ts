/** The vocabulary of the media plane's door: plain data and one interface. */
import type { AudioSetup, DigitEvent, MemberSettings, Playable, PlayEnd, PlayOptions, RecordEnd, RecordOptions, RecordTarget, RoomStats, SimpleEvent, SimpleOptions, SrtpKeys, TalkingEvent } from './audio-types';
import type { CodecName } from './frame';
import type { EndpointStats, Remote } from './net/endpoint';
import type { Backend } from './net/open';
import type { SimpleGatewayStats } from './net/simple-gateway';
import type { RelayDirection } from './node/relay';
import type { SilentNotice, WorkerCounters } from './worker-protocol';

export interface MediaPlaneOptions {
  /** Range of UDP ports, inclusive. A call that is anchored takes four: RTP and RTCP towards either party. */
  portMin: number;
  portMax: number;
  /** Worker threads; 0: one per core. */
  workers: number;
  /** Addresses to bind to; null: no IPv6. */
  bind4: string;
  bind6: string | null;
  /** How long a released port pair rests. */
  drainMs: number;
  /** Media timeout: after how long without a packet a party that ought to send is reported; 0: never. */
  silenceMs: number;
  /** 'auto' makes system calls directly where it can (Linux with koffi), 'dgram' uses Node's sockets. Default 'auto'. */
  backend?: Backend | undefined;
  /** Whose telephone tones are played where nothing else is asked for: ISO 3166 code, default 'us'. */
  toneCountry?: string | undefined;
}

export interface AllocateRequest {
  session: string;
  family: 4 | 6;
  /** Endpoints that are to meet in a room, or be connected across sessions, are allocated near the same word. Default: the session. */
  near?: string | undefined;
  /** What people call it, for events: 'caller 1001'. */
  label: string;
}

export interface AllocatedEndpoint {
  id: string;
  rtpPort: number;
  rtcpPort: number;
}

/** No valid packet for silentMs from a party whose direction flows. */
export type SilentEvent = SilentNotice;

export interface WorkerLostEvent {
  sessions: string[];
}

export interface PlaneEvents {
  silent: SilentEvent;
  digit: DigitEvent;
  talking: TalkingEvent;
  simple: SimpleEvent;
  'worker-lost': WorkerLostEvent;
}

export interface PlaneLoad {
  /** What packets go through, and why not through system calls when 'auto' could not have them. */
  backend: 'native' | 'dgram';
  fallback: string | null;
  endpoints: number;
  sessions: number;
  /** Port pairs. */
  ports: { total: number; inUse: number; draining: number; free: number };
  /** `busy`: share of the time since the last look spent on packets, null where it is not known. */
  workers: Array<WorkerCounters & { packetsPerSecond: number; busy: number | null }>;
  workersLost: number;
  /** Ports that turned out to be taken by another program. */
  portsTaken: number;
}

export interface MediaPlane {
  /** A UDP port pair. Errors: MediaError 'no-ports' | 'closed' | 'worker-lost' | 'bad-address' (IPv6 is off) | 'system'. */
  allocate(request: AllocateRequest): Promise<AllocatedEndpoint>;
  /**
   * Where the peer said it receives (from its SDP); null: nowhere, nothing is sent. An address that differs from the one before
   * changes nothing about a source that packets already come from, unless `relatch` forgets it.
   */
  setRemote(id: string, remote: Remote | null, options?: { relatch?: boolean }): Promise<void>;
  /** Relays between two endpoints allocated near each other. Call again to change; an endpoint has one partner at a time. */
  connect(a: string, b: string, wiring: { aToB: RelayDirection; bToA: RelayDirection }): Promise<void>;
  /** SRTP with this party from now on; null: plain RTP. Errors: 'bad-key'. */
  setCrypto(id: string, keys: SrtpKeys | null): Promise<void>;
  /**
   * From now on this party's sound is decoded and made here; it leaves the relay it was in. It hears silence until something is played to it
   * or it joins a room. Again: changes codec or direction and keeps the stream's numbers going. Errors: 'no-codec'.
   */
  setAudio(id: string, audio: AudioSetup): Promise<void>;
  /**
   * Into a room of this name, where each hears all others (two in a room: a call that is transcoded). One room at a time; again: changes the
   * settings. The room is there while it has members, who were allocated near each other. The endpoint must have had `setAudio`.
   */
  join(id: string, room: string, settings?: MemberSettings): Promise<void>;
  leave(id: string): Promise<void>;
  /** Resolves when it has ended, for whatever reason; fails only for a wrong argument. One at a time to a party or room: the next one ends it. */
  play(target: { endpoint: string } | { room: string }, what: readonly Playable[], options?: PlayOptions): Promise<PlayEnd>;
  stopPlaying(target: { endpoint: string } | { room: string }): Promise<void>;
  /** Resolves when it has ended. One at a time to a file; several of one target may run. Errors: 'file-exists', 'bad-file'. */
  record(target: RecordTarget, options: RecordOptions): Promise<RecordEnd>;
  stopRecording(file: string): Promise<void>;
  /** Key presses to this party, in the way it takes them (RFC 4733, else as tones); also into a relayed stream. */
  sendDigits(id: string, digits: string, options?: { ms?: number }): Promise<void>;
  /** Listens for keys that are pressed as tones, too (RFC 4733 is always heard). */
  detectTones(id: string, on: boolean): Promise<void>;
  /** Opens the door for clients of the simple packet format; again: with other rules (those who are in stay when only the rooms change). Resolves with its port. */
  openSimple(options: SimpleOptions): Promise<number>;
  closeSimple(): Promise<void>;
  /** Mutes such a client, or throws it out (null). False: there is none of that id. */
  setSimple(id: string, settings: { muted: boolean } | null): Promise<boolean>;
  simpleStats(): Promise<SimpleGatewayStats | undefined>;
  roomStats(room: string): Promise<RoomStats | undefined>;
  /** Codecs that sound can be turned into here, and whether Opus recovers lost packets from the next one. Known once the plane has started. */
  readonly codecs: readonly CodecName[];
  readonly opusRecovers: boolean;
  stats(id: string): Promise<EndpointStats>;
  /** The pipeline as one sentence: `udp(:40012) <-> relay <-> udp(:40014)`. */
  describe(id: string): Promise<string>;
  /** Closes the endpoint and returns its last counters; again: the same. Never fails for an id that this plane gave out. */
  release(id: string): Promise<EndpointStats>;
  on<E extends keyof PlaneEvents>(event: E, listener: (event: PlaneEvents[E]) => void): void;
  load(): Promise<PlaneLoad>;
  /** Idempotent. */
  close(): Promise<void>;
}
