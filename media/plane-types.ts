/** The vocabulary of the media plane's door: plain data and one interface. */
import type { EndpointStats, Remote } from './net/endpoint';
import type { Backend } from './net/open';
import type { RelayDirection } from './node/relay';
import type { SilentNotice, WorkerCounters } from './worker-protocol';

export interface MediaPlaneOptions {
  /** Range of UDP ports, inclusive. A call that is anchored takes four: RTP and RTCP towards either party. */
  portMin: number;
  portMax: number;
  /** Worker threads; 0: one less than there are cores, at least one. */
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
}

export interface AllocateRequest {
  session: string;
  family: 4 | 6;
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
  /** Relays between two endpoints of one session. Call again to change; an endpoint has one partner at a time. */
  connect(a: string, b: string, wiring: { aToB: RelayDirection; bToA: RelayDirection }): Promise<void>;
  stats(id: string): Promise<EndpointStats>;
  /** The pipeline as one sentence: `udp(:40012) <-> relay <-> udp(:40014)`. */
  describe(id: string): Promise<string>;
  /** Closes the endpoint and returns its last counters; again: the same. Never fails for an id that this plane gave out. */
  release(id: string): Promise<EndpointStats>;
  on(event: 'silent', listener: (event: SilentEvent) => void): void;
  on(event: 'worker-lost', listener: (event: WorkerLostEvent) => void): void;
  load(): Promise<PlaneLoad>;
  /** Idempotent. */
  close(): Promise<void>;
}
