/** Replaces (RFC 3891): a new call that takes the place of one of ours. */
import { parameters } from './headers';
import type { Core } from './sip-js';

interface Replaceable {
  has(dialogId: string): boolean;
  readonly isUp: boolean;
  readonly direction: 'in' | 'out';
}

/** undefined: nothing is replaced. `status`: what the INVITE is to be answered with instead (§3). */
export function replacedBy<C extends Replaceable>(message: Core.IncomingMessage, calls: readonly C[]): { call: C } | { status: number } | undefined {
  const value = message.getHeader('replaces');
  if (value === undefined) return undefined;
  const { value: callId, params } = parameters(value);
  const toTag = params.get('to-tag');
  const fromTag = params.get('from-tag');
  if (message.getHeaders('replaces').length > 1 || !callId || toTag === undefined || fromTag === undefined) return { status: 400 };
  // As sip.js names its dialogs: Call-ID, our tag, theirs. The header is written from the view of whoever gets it.
  const call = calls.find((one) => one.has(callId + toTag + fromTag));
  if (!call) return { status: 481 };
  if (call.isUp) return params.has('early-only') ? { status: 486 } : { call };
  // A call that rings here cannot be taken from us that way; one that we made can.
  return call.direction === 'out' ? { call } : { status: 481 };
}
