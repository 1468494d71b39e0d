/**
 * Message → bytes, or text for the control protocol (RFC 3261 §7): Via lines first (§7.3.1 recommends it), the other headers in their
 * order, Content-Length computed and last.
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
  let vias = '';
  let others = '';
  for (const { key, name, value } of message.headers) {
    if (key === 'via') vias += `Via: ${value}\r\n`;
    else if (key !== 'content-length') others += `${name}: ${value}\r\n`;
  }
  return `${startLine(message)}\r\n${vias}${others}Content-Length: ${message.body.length}\r\n\r\n`;
}
