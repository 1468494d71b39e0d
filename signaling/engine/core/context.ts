/** What the modules of the core share: time, the layers below, the tables, the counters. Every table is bounded by an option. */
import type { Clock, Random } from '../../clock';
import type { BusyMap } from '../busy-map';
import type { ClientHandlers, ClientTransaction, Destination, SentRequest, ServerTransaction } from '../transaction/types';
import type { Flow } from '../transport/types';
import type { SipRequest, SipResponse } from '../wire/message';
import type { Log } from '../log';
import type { App, AppRouter } from './app';
import type { CoreCounter } from './counters';
import type { DialogTable } from './dialog-table';
import type { Incoming } from './incoming';
import type { HopTransport } from './next-hop';
import type { CoreOptions } from './options';
import type { Outgoing } from './outgoing';

/** The transaction layer as the core uses it; see ../transaction. */
export interface Transactions {
  onRequest: (transaction: ServerTransaction, request: SipRequest, flow: Flow, bytes: number) => void;
  onCancel: (invite: ServerTransaction, cancel: SipRequest) => unknown;
  onAck: (ack: SipRequest, flow: Flow, bytes: number) => void;
  onStrayResponse: (response: SipResponse, flow: Flow, bytes: number) => void;
  /** `mark` goes into the branch, behind what makes it unique. */
  request(request: SipRequest, destination: Destination, handlers: ClientHandlers, mark?: string): ClientTransaction;
  sendDirect(request: SipRequest, flow: Flow): SentRequest;
}

/** The transport layer as the core uses it; see ../transport. */
export interface CoreTransport extends HopTransport {
  sentBy(flow: Flow): { host: string; port: number };
  /** What a peer would be told that there is no flow to. */
  defaultSentBy(): { host: string; port: number };
  /** Remembers that a client registered over this stream; expiresMs 0 forgets it. `binding`: which of several under this key. */
  register(key: string, flow: Flow, expiresMs: number, binding?: string): void;
  /** The flow with this id, while it is there. */
  flowNamed(id: string): Flow | undefined;
}

export interface CoreContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly options: CoreOptions;
  readonly transactions: Transactions;
  readonly transport: CoreTransport;
  readonly apps: AppRouter;
  readonly dialogs: DialogTable;
  readonly incoming: BusyMap<Incoming>;
  readonly outgoing: BusyMap<Outgoing>;
  /** False once an application's connection is gone. */
  isAlive(app: App): boolean;
  count(name: CoreCounter, by?: number): void;
}
