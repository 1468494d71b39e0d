/**
 * Dialogs whose application is gone. An application that has a name (its tags on the control port) may come back within a grace and is
 * handed its dialogs again; in the meantime, and when it does not come, the engine speaks for it:
 *
 *     application gone ──▶ waiting: requests get 503 with Retry-After, BYE gets 200 and is kept for it
 *                            ├─ same name again ──▶ its dialogs are the new connection's, with what it missed
 *                            └─ grace over      ──▶ BYE (subscriptions: RFC 6665 §4.4.1)
 *
 * 503 rather than 480: RFC 5057 §5.1 has 503 fail the transaction alone, and what is passing here is this server, not the user.
 */
import type { Timer } from '../../clock';
import type { ServerTransaction } from '../transaction/types';
import type { SipRequest } from '../wire/message';
import type { App, RequestDelivery } from './app';
import { endedBy, recordEnd } from './call-record';
import type { CoreContext } from './context';
import type { Dialog } from './dialog';
import type { Parts } from './parts';

interface Family {
  identity: string;
  /** What the application would have been told: at most an ACK and a BYE for each of its dialogs. */
  missed: RequestDelivery[];
  /** When the grace is over. */
  deadline: number;
  timer: Timer;
}

export class Orphans {
  private readonly families = new Map<App, Family>();

  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  /** Applications that are waited for. */
  get waiting(): number {
    return this.families.size;
  }

  /** An application is gone, and everything it owed an answer to has been answered. */
  lost(app: App): void {
    const { clock, options } = this.context;
    const { identity } = app;
    if (identity !== undefined && options.applicationGraceMs > 0) {
      const timer = clock.after(options.applicationGraceMs, () => this.giveUp(app));
      this.families.set(app, { identity, missed: [], deadline: clock.now() + options.applicationGraceMs, timer });
    }
    let kept = 0;
    for (const dialog of this.of(app)) {
      // Calls we are still making are given up by CANCEL, and need their dialog until the answer to that.
      if (dialog.state === 'early') {
        if (dialog.role === 'uas') this.parts.inDialog.forget(dialog);
      } else if (dialog.acknowledgement && !dialog.acknowledgement.sent) {
        // It was told of a 2xx and can have done nothing with it.
        this.parts.invites.acknowledgeAndEnd(dialog);
      } else if (this.families.has(app)) kept++;
      else this.end(dialog);
    }
    if (kept > 0) {
      this.context.count('orphanedDialogs', kept);
      this.context.log.warn({ app: app.name, dialogs: kept, graceMs: options.applicationGraceMs }, 'an application is gone, its dialogs wait for it');
    } else this.drop(app);
  }

  /** An application has come: what waits for one of its name is its own now. */
  returned(app: App): void {
    for (const [old, family] of this.families) {
      if (family.identity !== app.identity) continue;
      this.drop(old);
      let count = 0;
      for (const dialog of this.of(old)) {
        dialog.app = app;
        count++;
      }
      this.context.count('returnedDialogs', count);
      this.context.log.info({ app: app.name, dialogs: count }, 'an application is back and has its dialogs again');
      for (const delivery of family.missed) app.deliverRequest(delivery);
    }
  }

  /** Keeps what an application that is gone should know when it comes back. */
  missed(app: App, delivery: RequestDelivery): void {
    this.families.get(app)?.missed.push(delivery);
  }

  /** A request in a dialog whose application is gone. The sequence number has been checked. */
  answer(dialog: Dialog, transaction: ServerTransaction, request: SipRequest, delivery: RequestDelivery): void {
    const { responses, inDialog } = this.parts;
    const family = this.families.get(dialog.app);
    if (request.method === 'BYE') {
      // RFC 3261 §15.1.2: to the caller the call is over whoever answers.
      recordEnd(this.context, 'network', dialog, request);
      inDialog.forget(dialog);
      responses.refuse(transaction, request, 200);
      this.missed(dialog.app, { ...delivery, transactionId: 'unsolicited', envelope: { ...delivery.envelope, source: 'application' } });
      return;
    }
    this.context.count('applicationLost');
    const seconds = family ? Math.max(1, Math.ceil((family.deadline - this.context.clock.now()) / 1000)) : 1;
    responses.refuse(transaction, request, 503, undefined, [['Retry-After', String(seconds)]]);
  }

  close(): void {
    for (const app of [...this.families.keys()]) this.drop(app);
  }

  private giveUp(app: App): void {
    this.drop(app);
    for (const dialog of this.of(app)) this.end(dialog);
  }

  private end(dialog: Dialog): void {
    this.context.count('orphansEnded');
    if (dialog.method !== 'INVITE') this.parts.subscriptions.abandon(dialog);
    // RFC 3261 §15: the called side waits for its ACK.
    else if (dialog.answer) dialog.waiting.until('acknowledged', () => this.parts.own.end(dialog, endedBy.applicationGone));
    else this.parts.own.end(dialog, endedBy.applicationGone);
  }

  private drop(app: App): void {
    this.families.get(app)?.timer.cancel();
    this.families.delete(app);
  }

  private of(app: App): Dialog[] {
    return [...this.context.dialogs].filter((dialog) => dialog.app === app);
  }
}
