/** What becomes of an INVITE to us: refused, or a call that rings, takes the place of another one (RFC 3891), or is answered by itself. */
import type { PhoneCall } from './call';
import type { CallHost } from './call-host';
import type { Party } from './events';
import type { CallMedia } from './media';
import type { Account } from './phone-types';
import { InviteIn } from './sip/invite-in';
import { replacedBy } from './sip/replaces';
import { statusOf } from './sip/session';
import type { Core } from './sip/sip-js';

export interface IncomingHost<M extends CallMedia> extends CallHost<M> {
  readonly account: Account;
  readonly live: ReadonlyArray<PhoneCall<M>>;
  /** Calls that come in are refused with 486. */
  readonly busy: boolean;
  /** Opens the sound of a call. Errors: PhoneError. */
  openCall(direction: 'in' | 'out', party: Party, remoteHost: string): Promise<PhoneCall<M>>;
}

/** `autoAnswerMs`: answers after so long by itself; undefined: it does not. */
export async function takeInvite<M extends CallMedia>(phone: IncomingHost<M>, request: Core.IncomingInviteRequest, autoAnswerMs: number | undefined): Promise<void> {
  const { message } = request;
  const replaced = replacedBy(message, phone.live);
  if (replaced && 'status' in replaced) return void request.reject({ statusCode: replaced.status });
  if (!replaced && phone.busy) return void request.reject({ statusCode: 486 });
  let call: PhoneCall<M> | undefined;
  let over = false;
  const incoming = new InviteIn(phone, request, {
    cancelled: (reason, elsewhere) => {
      over = true;
      call?.cancelled(reason, elsewhere);
    },
    prackAnswer: async (sdp) => call?.media.accept(sdp),
    failed: (status, reason) => call?.cancelled(reason, false, status),
    fault: (err) => phone.fault(err),
  });
  const party = phone.identify(message, 'from');
  try {
    call = await phone.openCall('in', party, phone.account.server?.host ?? message.via.host);
  } catch (err) {
    incoming.reject(statusOf(err));
    return phone.fault(err);
  }
  if (over) return call.cancelled('cancelled', false);
  const refused = call.timer.answer(message);
  if ('status' in refused) {
    incoming.reject(refused.status, refused.headers);
    return call.cancelled('session timer', false, refused.status);
  }
  call.timer.stop();
  try {
    if (incoming.offer !== undefined) await call.check(incoming.offer);
  } catch (err) {
    // It never rings: nobody could answer it.
    incoming.reject(statusOf(err));
    return call.cancelled('media', false, statusOf(err));
  }
  if (over) return;
  call.replaces = replaced?.call;
  await call.ring(incoming, phone.live.some((other) => other !== call && other.isUp));
  if (replaced) await call.answer().catch((err) => phone.fault(err));
  else if (autoAnswerMs !== undefined) answerAfter(phone, call, autoAnswerMs);
}

function answerAfter<M extends CallMedia>(phone: IncomingHost<M>, call: PhoneCall<M>, ms: number): void {
  const timer = phone.clock.after(ms, () => void (call.state === 'incoming' && call.answer().catch((err) => phone.fault(err))));
  void call.ended.then(() => timer.cancel());
}
