/** Dialogs made by SUBSCRIBE (RFC 6665): confirmed by a 2xx, kept while the subscription lasts, gone with the final NOTIFY or when nobody renews. */
import type { Flow } from '../transport/types';
import type { SipResponse } from '../wire/message';
import type { CoreContext } from './context';
import type { Dialog } from './dialog';
import type { Parts } from './parts';

/** RFC 6665 §4.1.2.1 leaves the default to the event package; an hour is the usual one. */
const DEFAULT_SECONDS = 3600;

export class Subscriptions {
  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  /** A 2xx to our SUBSCRIBE. A NOTIFY that overtook it waits until the application has been told (RFC 6665 §4.4.1). */
  confirmed(dialog: Dialog, response: SipResponse, flow: Flow): void {
    if (!this.context.isAlive(dialog.app)) {
      this.parts.inDialog.forget(dialog);
      return;
    }
    dialog.remoteTag = response.toTag;
    dialog.state = 'confirmed';
    dialog.learn(response, flow, true);
    this.keep(dialog, response);
  }

  /** Its application is gone for good: the other end is told (RFC 6665 §4.1.2.3, §4.4.1: `deactivated` invites it to subscribe again). */
  abandon(dialog: Dialog): void {
    const headers: Array<[string, string]> = dialog.role === 'uas' ? [['Subscription-State', 'terminated;reason=deactivated']] : [['Expires', '0']];
    if (dialog.event !== undefined) headers.push(['Event', dialog.event]);
    this.parts.inDialog.forget(dialog);
    this.parts.own.sendLast(dialog, dialog.role === 'uas' ? 'NOTIFY' : 'SUBSCRIBE', headers);
  }

  /** From a 2xx on the dialog lives for its Expires, and a little for the last NOTIFY. */
  keep(dialog: Dialog, response: SipResponse): void {
    if (dialog.method !== 'SUBSCRIBE') return;
    const expires = /^\s*(\d{1,7})\s*$/.exec(response.headers.get('expires') ?? '')?.[1];
    const ms = Number(expires ?? DEFAULT_SECONDS) * 1000 + 64 * this.context.options.t1;
    dialog.stopExpiry?.();
    const timer = this.context.clock.after(ms, () => this.parts.inDialog.forget(dialog));
    dialog.stopExpiry = () => timer.cancel();
  }
}
