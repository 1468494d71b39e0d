/**
 * Calls for help are served as long as anything is (RFC 7339 §5.10.1). Only the service URN counts (RFC 5031 §4.2): Priority and
 * Resource-Priority can be written by anybody, and would be.
 */
import type { SipRequest } from '../wire/message';

export function isEmergency({ method, uri }: SipRequest): boolean {
  return method === 'INVITE' && /^urn:service:sos(?:\.|$)/i.test(uri);
}
