/**
 * The server side: requests that arrive (PROTOCOL 3, 5). Each is checked, given to the application that should have it, and watched until
 * that application has given its final response. Responses are in server-responses.ts.
 *
 *     request ─┬─ To tag ──▶ dialog, or 481 ──▶ checks of the dialog ──▶ its application
 *              └─ no tag ──▶ new-requests.ts
 */
import { BusyMap } from '../busy-map';
import type { ServerTransaction } from '../transaction/types';
import type { Flow } from '../transport/types';
import { SipRequest } from '../wire/message';
import { isFitForIds } from './build';
import { recordEnd } from './call-record';
import type { CoreContext } from './context';
import type { Dialog } from './dialog';
import { received } from './envelope';
import { uuid } from './ids';
import { Incoming } from './incoming';
import { endsSubscription } from './outgoing';
import type { Parts } from './parts';
import { isTooSmall, readOffer } from './session-timer';

/** A To tag in these means nothing to us: they are not in dialogs. */
const neverInDialog = new Set(['REGISTER', 'PUBLISH']);

export class Server {
  private readonly byTransaction = new BusyMap<Incoming>();

  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  onRequest(transaction: ServerTransaction, request: SipRequest, flow: Flow, bytes: number): void {
    if (!isFitForIds(request.callId) || (request.fromTag !== undefined && !isFitForIds(request.fromTag))) {
      this.parts.responses.refuse(transaction, request, 400, 'Call-ID holds a separator');
      return;
    }
    if (request.toTag !== undefined && !neverInDialog.has(request.method)) this.inDialog(transaction, request, flow, bytes);
    else this.parts.newRequests.receive(transaction, request, flow, bytes);
  }

  /** The CANCEL is answered already; the INVITE's 487 is ours (RFC 3261 §9.2). */
  onCancel(invite: ServerTransaction, cancel: SipRequest): boolean {
    const incoming = this.byTransaction.get(invite.id);
    if (!incoming) return this.parts.proxying.cancel(invite, cancel);
    this.context.count('cancelled');
    this.abandon(incoming, 487, cancel);
    return true;
  }

  onAck(ack: SipRequest, flow: Flow, bytes: number): void {
    const dialog = this.context.dialogs.match(ack);
    const answer = dialog?.answer;
    if (!dialog || !answer || answer.seq !== ack.cseq.seq) {
      // Of a call that is only proxied; or a repeated ACK, or one to a dialog that is gone.
      if (dialog || !this.parts.proxying.relayAck(ack)) this.context.count('strays');
      return;
    }
    dialog.answer = undefined;
    answer.acknowledged();
    const delivery = { transactionId: answer.ackTransactionId, dialogId: dialog.id, envelope: received(flow, bytes), message: ack };
    if (this.context.isAlive(dialog.app)) {
      this.context.count('delivered');
      dialog.app.deliverRequest(delivery);
    } else this.parts.orphans.missed(dialog.app, delivery);
    for (const next of dialog.waiting.take('acknowledged')) next();
  }

  /** Final response by the engine, and the application learns of it as of a CANCEL. */
  abandon(incoming: Incoming, status: number, cancel: SipRequest = cancelFor(incoming.request)): void {
    const { dialog, concluded } = incoming;
    this.parts.responses.finish(incoming, status);
    if (!this.context.isAlive(incoming.app)) return;
    if (concluded && dialog) {
      // Its 2xx was accepted from the application and waited for a PRACK: the application believes in a dialog.
      this.parts.own.tellEnded(dialog, dialog.makeRequest('BYE', dialog.localSeq + 1), undefined);
      return;
    }
    incoming.app.deliverRequest({
      transactionId: incoming.id,
      dialogId: dialog?.id ?? '',
      envelope: received(incoming.flow, incoming.bytes),
      message: cancel,
    });
  }

  /** An application is gone: what it owed an answer gets one. */
  appLost(app: Incoming['app']): void {
    for (const incoming of [...this.context.incoming.values()]) {
      if (incoming.app !== app) continue;
      this.context.count('applicationLost');
      this.parts.responses.finish(incoming, 503);
    }
  }

  forget(incoming: Incoming): void {
    this.context.incoming.delete(incoming.id);
    this.byTransaction.delete(incoming.transaction.id);
    if (incoming.initial) this.parts.newRequests.forget(incoming);
  }

  // --- inside dialogs ------------------------------------------------------------------------------------------------

  private inDialog(transaction: ServerTransaction, request: SipRequest, flow: Flow, bytes: number): void {
    const { responses } = this.parts;
    const dialog = this.context.dialogs.match(request);
    if (!dialog) {
      // Of a call that is only proxied, or of none.
      if (this.parts.proxying.relay(transaction, request)) return;
      this.context.count('unknownDialogs');
      responses.refuse(transaction, request, 481);
      return;
    }
    // A NOTIFY may come before the 2xx to our SUBSCRIBE; the application knows the dialog only from the 2xx on.
    if (dialog.state === 'early' && dialog.method === 'SUBSCRIBE') {
      dialog.waiting.until('confirmed', () => this.inDialog(transaction, request, flow, bytes));
      return;
    }
    const { seq } = request.cseq;
    if (dialog.remoteSeq !== undefined && seq <= dialog.remoteSeq) {
      this.context.count(seq === dialog.remoteSeq ? 'merged' : 'oldSequences');
      responses.refuse(transaction, request, seq === dialog.remoteSeq ? 482 : 500);
      return;
    }
    dialog.remoteSeq = seq;
    if (!this.context.isAlive(dialog.app)) {
      this.parts.orphans.answer(dialog, transaction, request, { transactionId: '', dialogId: dialog.id, envelope: received(flow, bytes), message: request });
      return;
    }
    if (request.method === 'INVITE') responses.trying(transaction, request);
    if (!this.admit(dialog, transaction, request)) return;

    const incoming = new Incoming(uuid(this.context.random), transaction, request, flow, bytes, dialog.app, false);
    incoming.dialog = dialog;
    if (request.method === 'INVITE') dialog.incomingInvite = incoming;
    if (request.method === 'UPDATE') dialog.incomingUpdate = incoming;
    if (request.method === 'INVITE' || request.method === 'UPDATE') incoming.sessionOffer = readOffer(request);
    if (request.method === 'BYE') this.byeReceived(dialog, request);
    this.keep(incoming);
    this.deliver(incoming, dialog.id);
  }

  /** What the state of the dialog forbids (RFC 3261 §14.2, RFC 3311 §5.2, RFC 3262 §3, RFC 4028 §6). */
  private admit(dialog: Dialog, transaction: ServerTransaction, request: SipRequest): boolean {
    const { responses } = this.parts;
    const { method } = request;
    if (method === 'INVITE' || method === 'UPDATE') {
      const soon: Array<[string, string]> = [['Retry-After', String(this.context.random(1)[0]! % 10)]];
      const glare = method === 'INVITE' ? dialog.outgoingInvite !== undefined || dialog.answer !== undefined : dialog.state === 'confirmed' && dialog.outgoingInvite !== undefined && request.body.length > 0;
      const overlap = (method === 'INVITE' && dialog.incomingInvite !== undefined) || (method === 'UPDATE' && dialog.incomingUpdate !== undefined);
      if (overlap || glare) {
        this.context.count('glares');
        responses.refuse(transaction, request, overlap ? 500 : 491, undefined, overlap ? soon : []);
        return false;
      }
      if (isTooSmall(readOffer(request), this.context.options.sessionTimer)) {
        responses.refuseInterval(transaction, request);
        return false;
      }
    }
    if (method === 'PRACK' && dialog.incomingInvite?.reliable?.acknowledge(request) !== true) {
      this.context.count('unknownDialogs');
      responses.refuse(transaction, request, 481);
      return false;
    }
    return true;
  }

  /** RFC 3261 §15.1.2: the dialog ends with the request, not with the answer to it; an INVITE that is still open gets 487. */
  private byeReceived(dialog: Dialog, bye: SipRequest): void {
    const open = dialog.incomingInvite;
    if (open) this.abandon(open, 487);
    if (dialog.state === 'confirmed') recordEnd(this.context, 'network', dialog, bye);
    this.parts.inDialog.forget(dialog);
  }

  /** From here on it can be cancelled, and has an end even if nobody answers. */
  keep(incoming: Incoming): void {
    this.context.incoming.set(incoming.id, incoming);
    this.byTransaction.set(incoming.transaction.id, incoming);
    this.parts.responses.watch(incoming);
  }

  /** Hands it to the application that owes the answer. */
  deliver(incoming: Incoming, dialogId: string): void {
    this.context.count('delivered');
    incoming.app.deliverRequest({
      transactionId: incoming.id,
      dialogId,
      envelope: received(incoming.flow, incoming.bytes),
      message: incoming.request,
      ...(incoming.initial ? { receivedOn: this.context.transport.sentBy(incoming.flow) } : {}),
    });
    if (endsSubscription(incoming.request) && incoming.dialog?.method === 'SUBSCRIBE') incoming.endsDialog = true;
  }
}

/** The text of a CANCEL nobody sent: drachtio-srf finds its INVITE by Call-ID. */
function cancelFor(invite: SipRequest): SipRequest {
  const cancel = new SipRequest('CANCEL', invite.uri);
  for (const { key, name, value } of invite.headers) {
    if (key === 'via' || key === 'from' || key === 'to' || key === 'call-id') cancel.headers.append(name, value);
  }
  cancel.headers.append('CSeq', `${invite.cseq.seq} CANCEL`);
  cancel.headers.append('Reason', 'SIP;cause=487;text="the call has ended"');
  return cancel;
}
