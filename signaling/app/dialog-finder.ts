/** Finding a call by a dialog of one of its phones, as Replaces headers name it (RFC 3891 §3). */
import type { Call } from './call';
import type { Found } from './displacing';
import { lampCall } from './lamps';
import type { DialogName } from './refer';

/** The leg with this dialog; of a call that still rings, the one whose INVITE it is, which has no dialog on our side yet. */
export function findDialog(calls: Iterable<Call>, { callId, localTag, remoteTag }: DialogName): Found | undefined {
  const shown = lampCall(callId);
  for (const call of calls) {
    const { invite, caller, callee } = call;
    // as watchers know it, who cannot tell the two sides apart
    if (call.id === shown) return { call, leg: callee ?? caller };
    for (const leg of callee ? [caller, callee] : [caller]) {
      const sip = leg.over ? undefined : leg.dialog?.sip;
      if (sip?.callId === callId && sip.localTag === localTag && sip.remoteTag === remoteTag) return { call, leg };
    }
    if (invite && !caller.dialog && invite.get('Call-ID') === callId && invite.get('From')?.includes(`tag=${remoteTag}`)) return { call, leg: caller };
  }
  return undefined;
}

/** The call that rings with such a dialog: as lamps show it, the caller's, or that of a phone that rings, whose tags are known to nobody but it and the engine. */
export function findRinging(calls: Iterable<Call>, callId: string): Call | undefined {
  const shown = lampCall(callId);
  for (const call of calls) if (call.state === 'ringing' && (call.id === shown || call.dialogs.some((one) => one.callId === callId))) return call;
  return undefined;
}
