/**
 * The client side: requests on their way out and what comes back (PROTOCOL 7, 8, 10, 11). For every request there is exactly one final
 * response, made here when none came: 408, 410, 487 or 503.
 */
import { makeResponse } from '../transport/reply';
import { buildCancel } from '../transaction/client-requests';
import type { ClientTransaction } from '../transaction/types';
import type { Flow, TransportError } from '../transport/types';
import type { SipRequest, SipResponse } from '../wire/message';
import { refuse, type App, type Reply } from './app';
import type { AppRequest } from './app-message';
import { recordAttempt, recordFailure, recordStart } from './call-record';
import type { CoreContext } from './context';
import type { Dialog } from './dialog';
import { made, received, sentRequest, unsent } from './envelope';
import { Hearing, type Ears } from './hearing';
import { newTag, uuid } from './ids';
import { failureProtocol, failureStatus } from './next-hop';
import { Outgoing, type OwnFinal } from './outgoing';
import type { Parts } from './parts';
import { namesOption } from './reliable';

export interface Sending {
  app: App;
  dialog?: Dialog | undefined;
  makesDialog?: boolean;
  own?: OwnFinal | undefined;
  reply?: Reply | undefined;
}

/** The application's own words may not be in a CANCEL's place of what comes from the INVITE (PROTOCOL 11). */
const notInCancel = new Set(['from', 'to', 'contact', 'p-asserted-identity', 'call-id', 'cseq', 'max-forwards', 'content-type']);

export class Client {
  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  /** Sends over a flow; the echo goes out before anything that follows. */
  send(request: SipRequest, flow: Flow, sending: Sending): Outgoing {
    const outgoing = this.open(request, sending);
    try {
      outgoing.transaction = this.begin(outgoing, request, flow);
    } catch (error) {
      // What cannot be put into bytes was never sent: nothing of it stays
      this.withdraw(outgoing);
      throw error;
    }
    this.context.count('sent');
    const { connecting } = outgoing.transaction;
    outgoing.echo = () => {
      if (isCall(outgoing)) recordAttempt(this.context, 'application', request);
      const way = outgoing.transaction?.flow ?? flow;
      const envelope = sentRequest(way, this.context.transport.sentBy(way));
      sending.reply?.({ ok: true, kind: 'request', transactionId: outgoing.id, dialogId: gateId(outgoing), envelope, message: request, expectsMore: true });
    };
    // The echo has the request as it was sent, and over what that is is not known before the dialling is over.
    if (connecting) void connecting.then(() => outgoing.sayEcho());
    else outgoing.sayEcho();
    return outgoing;
  }

  /** There is no way out: the application sees its request and then the response made here. */
  sendNowhere(request: SipRequest, status: number, sending: Sending, protocol = 'udp'): void {
    const outgoing = this.open(request, sending);
    sending.reply?.({
      ok: true,
      kind: 'request',
      transactionId: outgoing.id,
      dialogId: gateId(outgoing),
      envelope: unsent(protocol),
      message: request,
      expectsMore: true,
    });
    if (isCall(outgoing)) recordAttempt(this.context, 'application', request);
    this.fail(outgoing, status, protocol);
  }

  failed(request: SipRequest, error: Error | TransportError, sending: Sending): void {
    this.context.log.debug({ error: error.message, method: request.method }, 'no way to the next hop');
    this.sendNowhere(request, failureStatus(error), sending, failureProtocol(error));
  }

  cancel(app: App, transactionId: string, message: AppRequest, reply: Reply): void {
    const outgoing = this.context.outgoing.get(transactionId);
    if (!outgoing?.invite || outgoing.app !== app || outgoing.own || !outgoing.transaction || !outgoing.request) {
      this.context.count('refusedCommands');
      reply(refuse(`unable to cancel unknown transaction id: ${transactionId}`));
      return;
    }
    const extra = [...message.headers].filter((header) => !notInCancel.has(header.key));
    const flow = outgoing.transaction.flow;
    const cancel = buildCancel(outgoing.request, extra);
    this.cancelOutgoing(outgoing, extra);
    reply({
      ok: true,
      kind: 'request',
      transactionId: uuid(this.context.random),
      dialogId: gateId(outgoing),
      envelope: flow ? sentRequest(flow, this.context.transport.sentBy(flow)) : unsent('udp'),
      message: cancel,
      expectsMore: true,
    });
  }

  cancelOutgoing(outgoing: Outgoing, extra: Iterable<{ name: string; value: string }> = []): void {
    if (outgoing.cancelled) return;
    outgoing.cancelled = true;
    outgoing.transaction?.cancel(extra);
  }

  /** Requests of an application that is gone: INVITEs are cancelled, answers to the others interest nobody. */
  appLost(app: App): void {
    for (const outgoing of [...this.context.outgoing.values()]) {
      if (outgoing.app !== app || outgoing.own) continue;
      if (outgoing.invite) this.cancelOutgoing(outgoing);
    }
  }

  // --- responses -----------------------------------------------------------------------------------------------------

  private onResponse(outgoing: Outgoing, response: SipResponse, flow: Flow, bytes: number): void {
    // On its way elsewhere the request was given another Contact, which is where the dialog is reached.
    if (outgoing.makesDialog && outgoing.dialog && outgoing.request) outgoing.dialog.localContact = outgoing.request.headers.get('contact') ?? '';
    if (response.status < 200) {
      if (response.status > 100) this.onProvisional(outgoing, response, flow, bytes);
      return;
    }
    this.onFinal(outgoing, response, flow, bytes);
  }

  private onProvisional(outgoing: Outgoing, response: SipResponse, flow: Flow, bytes: number): void {
    const { dialog } = outgoing;
    const rseq = Number(response.headers.get('rseq'));
    if (outgoing.invite && rseq > 0 && namesOption(response, 'require', '100rel')) {
      // RFC 3262 §4: a repeated one is dropped, one out of order too: it will come again.
      if (outgoing.lastRSeq !== undefined && rseq !== outgoing.lastRSeq + 1) return;
      outgoing.lastRSeq = rseq;
    }
    if (outgoing.makesDialog && dialog?.state === 'early' && response.toTag !== undefined) this.parts.invites.early(dialog, response, flow);
    if (outgoing.own) return;
    this.deliver(outgoing, response, received(flow, bytes));
  }

  private onFinal(outgoing: Outgoing, response: SipResponse, flow: Flow | undefined, bytes: number, madeFor?: string): void {
    this.context.outgoing.delete(outgoing.id);
    const { dialog } = outgoing;
    const good = response.status < 300;
    if (dialog?.outgoingInvite === outgoing) dialog.outgoingInvite = undefined;
    if (isCall(outgoing)) this.record(response);
    let makesDialog = false;
    if (outgoing.invite && good && dialog && flow) {
      makesDialog = outgoing.makesDialog;
      this.parts.invites.answered(outgoing, dialog, response, flow);
    } else if (dialog) this.parts.inDialog.concluded(outgoing, dialog, response, flow);
    if (outgoing.own) outgoing.own(response, flow);
    else this.deliver(outgoing, response, flow ? received(flow, bytes) : made(madeFor ?? 'udp'), makesDialog || (good && outgoing.makesDialog));
    outgoing.release();
    if (dialog) this.parts.inDialog.goOn(outgoing, dialog);
  }

  private record(response: SipResponse): void {
    if (response.status < 300) recordStart(this.context, 'network', 'uac', response);
    else recordFailure(this.context, 'network', response.status === 487 ? 'call-canceled' : 'call-rejected', response);
  }

  private fail(outgoing: Outgoing, status: number, protocol: string): void {
    const { request } = outgoing;
    if (!request) return;
    outgoing.sayEcho();
    this.context.count('madeResponses');
    this.onFinal(outgoing, makeResponse(request, status, newTag(this.context.random)), undefined, 0, protocol);
  }

  private deliver(outgoing: Outgoing, response: SipResponse, envelope: ReturnType<typeof received>, makesDialog = false): void {
    if (!this.context.isAlive(outgoing.app)) return;
    outgoing.app.deliverResponse({
      transactionId: outgoing.id,
      dialogId: outgoing.dialog?.id ?? '',
      envelope,
      message: response,
      makesDialog,
    });
  }

  private begin(outgoing: Outgoing, request: SipRequest, flow: Flow): ClientTransaction {
    return this.context.transactions.request(request, flow, new Hearing(outgoing, flow.protocol, this.ears));
  }

  /** What becomes of a request that was sent. */
  private readonly ears: Ears = {
    response: (outgoing, response, from, bytes, again) => {
      outgoing.sayEcho();
      if (again) this.parts.invites.again(outgoing, response, from);
      else this.onResponse(outgoing, response, from, bytes);
    },
    timeout: (outgoing, protocol) => this.fail(outgoing, outgoing.cancelled ? 487 : 408, protocol),
    transportError: (outgoing, protocol, error) => {
      this.context.log.debug({ error: error.message, method: outgoing.method }, 'a request could not be delivered');
      this.fail(outgoing, failureStatus(error), protocol);
    },
  };

  private withdraw(outgoing: Outgoing): void {
    const { dialog } = outgoing;
    this.context.outgoing.delete(outgoing.id);
    if (dialog?.outgoingInvite === outgoing) dialog.outgoingInvite = undefined;
    if (dialog && outgoing.makesDialog) this.parts.inDialog.forget(dialog);
    outgoing.release();
  }

  private open(request: SipRequest, sending: Sending): Outgoing {
    const outgoing = new Outgoing(uuid(this.context.random), request, sending.app, sending.dialog, sending.makesDialog === true, sending.own);
    this.context.outgoing.set(outgoing.id, outgoing);
    if (outgoing.invite && outgoing.dialog) outgoing.dialog.outgoingInvite = outgoing;
    return outgoing;
  }
}

function isCall(outgoing: Outgoing): boolean {
  return outgoing.invite && outgoing.makesDialog;
}

/** The name under which this request's echo and responses are kept in order. */
function gateId(outgoing: Outgoing): string {
  return outgoing.dialog?.id ?? '';
}
