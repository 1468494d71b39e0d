/** What a client transaction adds to or derives from its request: Via (RFC 3261 §8.1.1.7, RFC 3581 §3), CANCEL (§9.1), ACK to a non-2xx (§17.1.1.3). */
import { SipRequest, type SipMessage, type SipResponse } from '../wire/message';
import type { Flow, Transport } from '../transport/types';
import { protocols } from '../transport/protocols';

/**
 * Puts our Via on top. The port is left out when it is the transport's default, UDP asks for `rport`, as drachtio does, and a connection
 * whose other end knows who we are is offered for requests to us (RFC 5923 §5).
 */
export function addVia(request: SipRequest, flow: Flow, transport: Transport, branch: string): void {
  const { host, port } = transport.sentBy(flow);
  const { via, defaultPort, reliable } = protocols[flow.protocol];
  const sentBy = port === defaultPort ? host : `${host}:${port}`;
  request.headers.prepend('Via', `SIP/2.0/${via} ${sentBy}${reliable ? '' : ';rport'};branch=${branch}${flow.alias === true ? ';alias' : ''}`);
}

/** §9.1: Request-URI, Call-ID, To, From, CSeq number, Route and the one Via of the request that is cancelled. */
export function buildCancel(invite: SipRequest, extra: Iterable<{ name: string; value: string }>): SipRequest {
  const cancel = derive('CANCEL', invite);
  copy('to', 'To', invite, cancel);
  for (const { name, value } of extra) cancel.headers.append(name, value);
  return cancel;
}

/** §17.1.1.3: as the INVITE, but To from the response. */
export function buildAck(invite: SipRequest, response: SipResponse): SipRequest {
  const ack = derive('ACK', invite);
  copy('to', 'To', response, ack);
  return ack;
}

function derive(method: string, invite: SipRequest): SipRequest {
  const request = new SipRequest(method, invite.uri);
  request.headers.append('Via', invite.headers.get('via') ?? '');
  request.headers.append('Max-Forwards', invite.headers.get('max-forwards') ?? '70');
  copy('route', 'Route', invite, request);
  copy('from', 'From', invite, request);
  copy('call-id', 'Call-ID', invite, request);
  request.headers.append('CSeq', `${invite.cseq.seq} ${method}`);
  return request;
}

function copy(key: string, name: string, from: SipMessage, to: SipMessage): void {
  for (const value of from.headers.getAll(key)) to.headers.append(name, value);
}
