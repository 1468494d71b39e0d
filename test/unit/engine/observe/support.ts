/** Messages and flows for those who only look. */
import type { Flow, Protocol } from '../../../../signaling/engine/transport/types';

export function flow(protocol: Protocol = 'udp', remote = { address: '192.0.2.7', port: 5062 }, local = { address: '192.0.2.1', port: 5060 }): Flow {
  return { id: 'x', protocol, reliable: protocol !== 'udp', local, remote, open: true, send: () => undefined, onClose: () => () => undefined };
}

export function message(startLine: string, cseq: string, callId = 'call-1', more: string[] = [], body = ''): Buffer {
  return Buffer.from([startLine, 'Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1', 'From: <sip:a@x>;tag=1', 'To: <sip:b@x>', `Call-ID: ${callId}`, `CSeq: ${cseq}`, ...more, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}
