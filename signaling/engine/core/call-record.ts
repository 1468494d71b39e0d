/**
 * Call detail records (PROTOCOL 20): for whoever has asked for them, what became of each call. Every attempt has one end:
 *
 *     attempt ─┬─ start ── stop: normal-release, session-expired, ack-timeout, system-initiated-termination
 *              └─ stop: call-rejected, call-canceled
 */
import type { SipRequest, SipResponse } from '../wire/message';
import type { CoreContext } from './context';
import type { Dialog } from './dialog';

export type CallRole = 'uas' | 'uac' | 'proxy-uas' | 'proxy-uac';
export type CallEnd = 'call-rejected' | 'call-canceled' | 'normal-release' | 'session-expired' | 'ack-timeout' | 'system-initiated-termination';

interface Said {
  /** Who sent the message: the other end, or an application (or the engine for it). */
  source: 'network' | 'application';
  message: SipRequest | SipResponse;
}

export type CallRecord = Said & ({ event: 'attempt' } | { event: 'start'; role: CallRole } | { event: 'stop'; reason: CallEnd });

/** Why the engine ends a call by itself, as the Reason header says it. */
export const endedBy = {
  ackTimeout: 'ACK timeout',
  sessionExpired: 'Session timer expired',
  crossedCancel: 'ACK-BYE due to cancel race condition',
  applicationGone: 'the application is gone',
} as const;

export function recordAttempt(context: CoreContext, source: Said['source'], message: SipRequest): void {
  context.apps.record?.({ event: 'attempt', source, message });
}

export function recordStart(context: CoreContext, source: Said['source'], role: CallRole, message: SipResponse): void {
  context.apps.record?.({ event: 'start', source, role, message });
}

/** A call that never was one. */
export function recordFailure(context: CoreContext, source: Said['source'], reason: 'call-rejected' | 'call-canceled', message: SipRequest | SipResponse): void {
  context.apps.record?.({ event: 'stop', source, reason, message });
}

/** A call that was up has ended, with this BYE: told once, however many BYEs there are. */
export function recordEnd(context: CoreContext, source: Said['source'], dialog: Dialog, bye: SipRequest, why?: string): void {
  if (dialog.method !== 'INVITE' || dialog.endRecorded) return;
  dialog.endRecorded = true;
  context.apps.record?.({ event: 'stop', source, reason: endOf(why), message: bye });
}

/** A call that only passed through here is ended, with this BYE: as it came, and as it was sent on. */
export function recordRelease(context: CoreContext, source: Said['source'], bye: SipRequest): void {
  context.apps.record?.({ event: 'stop', source, reason: 'normal-release', message: bye });
}

function endOf(why: string | undefined): CallEnd {
  if (why === undefined) return 'normal-release';
  if (why === endedBy.sessionExpired) return 'session-expired';
  return why === endedBy.ackTimeout ? 'ack-timeout' : 'system-initiated-termination';
}
