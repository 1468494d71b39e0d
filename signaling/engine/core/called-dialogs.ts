/** Dialogs that requests to us make (RFC 3261 §12.1.1, §13.3.1): from the first response with a tag on, through reliable provisional ones to the 2xx and its ACK. */
import type { SipResponse } from '../wire/message';
import { Answer } from './answer';
import { localContact, type Local } from './build';
import { endedBy, recordStart } from './call-record';
import type { CoreContext } from './context';
import { Dialog } from './dialog';
import { dialogIdOf, newSequence, uuid } from './ids';
import type { Incoming } from './incoming';
import type { Parts } from './parts';
import { ReliableSender } from './reliable';

export class CalledDialogs {
  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  /** A 2xx to INVITE: to be sent until its ACK is there, after the provisional responses that still wait for theirs. */
  confirm(incoming: Incoming, dialog: Dialog, response: SipResponse): void {
    const { request, transaction } = incoming;
    const send = (): void => {
      transaction.respond(response);
      if (!incoming.initial) dialog.learn(request, incoming.flow, false);
      dialog.state = 'confirmed';
      if (response.body.length > 0) dialog.localSdp = response.body.toString('utf8');
      dialog.answer = new Answer(
        this.context.clock,
        this.context.options,
        transaction,
        request.cseq.seq,
        incoming.initial ? incoming.id : uuid(this.context.random),
        {
          repeated: () => this.context.count('answersRepeated'),
          unacknowledged: () => this.unacknowledged(dialog),
        },
      );
      this.parts.sessions.arm(dialog, incoming.agreement);
      if (incoming.initial) recordStart(this.context, 'application', 'uas', response);
      this.parts.responses.conclude(incoming);
    };
    if (incoming.reliable) {
      incoming.concluded = true;
      incoming.reliable.beforeAnswer(send);
    } else send();
  }

  /** No ACK in 64*T1 (RFC 3261 §13.3.1.4): the call ends; a BYE of the application that waited for the ACK does it. */
  private unacknowledged(dialog: Dialog): void {
    this.context.count('ackTimeouts');
    dialog.answer = undefined;
    const waiting = dialog.waiting.take('acknowledged');
    if (waiting.length > 0) for (const next of waiting) next();
    else this.parts.own.end(dialog, endedBy.ackTimeout);
  }

  /** The dialog an INVITE or SUBSCRIBE makes, from its first response with a tag on (RFC 3261 §12.1.1). */
  dialogFor(incoming: Incoming, response: SipResponse, local: Local): Dialog {
    const { request } = incoming;
    if (incoming.dialog) {
      // A BYE or a 481 may have ended the early dialog while the request is still open: its answer makes the dialog anew (RFC 3261 §12.1.1).
      if (!this.context.dialogs.has(incoming.dialog)) {
        incoming.dialog.state = 'early';
        if (request.method === 'INVITE') incoming.dialog.incomingInvite = incoming;
        this.context.dialogs.add(incoming.dialog);
      }
      return incoming.dialog;
    }
    const dialog = new Dialog({
      id: dialogIdOf(request.callId, request.fromTag ?? ''),
      role: 'uas',
      method: request.method,
      callId: request.callId,
      localTag: incoming.toTag(),
      remoteTag: request.fromTag,
      local: request.to,
      remote: request.from,
      localSeq: newSequence(this.context.random),
      remoteSeq: request.cseq.seq,
      app: incoming.app,
      event: request.headers.get('event'),
    });
    dialog.localContact = response.headers.get('contact') ?? localContact(local);
    dialog.learn(request, incoming.flow, true);
    incoming.dialog = dialog;
    if (request.method === 'INVITE') dialog.incomingInvite = incoming;
    this.context.dialogs.add(dialog);
    return dialog;
  }

  reliable(incoming: Incoming): ReliableSender {
    incoming.reliable ??= new ReliableSender(
      this.context.clock,
      this.context.options.t1,
      newSequence(this.context.random),
      incoming.request.cseq.seq,
      {
        transmit: (response) => void incoming.transaction.respond(response),
        repeated: () => this.context.count('reliableRepeated'),
        unacknowledged: () => this.neverAcknowledged(incoming),
      },
    );
    return incoming.reliable;
  }

  /** RFC 3262 §3: no PRACK in 64*T1 is a failure of the INVITE. */
  private neverAcknowledged(incoming: Incoming): void {
    this.context.count('prackTimeouts');
    this.parts.server.abandon(incoming, 504);
  }
}
