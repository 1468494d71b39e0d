/** Requests within dialogs that the engine sends by itself: refreshes of sessions, and the last request of a dialog (PROTOCOL 16). */
import type { Flow } from '../transport/types';
import type { SipRequest } from '../wire/message';
import { localContact, needsContact } from './build';
import { recordEnd } from './call-record';
import type { CoreContext } from './context';
import type { Dialog } from './dialog';
import { sentRequest, unsent } from './envelope';
import type { OwnFinal } from './outgoing';
import type { Parts } from './parts';
import { keepRunning } from './session-timer';

export class OwnRequests {
  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  /** A request the application does not see. `fill` adds to it before it leaves. */
  sendOwn(dialog: Dialog, method: string, fill: (request: SipRequest) => void, onFinal: OwnFinal): void {
    this.parts.inDialog.inOrder(
      dialog,
      '',
      (flow) => {
        if (!this.context.dialogs.has(dialog)) return;
        const request = dialog.makeRequest(method, ++dialog.localSeq);
        if (needsContact(method)) request.headers.append('Contact', dialog.localContact || localContact(this.parts.inDialog.localOf(flow)));
        const agreement = dialog.sessionTimer?.agreement;
        if (agreement) keepRunning(request.headers, agreement, this.context.options.sessionTimer.minSeconds);
        fill(request);
        this.parts.client.send(request, flow, { app: dialog.app, dialog, own: onFinal });
      },
      (error) => this.context.log.info({ callId: dialog.callId, method, error: error.message }, 'a request of the engine could not be sent'),
    );
  }

  /** Ends a dialog with BYE and tells the application with an `unsolicited` one (PROTOCOL 16). */
  end(dialog: Dialog, reason: string): void {
    if (!this.context.dialogs.has(dialog)) return;
    this.context.count('unsolicitedByes');
    this.context.log.info({ callId: dialog.callId, reason }, 'the engine ends a call');
    this.parts.inDialog.forget(dialog);
    this.sendBye(dialog, reason, (bye, flow) => {
      recordEnd(this.context, 'application', dialog, bye, reason);
      this.tellEnded(dialog, bye, flow);
    });
  }

  tellEnded(dialog: Dialog, bye: SipRequest, flow: Flow | undefined): void {
    const delivery = {
      transactionId: 'unsolicited',
      dialogId: dialog.id,
      envelope: flow ? sentRequest(flow, this.context.transport.sentBy(flow)) : unsent('udp'),
      message: bye,
    };
    if (this.context.isAlive(dialog.app)) dialog.app.deliverRequest(delivery);
    else this.parts.orphans.missed(dialog.app, delivery);
  }

  /** Our own BYE; what becomes of it interests nobody. `told` gets it as sent, or as it would have been. */
  sendBye(dialog: Dialog, reason: string | undefined, told?: (bye: SipRequest, flow: Flow | undefined) => void): void {
    const why = reason === undefined ? [] : ([['Reason', `SIP;cause=200;text="${reason}"`]] as Array<[string, string]>);
    this.sendLast(dialog, 'BYE', why, told);
  }

  /** A request after which the dialog is over for us, whatever the answer. */
  sendLast(dialog: Dialog, method: string, headers: Array<[string, string]>, told?: (request: SipRequest, flow: Flow | undefined) => void): void {
    if (dialog.remoteTarget === undefined) return;
    const make = (): SipRequest => {
      const request = dialog.makeRequest(method, ++dialog.localSeq);
      for (const [name, value] of headers) request.headers.append(name, value);
      return request;
    };
    this.parts.inDialog.inOrder(
      dialog,
      '',
      (flow) => {
        const request = make();
        if (needsContact(method)) request.headers.append('Contact', dialog.localContact || localContact(this.parts.inDialog.localOf(flow)));
        this.context.transactions.request(request, flow, { onResponse: () => undefined, onTimeout: () => undefined, onTransportError: () => undefined });
        told?.(request, flow);
      },
      (error) => {
        this.context.log.info({ callId: dialog.callId, method, error: error.message }, 'the last request of a dialog could not be sent');
        told?.(make(), undefined);
      },
    );
  }
}
