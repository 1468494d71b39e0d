/**
 * Transfers (RFC 3515, RFC 5589). Out: REFER, then the far end tells by NOTIFY (message/sipfrag) how the new call goes. In: we call whom we are
 * referred to and tell the same.
 */
import type { Clock, Timer } from '../clock';
import { PhoneError } from '../phone-types';
import { sentenceFor } from '../sentences';
import type { Agent } from './agent';
import { header, parameters } from './headers';
import type { Core } from './sip-js';

/** 'SIP/2.0 180 Ringing' (RFC 3420); undefined: something else. */
export function sipfrag(body: string): { status: number; reason: string } | undefined {
  const match = /^\s*SIP\/2\.0[ \t]+([1-6]\d\d)(?:[ \t]+([^\r\n]*))?/i.exec(body);
  return match ? { status: Number(match[1]), reason: (match[2] ?? '').trim() } : undefined;
}

export const isRefer = (message: Core.IncomingMessage): boolean => parameters(header(message, 'event') ?? '').value.toLowerCase() === 'refer';

/** Nothing was told at all for so long, or nothing final for so long, ms. */
const firstWordMs = 32_000;
const lastWordMs = 180_000;

/** Our REFER. Resolves (`done`) when the far end said that the new call stands; rejects with a PhoneError when it does not come to that. */
export class TransferOut {
  readonly done: Promise<void>;
  private finish!: (problem?: PhoneError) => void;
  private finished = false;
  private accepted = false;
  private timer: Timer;

  constructor(
    agent: Agent,
    private readonly clock: Clock,
    dialog: Core.Session,
    referTo: string,
    private readonly progress: (status: number, reason: string) => void,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.finish = (problem) => {
        if (this.finished) return;
        this.finished = true;
        this.timer.cancel();
        if (problem) reject(problem);
        else resolve();
      };
    });
    this.timer = this.limit(firstWordMs);
    const fail = ({ message }: Core.IncomingResponse): void => this.failed(message.statusCode ?? 500, message.reasonPhrase ?? '');
    dialog.refer(
      {
        onAccept: ({ message }) => {
          this.accepted = true;
          this.progress(message.statusCode ?? 202, message.reasonPhrase ?? 'Accepted');
          // RFC 4488: nothing more will be told.
          if (/^\s*false/i.test(header(message, 'refer-sub') ?? '')) this.finish();
        },
        onReject: fail,
        onRedirect: fail,
      },
      { extraHeaders: [`Refer-To: ${referTo}`, `Referred-By: <${agent.aor.toString()}>`, agent.contact] },
    );
  }

  notify(request: Core.IncomingNotifyRequest): void {
    request.accept();
    if (this.finished) return;
    this.accepted = true;
    const told = sipfrag(request.message.body);
    const over = /^\s*terminated/i.test(request.message.getHeader('subscription-state') ?? '');
    if (told && told.status >= 300) return this.failed(told.status, told.reason);
    if (told && told.status >= 200) {
      this.progress(told.status, told.reason);
      return this.finish();
    }
    if (told) this.progress(told.status, told.reason);
    if (over) return this.failed(487, 'the far end stopped telling about it');
    this.timer.cancel();
    this.timer = this.limit(lastWordMs);
  }

  /** The call is over. Many phones hang up instead of telling that it worked. */
  callEnded(byFarEnd: boolean): void {
    if (byFarEnd && this.accepted) this.finish();
    else this.finish(new PhoneError('refused', 'the call ended before it was transferred'));
  }

  private failed(status: number, reason: string): void {
    this.finish(new PhoneError('refused', sentenceFor(status, reason, 'transfer'), status));
  }

  private limit(ms: number): Timer {
    return this.clock.after(ms, () => this.finish(new PhoneError('timeout', 'the far end does not say how the transfer went', 408)));
  }
}

/** How we tell whoever referred us; the subscription that REFER made (RFC 3515 §2.4.4). */
export class ReferralProgress {
  private over = false;

  constructor(
    private readonly agent: Agent,
    private readonly dialog: Core.Session,
    /** CSeq of the REFER: names the subscription when there are several (§2.4.6). */
    private readonly id: number,
    private readonly fault: (err: unknown) => void,
  ) {}

  tell(status: number, reason: string): void {
    if (this.over) return;
    this.over = status >= 200;
    const state = this.over ? 'terminated;reason=noresource' : 'active;expires=180';
    try {
      this.dialog.notify(
        { onReject: ({ message }) => void ((message.statusCode === 481 || message.statusCode === 408) && (this.over = true)) },
        {
          extraHeaders: [`Event: refer;id=${this.id}`, `Subscription-State: ${state}`, this.agent.contact],
          body: { contentDisposition: 'render', contentType: 'message/sipfrag;version=2.0', content: `SIP/2.0 ${status} ${reason.replace(/[\r\n]/g, ' ')}\r\n` },
        },
      );
    } catch (err) {
      this.over = true;
      this.fault(err);
    }
  }
}
