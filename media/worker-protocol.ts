/** What the plane and its workers say to each other: plain data, several commands to a message, each answered by its number. */
import type { Family } from './net/address';
import type { EndpointStats, Remote } from './net/endpoint';
import type { SharedLedger } from './net/fd-ledger';
import type { Backend } from './net/open';
import type { RelayDirection } from './node/relay';

/** Handed to a worker when it starts. */
export interface WorkerStart {
  backend: Backend;
  bind4: string;
  bind6: string | null;
  silenceMs: number;
  ledger: SharedLedger;
}

export interface Commands {
  allocate: { ask: { id: string; session: string; family: Family; label: string; port: number }; answer: null };
  setRemote: { ask: { id: string; remote: Remote | null; relatch: boolean }; answer: null };
  connect: { ask: { a: string; b: string; aToB: RelayDirection; bToA: RelayDirection }; answer: null };
  stats: { ask: { id: string }; answer: EndpointStats };
  describe: { ask: { id: string }; answer: string };
  release: { ask: { id: string }; answer: EndpointStats };
  load: { ask: object; answer: WorkerCounters };
  close: { ask: object; answer: null };
}

export type CommandName = keyof Commands;

export type Command = { [K in CommandName]: { n: number; op: K } & Commands[K]['ask'] }[CommandName];

/** 'port-taken' and 'bind-address' are for the plane alone: it tries another port, or refuses to start. */
export type WorkerErrorCode = 'port-taken' | 'bind-address' | 'unknown-endpoint' | 'bad-address' | 'system';

export type Answer = { n: number; value: unknown } | { n: number; error: { code: WorkerErrorCode; message: string } };

export interface WorkerCounters {
  endpoints: number;
  /** Datagrams received, and those that a fault of ours cost. */
  packets: number;
  faults: number;
  lastFault: string | null;
  /** Time spent on packets; null where it is not known (dgram). */
  busyMs: number | null;
  heapBytes: number;
}

/** A party that ought to send and did not for `silentMs`. `label` is what the endpoint was allocated with. */
export interface SilentNotice {
  id: string;
  session: string;
  label: string;
  silentMs: number;
}

export type WorkerMessage =
  | { kind: 'ready'; backend: 'native' | 'dgram'; fallback: string | undefined; bell: number | undefined }
  | { kind: 'refused'; code: WorkerErrorCode; message: string }
  | { kind: 'answers'; answers: Answer[] }
  | { kind: 'silent'; silences: SilentNotice[] };
