/**
 * What the core knows of an application: it owns transactions and dialogs, and things are delivered to it. In production an
 * application is a connection on the control port; tests bring their own.
 */
import type { CallRecord } from './call-record';
import type { Decision } from './decision';
import type { SipRequest, SipResponse } from '../wire/message';

/** Where a message came from or went to. `address` empty and `port` 0: made by the engine itself, no datagram exists. */
export interface Envelope {
  source: 'network' | 'application';
  /** Size of the SIP message as received; 0: there is no datagram; absent: what was sent, as long as its text. */
  bytes?: number;
  protocol: string;
  address: string;
  port: number;
}

export interface RequestDelivery {
  transactionId: string;
  /** Empty for requests outside dialogs. */
  dialogId: string;
  envelope: Envelope;
  message: SipRequest;
  /** Out-of-dialog requests: the listening point the request came in on. */
  receivedOn?: { host: string; port: number };
}

export interface ResponseDelivery {
  transactionId: string;
  dialogId: string;
  envelope: Envelope;
  message: SipResponse;
  /** The 2xx that makes a dialog: what follows in that dialog must reach the application as a separate piece of work. */
  makesDialog?: boolean;
}

export interface App {
  /** Readable in logs. */
  readonly name: string;
  /** Under which name it may come back after its connection was lost and have its dialogs again; absent: it is not waited for. */
  readonly identity?: string | undefined;
  /** It does not read as fast as it is told things: overload control may spare it. */
  readonly behind?: boolean;
  deliverRequest(delivery: RequestDelivery): void;
  deliverResponse(delivery: ResponseDelivery): void;
  /** It asked to be told what becomes of calls. */
  deliverRecord?(record: CallRecord): void;
}

export interface AppRouter {
  /** The application that is asked about a new request of this method; undefined when nobody registered for it. */
  pick(method: string): App | undefined;
  /** Something became of a call, for whoever asked to be told. */
  record?(record: CallRecord): void;
  /** Somebody is asked where this request goes; undefined: `pick`. */
  decide?(request: SipRequest, envelope: Envelope): Promise<Decision> | undefined;
}

/** A command of an application was carried out: what went out, for the echo. */
export interface Sent {
  ok: true;
  kind: 'request' | 'response';
  transactionId: string;
  dialogId: string;
  envelope: Envelope;
  message: SipRequest | SipResponse;
  /** Answers to this are to be held back until the application had time to read the echo. */
  expectsMore: boolean;
}

export interface Refused {
  ok: false;
  reason: string;
}

/** Called exactly once for a command, before anything that follows from it is delivered. */
export type Reply = (outcome: Sent | Refused) => void;

export function refuse(reason: string): Refused {
  return { ok: false, reason };
}
