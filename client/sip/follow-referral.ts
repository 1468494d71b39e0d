/** The far end transfers us (RFC 3515 §2.4, RFC 5589): we call whom it names, and tell it how that goes. The call with it ends when it hangs up. */
import type { PhoneCall } from '../call';
import type { Party, PhoneEvent } from '../events';
import type { CallMedia } from '../media';
import { PhoneError, type Phone } from '../phone-types';
import { allow, type Agent } from './agent';
import { header } from './headers';
import { nameAddr } from './party';
import { ReferralProgress } from './refer';
import type { Core } from './sip-js';

export interface Follower<M extends CallMedia> {
  readonly agent: Agent;
  call(target: Core.URI, party: Party, headers: string[], holdOthers: boolean, prepare: (call: PhoneCall<M>) => void): Promise<PhoneCall<M>>;
  on: Phone['on'];
  emit(event: PhoneEvent): void;
  fault(err: unknown): void;
}

export function follow<M extends CallMedia>(phone: Follower<M>, call: PhoneCall<M>, request: Core.IncomingReferRequest, willing: boolean): void {
  const { message } = request;
  const target = nameAddr(phone.agent.sip, header(message, 'refer-to') ?? '');
  const refuse = (statusCode: number): void => {
    request.reject({ statusCode });
    if (target) phone.emit({ event: 'referred', call: call.id, to: target.party.uri, newCall: null });
  };
  const { session } = call;
  // Exactly one Refer-To (§2.4.2); only calls are made, and nothing but calls.
  const method = target?.uri.getParam('method');
  if (!target || !session || message.getHeaders('refer-to').length > 1) return refuse(400);
  if (target.uri.scheme !== 'sip') return refuse(416);
  if (!willing || (method && method.toUpperCase() !== 'INVITE')) return refuse(603);
  request.accept({ statusCode: 202, extraHeaders: [phone.agent.contact, allow] });
  const progress = new ReferralProgress(phone.agent, session.dialog, message.cseq, (err) => phone.fault(err));
  progress.tell(100, 'Trying');
  const replaces = target.uri.getHeader('replaces')?.[0];
  const by = header(message, 'referred-by');
  const headers = [...(replaces === undefined ? [] : [`Replaces: ${decoded(replaces)}`]), ...(by === undefined ? [] : [`Referred-By: ${by}`])];
  const uri = target.uri.clone();
  uri.deleteParam('method');
  // The far end holds us already, and is about to hang up: holding it in turn would only cross that.
  const started = phone.call(uri, target.party, headers, false, (made) => {
    made.follows = call;
    call.media.setActive(false);
    made.media.setActive(true);
    phone.emit({ event: 'referred', call: call.id, to: target.party.uri, newCall: made.id });
    const forget = phone.on('ringing', (event) => event.call === made.id && progress.tell(event.status, event.status === 180 ? 'Ringing' : 'Session Progress'));
    made.answered.then(
      () => progress.tell(200, 'OK'),
      (err: unknown) => {
        progress.tell((err instanceof PhoneError ? err.status : null) ?? 500, 'Failed');
        if (call.state === 'up') call.media.setActive(true);
      },
    ).finally(forget);
  });
  started.catch((err: unknown) => {
    progress.tell(500, 'Failed');
    if (call.state === 'up') call.media.setActive(true);
    phone.fault(err);
  });
}

/** Header fields in an address are escaped (RFC 3261 §19.1.1); a line break must not come out of that. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text).replace(/[\r\n]/g, '');
  } catch {
    return text;
  }
}
