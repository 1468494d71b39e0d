/** An INVITE before it is a call, and what it offers. */
import { parseSdp, pickOffer, SdpError, type Picked, type SessionDescription, type SrtpPolicy } from '../../media/sdp';
import type { Extension } from '../store/store';
import type { Call } from './call';
import type { SipRequest, SipResponder } from './dialogs';
import type { Refusal } from './exchange';
import { sdpOf, sdpRefusal } from './sdp-body';

/** An INVITE from the moment it is here. CANCEL may come at any time, also while the directory is asked. */
export class Arrival {
  dialled = '';
  call: Call | undefined;
  cancelled = false;
  onCancel: () => void = () => undefined;
  private answered = false;

  constructor(
    readonly req: SipRequest,
    readonly res: SipResponder,
    readonly caller: Extension,
  ) {
    req.on('cancel', () => {
      this.cancelled = true;
      this.onCancel();
    });
  }

  answer(status: number, reason: string, headers: Record<string, string>): void {
    if (this.answered) return;
    this.answered = true;
    this.res.send(status, reason, { headers });
  }
}

/** What the INVITE offers; undefined when it has no SDP. */
export function sessionOf(req: SipRequest): SessionDescription | Refusal | undefined {
  const body = sdpOf(req);
  if ('refusal' in body) return body.refusal;
  return body.sdp === undefined ? undefined : orRefusal(() => parseSdp(body.sdp as string));
}

/** `srtp`: the policy of the extension it is from. */
export const offerIn = (session: SessionDescription, srtp: SrtpPolicy): Picked | Refusal => orRefusal(() => pickOffer(session, srtp));

function orRefusal<T>(fn: () => T): T | Refusal {
  try {
    return fn();
  } catch (err) {
    if (err instanceof SdpError) return sdpRefusal(err);
    throw err;
  }
}
