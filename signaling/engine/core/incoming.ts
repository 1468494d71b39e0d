/** A received request that an application owes the final response to. */
import type { Timer } from '../../clock';
import type { Flow } from '../transport/types';
import type { ServerTransaction } from '../transaction/types';
import type { SipRequest, SipResponse } from '../wire/message';
import { parseNameAddr } from '../wire/name-addr';
import { SipParseError } from '../wire/errors';
import type { App } from './app';
import type { AppResponse } from './app-message';
import type { Dialog } from './dialog';
import type { ReliableSender } from './reliable';
import type { Agreement, SessionOffer } from './session-timer';

export class Incoming {
  /** Set with the first response that has a To tag: it is the same in all of them (RFC 3261 §8.2.6.2). */
  private tag: string | undefined;
  /** The dialog this request makes or belongs to. */
  dialog: Dialog | undefined;
  /** The application has said something, if only 100. */
  answered = false;
  /** The final response is given. */
  concluded = false;
  /** The proxy has taken it over: what becomes of it is no matter of ours any more. */
  sentOn = false;
  /** The same request by other ways, which wait for what becomes of this one (new-requests.ts). */
  forks: Incoming[] | undefined;
  /** Repeated while the application keeps the call ringing. */
  lastProvisional: SipResponse | undefined;
  /** What the 2xx agrees about session timers. */
  agreement: Agreement | undefined;
  /** A NOTIFY that says the subscription is over. */
  endsDialog = false;
  patience: Timer | undefined;
  reliable: ReliableSender | undefined;
  sessionOffer: SessionOffer | undefined;

  constructor(
    readonly id: string,
    readonly transaction: ServerTransaction,
    readonly request: SipRequest,
    readonly flow: Flow,
    readonly bytes: number,
    /** Who owes the response; nobody yet while that is being decided (decision.ts). */
    public app: App,
    /** True for a request outside dialogs. */
    readonly initial: boolean,
  ) {}

  /** The To tag; the application may choose it in its first response that has one. */
  toTag(response?: AppResponse): string {
    this.tag ??= (response && tagOf(response)) ?? this.transaction.localTag;
    return this.tag;
  }
}

function tagOf(response: AppResponse): string | undefined {
  const to = response.headers.get('to');
  if (to === undefined) return undefined;
  try {
    return parseNameAddr(to).params.get('tag') || undefined;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
