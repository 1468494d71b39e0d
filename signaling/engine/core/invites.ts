/**
 * What the answers to our INVITEs do to their dialogs (RFC 3261 §12.1.2, §13.2.2): early dialogs, the 2xx and its ACK, further 2xx
 * of a forked INVITE, a 2xx that crossed our CANCEL.
 */
import { bytesOf } from '../transaction/kept';
import type { Flow } from '../transport/types';
import type { SipResponse } from '../wire/message';
import type { Acknowledgement } from './acknowledgement';
import { endedBy, recordEnd } from './call-record';
import type { CoreContext } from './context';
import type { Dialog } from './dialog';
import type { Outgoing } from './outgoing';
import type { Parts } from './parts';
import { agreeAsUac } from './session-timer';

/** Branches of one fork that are ended one by one; a fork with more is somebody's mistake, and those end themselves unacknowledged. */
const MAX_FORKS = 16;

export class Invites {
  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  /** A provisional response with a To tag: PRACK and UPDATE can be sent now. The newest branch counts. */
  early(dialog: Dialog, response: SipResponse, flow: Flow): void {
    this.learn(dialog, response, flow);
    dialog.remoteTag = response.toTag;
  }

  /** The first 2xx. */
  answered(outgoing: Outgoing, dialog: Dialog, response: SipResponse, flow: Flow): void {
    const { request } = outgoing;
    if (outgoing.makesDialog) {
      dialog.remoteTag = response.toTag;
      dialog.state = 'confirmed';
    }
    this.learn(dialog, response, flow, outgoing.makesDialog);
    // Without a Contact in the 2xx there is at least the way the INVITE went: enough for ACK and BYE.
    dialog.remoteTarget ??= request?.uri;
    dialog.acknowledgement = { seq: outgoing.seq };
    if (request && request.body.length > 0) dialog.localSdp = request.body.toString('utf8');
    this.parts.sessions.arm(dialog, agreeAsUac(response, this.context.options.sessionTimer));
    if (outgoing.cancelled) dialog.endAfterAck = endedBy.crossedCancel;
    if (outgoing.own) this.parts.inDialog.sendAck(dialog, dialog.acknowledgement);
    else if (!this.context.isAlive(outgoing.app)) this.acknowledgeForLost(outgoing, dialog, dialog.acknowledgement);
    else this.expectAck(dialog, dialog.acknowledgement);
  }

  /** After 64*T1 the far end gives the call up for want of an ACK (RFC 3261 §13.3.1.4); an application that has sent none by then never will. */
  private expectAck(dialog: Dialog, acknowledgement: Acknowledgement): void {
    acknowledgement.overdue = this.context.clock.after(64 * this.context.options.t1, () => {
      if (!this.context.dialogs.has(dialog) || dialog.acknowledgement !== acknowledgement || acknowledgement.sent) return;
      this.context.count('unacknowledgedByApplication');
      this.parts.inDialog.sendAck(dialog, acknowledgement);
      this.parts.own.end(dialog, 'the application did not acknowledge the answer');
    });
  }

  /** A 2xx after the first: the same one again, or another branch. */
  again(outgoing: Outgoing, response: SipResponse, flow: Flow): void {
    const { dialog } = outgoing;
    if (!dialog) return;
    if (response.toTag === dialog.remoteTag) this.repeatAck(dialog, outgoing.seq);
    else if (outgoing.makesDialog) this.endBranch(dialog, outgoing.seq, response, flow);
  }

  /** A 2xx whose transaction is gone: a late retransmission. */
  stray(response: SipResponse): void {
    const dialog = this.context.dialogs.byOwnTag(response.callId, response.fromTag);
    if (dialog && dialog.remoteTag === response.toTag) this.repeatAck(dialog, response.cseq.seq);
    else this.context.count('strays');
  }

  /** RFC 3261 §13.2.2.4: what nobody will use is acknowledged and ended. */
  acknowledgeAndEnd(dialog: Dialog): void {
    const { acknowledgement } = dialog;
    if (!acknowledgement) return;
    this.parts.inDialog.sendAck(dialog, acknowledgement);
    this.parts.own.sendBye(dialog, undefined, (bye) => recordEnd(this.context, 'application', dialog, bye, endedBy.applicationGone));
    this.parts.inDialog.forget(dialog);
  }

  /** Nobody is left to send the ACK. A call that was up before stays up, if nothing more than the ACK was owed. */
  private acknowledgeForLost(outgoing: Outgoing, dialog: Dialog, acknowledgement: Acknowledgement): void {
    const owesAnswer = outgoing.request === undefined || outgoing.request.body.length === 0;
    if (outgoing.makesDialog || owesAnswer) this.acknowledgeAndEnd(dialog);
    else this.parts.inDialog.sendAck(dialog, acknowledgement);
  }

  private repeatAck(dialog: Dialog, seq: number): void {
    const sent = dialog.acknowledgement?.seq === seq ? dialog.acknowledgement.sent : undefined;
    // Not sent yet: the application's ACK is on its way and serves both.
    if (!sent) return;
    this.context.count('acksRepeated');
    sent.flow.send(bytesOf(sent.data));
  }

  private endBranch(first: Dialog, seq: number, response: SipResponse, flow: Flow): void {
    const tag = response.toTag;
    if (tag === undefined) return;
    const known = first.forks?.get(tag);
    if (known) {
      this.repeatAck(known, seq);
      return;
    }
    first.forks ??= new Map();
    if (first.forks.size >= MAX_FORKS) return;
    this.context.count('forkedAnswers');
    const branch = first.branch(tag, seq);
    first.forks.set(tag, branch);
    this.learn(branch, response, flow);
    if (branch.remoteTarget === undefined) return;
    branch.acknowledgement = { seq };
    this.parts.inDialog.sendAck(branch, branch.acknowledgement);
    this.parts.own.sendBye(branch, 'another branch of the call was answered first');
  }

  private learn(dialog: Dialog, response: SipResponse, flow: Flow, withRoutes = true): void {
    if (!dialog.learn(response, flow, withRoutes)) this.context.log.info({ callId: dialog.callId }, 'a response names no usable target');
  }
}
