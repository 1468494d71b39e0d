/** What makes two messages the same transaction (RFC 3261 §17.1.3, §17.2.3). */
import type { SipRequest, SipResponse } from '../wire/message';

export const MAGIC_COOKIE = 'z9hG4bK';

/** §17.1.3: the branch and the method of CSeq (a CANCEL has the branch of its INVITE). */
export function clientKey(branch: string, method: string): string {
  return `${method} ${branch}`;
}

export function clientKeyOf(response: SipResponse): string | undefined {
  const { branch } = response.topVia;
  return branch === undefined ? undefined : clientKey(branch, response.cseq.method);
}

/**
 * §17.2.3: branch, sent-by and method, the method of an ACK being INVITE's. The CSeq number is added: it makes no difference to
 * conforming clients (ACK and CANCEL have their INVITE's), and keeps apart the requests of those that use one branch for a request
 * and its repetition with credentials.
 *
 * Without the magic cookie (RFC 2543) there is no unique branch: Request-URI, From tag, Call-ID, CSeq and top Via are compared. The
 * To tag is left out on purpose: the ACK carries the tag of our response, the INVITE did not, and both have to lead to one key.
 *
 * @param method the method of the transaction looked for: the request's own, 'INVITE' for an ACK and for what a CANCEL cancels
 */
export function serverKey(request: SipRequest, method: string = request.method): string {
  const via = request.topVia;
  const sentBy = `${via.host.toLowerCase()}:${via.port ?? ''}`;
  const { seq } = request.cseq;
  if (via.branch !== undefined && via.branch.startsWith(MAGIC_COOKIE)) return `${method} ${seq} ${sentBy} ${via.branch}`;
  return `${method} ${seq} ${sentBy} ${via.protocol} ${via.branch ?? ''} ${request.uri} ${request.fromTag ?? ''} ${request.callId}`;
}
