/**
 * Call records of a proxied INVITE (PROTOCOL 20). What came from the caller was recorded when it came; each target is a call of its own:
 *
 *     attempt|network ── start|application|proxy-uas, or stop|application           the caller's
 *     attempt|application ── start|network|proxy-uac, or stop|network               a target's
 *     stop|network and stop|application                                             a BYE that goes through a record-routed call
 */
import type { SipRequest, SipResponse } from '../../wire/message';
import { recordAttempt, recordFailure, recordRelease, recordStart } from '../call-record';
import type { CoreContext } from '../context';

export interface ProxyRecords {
  tried(copy: SipRequest): void;
  /** A target's first 2xx. */
  answered(response: SipResponse): void;
  failed(response: SipResponse): void;
  /** The final response as the caller gets it. `cancelled`: it gave up. */
  concluded(response: SipResponse, cancelled: boolean): void;
}

/** Undefined: no call is set up with this request. */
export function recordsFor(context: CoreContext, request: SipRequest): ProxyRecords | undefined {
  if (request.method !== 'INVITE') return undefined;
  return {
    tried: (copy) => recordAttempt(context, 'application', copy),
    answered: (response) => recordStart(context, 'network', 'proxy-uac', response),
    failed: (response) => recordFailure(context, 'network', response.status === 487 ? 'call-canceled' : 'call-rejected', response),
    concluded: (response, cancelled) => {
      if (response.status < 300) recordStart(context, 'application', 'proxy-uas', response);
      else if (cancelled) recordFailure(context, 'network', 'call-canceled', request);
      else recordFailure(context, 'application', 'call-rejected', response);
    },
  };
}

export function recordsForBye(context: CoreContext, bye: SipRequest): ProxyRecords {
  recordRelease(context, 'network', bye);
  return { tried: (copy) => recordRelease(context, 'application', copy), answered: () => undefined, failed: () => undefined, concluded: () => undefined };
}
