/**
 * What whoever has sent a REFER hears of it (RFC 3515 §2.4.4, §2.4.5): NOTIFYs in its dialog with a status line as their body. One at a time, so
 * that they arrive in order; what was overtaken meanwhile is not sent any more.
 */
import { sendInDialog, type Dialog } from './dialogs';

type Phone = Pick<Dialog, 'connected' | 'request' | 'local'>;

interface Notice {
  state: string;
  line: string;
  sent: () => void;
}

/** Dialogs in which there was a REFER before: from the second on, the subscription is named by the CSeq number of its REFER (§2.4.6). */
const referredBefore = new WeakSet<Phone>();

export class ReferNotices {
  private readonly event: string;
  private sending = false;
  private next: Notice | undefined;
  private over = false;

  /** `seconds`: at most so long will it take. `wanted`: false when the phone has asked not to hear of it (RFC 4488). */
  constructor(
    private readonly phone: Phone,
    cseq: number,
    private readonly seconds: number,
    private readonly wanted: boolean,
  ) {
    this.event = referredBefore.has(phone) ? `refer;id=${cseq}` : 'refer';
    referredBefore.add(phone);
  }

  progress(status: number): void {
    this.notify({ state: `active;expires=${this.seconds}`, line: `SIP/2.0 ${status} ${phrases[status] ?? 'Session Progress'}`, sent: () => undefined });
  }

  /** The last one. `sent`: the phone has had it, or will not have it. */
  final(status: number, reason: string, sent: () => void): void {
    this.notify({ state: 'terminated;reason=noresource', line: `SIP/2.0 ${status} ${reason}`, sent });
    this.over = true;
  }

  private notify(notice: Notice): void {
    if (this.over) return;
    if (!this.wanted) {
      notice.sent();
      return;
    }
    this.next = notice;
    if (!this.sending) this.send();
  }

  private send(): void {
    const notice = this.next;
    if (!notice) return;
    this.next = undefined;
    this.sending = true;
    const headers = { Event: this.event, 'Subscription-State': notice.state, 'Content-Type': 'message/sipfrag;version=2.0', Contact: this.phone.local.contact };
    sendInDialog(this.phone, { method: 'NOTIFY', headers, body: `${notice.line}\r\n` }, () => {
      // whatever it says: a phone that does not want to know is transferred all the same
      this.sending = false;
      notice.sent();
      this.send();
    });
  }
}

const phrases: Readonly<Record<number, string>> = { 100: 'Trying', 180: 'Ringing', 181: 'Call Is Being Forwarded', 182: 'Queued' };
