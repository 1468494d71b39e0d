/**
 * Message → bytes, or text for the control protocol (RFC 3261 §7): the headers as `Headers.lines` has them, Content-Length computed and last.
 */
import { startLine, type SipRequest, type SipResponse } from './message';

/** @throws SipParseError when the start line could not be written safely */
export function serialize(message: SipRequest | SipResponse): Buffer {
  const head = headText(message);
  const body = message.body;
  if (body.length === 0) return Buffer.from(head, 'utf8');
  const headBytes = Buffer.byteLength(head, 'utf8');
  const out = Buffer.allocUnsafe(headBytes + body.length);
  out.write(head, 0, headBytes, 'utf8');
  body.copy(out, headBytes);
  return out;
}

/** The same layout as a string. A body that is not UTF-8 is damaged: the control protocol cannot carry one. */
export function messageText(message: SipRequest | SipResponse): string {
  const head = headText(message);
  return message.body.length === 0 ? head : head + message.body.toString('utf8');
}

function headText(message: SipRequest | SipResponse): string {
  return `${startLine(message)}\r\n${message.headers.lines()}Content-Length: ${message.body.length}\r\n\r\n`;
}
