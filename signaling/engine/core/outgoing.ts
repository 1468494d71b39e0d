/** A request that was sent and has no final response yet: for an application, or (`own`) for the engine itself. */
import type { Flow } from '../transport/types';
import type { ClientTransaction } from '../transaction/types';
import type { SipRequest, SipResponse } from '../wire/message';
import type { App } from './app';
import type { Dialog } from './dialog';

/** Gets the final response to one of the engine's own requests; `flow` absent: made by the engine. */
export type OwnFinal = (response: SipResponse, flow: Flow | undefined) => void;

export class Outgoing {
  /** Absent once the final response is there: the transaction below lives on for a while and must not keep it. */
  request: SipRequest | undefined;
  transaction: ClientTransaction | undefined;
  cancelled = false;
  /** What the application is owed before anything else of this request: that it was sent. */
  echo: (() => void) | undefined;
  /** RSeq of the last reliable provisional response delivered (RFC 3262 §4). */
  lastRSeq: number | undefined;
  readonly method: string;
  readonly seq: number;
  /** A NOTIFY that says so (RFC 6665 §4.1.3). */
  readonly endsSubscription: boolean;

  constructor(
    readonly id: string,
    request: SipRequest,
    readonly app: App,
    readonly dialog: Dialog | undefined,
    /** The request that makes the dialog, not one within it. */
    readonly makesDialog: boolean,
    /** The engine's own request: the application hears nothing of its responses. */
    readonly own: OwnFinal | undefined,
  ) {
    this.request = request;
    this.method = request.method;
    this.seq = request.cseq.seq;
    this.endsSubscription = endsSubscription(request);
  }

  get invite(): boolean {
    return this.method === 'INVITE';
  }

  /** Now at the latest. */
  sayEcho(): void {
    const { echo } = this;
    this.echo = undefined;
    echo?.();
  }

  /** Lets go of what only an open request needs. */
  release(): void {
    this.request = undefined;
    this.transaction = undefined;
  }
}

export function endsSubscription(request: SipRequest): boolean {
  return request.method === 'NOTIFY' && /^\s*terminated\b/i.test(request.headers.get('subscription-state') ?? '');
}
