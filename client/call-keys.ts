/** Key presses of a call: sent as events, tones or INFO (RFC 4733, RFC 6086), and told when they come by INFO. */
import type { CallEvent } from './events';
import type { CallMedia } from './media';
import { PhoneError, type DtmfWay } from './phone-types';
import { digitIn, isDigits, sendByInfo } from './sip/dtmf-info';
import type { Session } from './sip/session';
import type { Core } from './sip/sip-js';

/** `audible`: what is pressed is heard over there already (early media, or the call is up). Errors: PhoneError. */
export async function sendDigits(call: { media: CallMedia; session: Session | undefined; audible: boolean; guarded<T>(work: Promise<T>): Promise<T> }, digits: string, way: DtmfWay): Promise<void> {
  if (!isDigits(digits)) throw new PhoneError('wrong-state', `“${digits}”: keys are 0 to 9, *, # and A to D`);
  if (!call.audible || (way === 'info' && !call.session)) throw new PhoneError('wrong-state', 'keys can be pressed once the call is answered');
  if (way === 'info') return call.guarded(sendByInfo(call.session!.dialog, digits));
  if (!call.media.sendDigits(digits.toUpperCase(), way)) throw new PhoneError('not-supported', 'the far end does not take key presses as RFC 4733 events: use INFO or tones');
}

/** Answers an INFO of the far end's. */
export function takeInfo(call: { id: string; emit(event: CallEvent): void }, request: Core.IncomingInfoRequest): void {
  const key = digitIn(request.message);
  // An INFO without a body asks whether we are there (RFC 6086 §9); of other kinds there are none that we know.
  if (!key && request.message.body) return void request.reject({ statusCode: 415, extraHeaders: ['Accept: application/dtmf-relay, application/dtmf'] });
  request.accept();
  if (key) call.emit({ event: 'digit', call: call.id, digit: key.digit, by: 'info', durationMs: key.durationMs });
}
