/**
 * Responses to received requests (PROTOCOL 6): the application's, turned into what the transaction needs and the dialog allows, and the
 * engine's own where the application has no part or says nothing.
 */
import { makeResponse } from '../transport/reply';
import { TransactionError, type ServerTransaction } from '../transaction/types';
import type { SipRequest, SipResponse } from '../wire/message';
import { SipParseError } from '../wire/errors';
import { refuse, type App, type Reply } from './app';
import type { AppResponse } from './app-message';
import { buildResponse, makesDialogs, type Local } from './build';
import { recordFailure } from './call-record';
import type { CoreContext } from './context';
import type { Dialog } from './dialog';
import { sentResponse } from './envelope';
import { dialogIdOf } from './ids';
import type { Incoming } from './incoming';
import type { Parts } from './parts';
import { rememberRegistration } from './registrations';
import { namesOption } from './reliable';
import { agreeAsUas } from './session-timer';

const unknownTransaction = 'Response not sent due to unknown transaction';
/** RFC 3261 §13.3.1.1: a ringing call says so once a minute, or proxies give it up. */
const RING_REPEAT_MS = 60_000;

export class ServerResponses {
  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  // --- the application's ---------------------------------------------------------------------------------------------

  respond(app: App, transactionId: string, message: AppResponse, reply: Reply): void {
    const incoming = this.context.incoming.get(transactionId);
    const { status } = message;
    if (!incoming || incoming.app !== app || incoming.concluded) {
      this.refuseCommand(reply, unknownTransaction);
      return;
    }
    if (status < 100 || status > 699) {
      this.refuseCommand(reply, `${status} is not a SIP status`);
      return;
    }
    const isInvite = incoming.request.method === 'INVITE';
    const reliably = isInvite && incoming.initial && status > 100 && status < 200 && requires100rel(message);
    if (reliably && !namesOption(incoming.request, 'supported', '100rel') && !namesOption(incoming.request, 'require', '100rel')) {
      this.refuseCommand(reply, 'Remote endpoint does not support 100rel');
      return;
    }
    const local = this.localOf(incoming);
    const response = buildResponse(incoming, message, local);
    try {
      if (status < 200) this.provisional(incoming, response, reliably, local);
      else this.final(incoming, response, local);
    } catch (error) {
      if (error instanceof TransactionError) this.conclude(incoming);
      else if (!(error instanceof SipParseError)) throw error;
      this.refuseCommand(reply, error instanceof TransactionError ? unknownTransaction : `Unknown server error sending response: ${error.message}`);
      return;
    }
    const ended = incoming.request.method === 'BYE';
    reply({
      ok: true,
      kind: 'response',
      transactionId: incoming.id,
      dialogId: ended ? '' : (incoming.dialog?.id ?? this.dialogToBe(incoming)),
      envelope: sentResponse(incoming.flow),
      message: response,
      expectsMore: status >= 200 && status < 300 && makesDialogs(incoming.request.method),
    });
  }

  /** drachtio-server names the dialog a request could make in every answer to it, one that turns it down too. */
  private dialogToBe({ initial, request }: Incoming): string {
    return initial && makesDialogs(request.method) ? dialogIdOf(request.callId, request.fromTag ?? '') : '';
  }

  private provisional(incoming: Incoming, response: SipResponse, reliably: boolean, local: Local): void {
    const isInvite = incoming.request.method === 'INVITE';
    if (isInvite && incoming.initial && response.status > 100) this.parts.called.dialogFor(incoming, response, local);
    if (reliably) {
      this.parts.called.reliable(incoming).send(response);
    } else {
      incoming.transaction.respond(response);
      if (isInvite && response.status > 100) incoming.lastProvisional = response;
    }
    incoming.answered = true;
    if (incoming.initial) this.parts.newRequests.answered(incoming);
  }

  private final(incoming: Incoming, response: SipResponse, local: Local): void {
    const { request } = incoming;
    const good = response.status < 300;
    if (good && incoming.sessionOffer) incoming.agreement = agreeAsUas(incoming.sessionOffer, response, this.context.options.sessionTimer);
    if (good && request.method === 'INVITE') {
      const dialog = incoming.initial ? this.parts.called.dialogFor(incoming, response, local) : incoming.dialog;
      if (dialog) this.parts.called.confirm(incoming, dialog, response);
      return;
    }
    incoming.transaction.respond(response);
    if (incoming.initial && request.method === 'INVITE') recordFailure(this.context, 'application', 'call-rejected', response);
    if (incoming.initial && request.method === 'SUBSCRIBE' && good) {
      const dialog = this.parts.called.dialogFor(incoming, response, local);
      dialog.state = 'confirmed';
      this.parts.subscriptions.keep(dialog, response);
    } else if (incoming.dialog) this.concludedInDialog(incoming, incoming.dialog, response);
    rememberRegistration(incoming, response, this.context.transport);
    this.conclude(incoming);
  }

  private concludedInDialog(incoming: Incoming, dialog: Dialog, response: SipResponse): void {
    const { method } = incoming.request;
    const good = response.status < 300;
    if (incoming.initial) {
      // The INVITE was turned down: its early dialog is over.
      this.parts.inDialog.forget(dialog);
      return;
    }
    if (good && method === 'UPDATE') {
      dialog.learn(incoming.request, incoming.flow, false);
      this.parts.sessions.arm(dialog, incoming.agreement);
    } else if (good && (method === 'SUBSCRIBE' || method === 'NOTIFY')) dialog.learn(incoming.request, incoming.flow, false);
    if (method === 'SUBSCRIBE' && good) this.parts.subscriptions.keep(dialog, response);
    if (incoming.endsDialog) this.parts.inDialog.forget(dialog);
  }

  // --- the engine's --------------------------------------------------------------------------------------------------

  trying(transaction: ServerTransaction, request: SipRequest): void {
    transaction.respond(makeResponse(request, 100));
  }

  /** Answers a request no application sees. */
  refuse(transaction: ServerTransaction, request: SipRequest, status: number, reason?: string, headers: Array<[string, string]> = []): SipResponse {
    const response = makeResponse(request, status, transaction.localTag, reason);
    for (const [name, value] of headers) response.headers.append(name, value);
    transaction.respond(response);
    return response;
  }

  /** Answers a call no application sees. */
  refuseCall(transaction: ServerTransaction, request: SipRequest, status: number, headers: Array<[string, string]> = []): void {
    const response = this.refuse(transaction, request, status, undefined, headers);
    if (request.method === 'INVITE') recordFailure(this.context, 'application', 'call-rejected', response);
  }

  /** RFC 4028 §6. */
  refuseInterval(transaction: ServerTransaction, request: SipRequest): void {
    this.context.count('intervalsTooSmall');
    this.refuse(transaction, request, 422, undefined, [['Min-SE', String(this.context.options.sessionTimer.minSeconds)]]);
  }

  /** Gives the final response in the application's place. */
  finish(incoming: Incoming, status: number, reason?: string, headers: Array<[string, string]> = []): void {
    const { dialog } = incoming;
    try {
      const response = makeResponse(incoming.request, status, incoming.toTag(), reason);
      for (const [name, value] of headers) response.headers.append(name, value);
      incoming.transaction.respond(response);
      if (incoming.initial && incoming.request.method === 'INVITE') this.recordFinish(incoming.request, response);
    } catch (error) {
      if (!(error instanceof TransactionError)) throw error;
    }
    this.conclude(incoming);
    if (dialog && incoming.initial) this.parts.inDialog.forget(dialog);
  }

  private recordFinish(invite: SipRequest, response: SipResponse): void {
    if (response.status === 487) recordFailure(this.context, 'network', 'call-canceled', invite);
    else recordFailure(this.context, 'application', 'call-rejected', response);
  }

  /** Waits for the application, not for ever. */
  watch(incoming: Incoming): void {
    const { clock, options } = this.context;
    const started = clock.now();
    const isInvite = incoming.request.method === 'INVITE';
    const unanswered = (status: number): void => {
      this.context.count('unansweredByApplication');
      this.context.log.warn({ method: incoming.request.method, callId: incoming.request.callId, app: incoming.app.name }, 'the application gave no final response');
      if (isInvite) this.parts.server.abandon(incoming, status);
      else this.finish(incoming, status);
    };
    const look = (): void => {
      // A non-INVITE's sender has given up after 64*T1 (RFC 4320); an INVITE's waits as long as it is told to.
      if (!isInvite || !incoming.answered) return unanswered(500);
      if (clock.now() - started >= options.maxRingingMs) return unanswered(480);
      if (incoming.lastProvisional) incoming.transaction.respond(incoming.lastProvisional);
      incoming.patience = clock.after(Math.min(RING_REPEAT_MS, started + options.maxRingingMs - clock.now()), look);
    };
    incoming.patience = clock.after(isInvite ? Math.min(128 * options.t1, options.maxRingingMs) : 60 * options.t1, look);
  }

  /** Nobody owes the request anything any more: it has its final response, or the proxy has taken it over. */
  conclude(incoming: Incoming): void {
    incoming.concluded = true;
    incoming.patience?.cancel();
    incoming.reliable?.stop();
    const { dialog } = incoming;
    if (dialog?.incomingInvite === incoming) dialog.incomingInvite = undefined;
    if (dialog?.incomingUpdate === incoming) dialog.incomingUpdate = undefined;
    this.parts.server.forget(incoming);
  }

  private localOf(incoming: Incoming): Local {
    const { host, port } = this.context.transport.sentBy(incoming.flow);
    return { host, port, protocol: incoming.flow.protocol };
  }

  private refuseCommand(reply: Reply, reason: string): void {
    this.context.count('refusedCommands');
    reply(refuse(reason));
  }
}

function requires100rel(message: AppResponse): boolean {
  return message.headers.getList('require').some((option) => option.toLowerCase() === '100rel');
}
