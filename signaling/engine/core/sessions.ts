/** Session timers at work (RFC 4028 §7.4, §10): refreshing what we refresh, ending what nobody refreshed. See session-timer.ts for the rules. */
import type { SipRequest, SipResponse } from '../wire/message';
import { endedBy } from './call-record';
import type { CoreContext } from './context';
import type { Dialog } from './dialog';
import type { Parts } from './parts';
import { SessionTimer, type Agreement } from './session-timer';

/** RFC 3261 §14.1: how long to keep away after a glare when nobody says otherwise; between 2.1 and 4 seconds for a dialog's maker. */
const GLARE_MS = 3000;
/** A refresh that finds another INVITE under way looks again after this. */
const BUSY_MS = 2000;

export class Sessions {
  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  /** Starts, restarts or (undefined) stops the clock of a dialog. */
  arm(dialog: Dialog, agreement: Agreement | undefined): void {
    dialog.sessionTimer?.stop();
    dialog.sessionTimer = undefined;
    if (!agreement) return;
    dialog.sessionTimer = new SessionTimer(this.context.clock, agreement, {
      refresh: () => this.refresh(dialog, agreement),
      expired: () => {
        this.context.count('sessionsExpired');
        this.parts.own.end(dialog, endedBy.sessionExpired);
      },
    });
  }

  /** UPDATE if the peer takes it: it carries no session description that could change something. Else the INVITE again, as it was. */
  private refresh(dialog: Dialog, agreement: Agreement): void {
    if (dialog.outgoingInvite || dialog.incomingInvite || dialog.answer) {
      dialog.sessionTimer?.retryAfter(this.within(agreement, BUSY_MS));
      return;
    }
    const useUpdate = dialog.takesUpdate || dialog.localSdp === undefined;
    this.context.count('refreshesSent');
    this.parts.own.sendOwn(
      dialog,
      useUpdate ? 'UPDATE' : 'INVITE',
      (request) => complete(request, useUpdate ? undefined : dialog.localSdp),
      (response) => this.refreshed(dialog, agreement, response),
    );
  }

  private refreshed(dialog: Dialog, agreement: Agreement, response: SipResponse): void {
    // A 2xx has armed the next interval already, as every 2xx to an INVITE or UPDATE does.
    if (response.status < 300) return;
    if (response.status === 408 || response.status === 481) {
      this.context.count('sessionsExpired');
      this.parts.own.end(dialog, endedBy.sessionExpired);
      return;
    }
    if (response.status === 422) {
      const minimum = Number(response.headers.get('min-se'));
      if (minimum > agreement.interval && minimum < 1e6) {
        this.arm(dialog, { ...agreement, interval: minimum });
        dialog.sessionTimer?.retryAfter(0);
        return;
      }
    }
    dialog.sessionTimer?.retryAfter(this.within(agreement, GLARE_MS));
  }

  private within(agreement: Agreement, ms: number): number {
    return Math.min(ms, (agreement.interval * 1000) / 10);
  }
}

function complete(request: SipRequest, sdp: string | undefined): void {
  if (!sdp) return;
  request.headers.append('Content-Type', 'application/sdp');
  request.body = Buffer.from(sdp);
}
