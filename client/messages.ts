/** Text messages outside of calls (MESSAGE, RFC 3428). */
import type { OtherEvent, Party } from './events';
import { PhoneError } from './phone-types';
import { sentenceFor } from './sentences';
import type { Agent } from './sip/agent';
import { header } from './sip/headers';
import type { Core } from './sip/sip-js';

/** Resolves when it was taken. `to`: as the person wrote it. Errors: PhoneError 'refused'. */
export async function sendMessage(phone: { agent: Agent; emit(event: OtherEvent): void }, id: string, to: string, uri: Core.URI, text: string): Promise<void> {
  const { agent } = phone;
  const request = agent.request('MESSAGE', uri, [], { contentDisposition: 'render', contentType: 'text/plain;charset=UTF-8', content: text });
  const response = await new Promise<Core.IncomingResponseMessage>((resolve) => {
    const over = ({ message }: Core.IncomingResponse): void => resolve(message);
    agent.core.request(request, { onAccept: over, onReject: over, onRedirect: over });
  });
  const status = response.statusCode ?? 500;
  const ok = status < 300;
  const problem = ok ? null : sentenceFor(status, response.reasonPhrase, 'message');
  phone.emit({ event: 'message-sent', id, to, ok, status, problem });
  if (problem !== null) throw new PhoneError('refused', problem, status);
}

/** News about messages, not messages: how one got on (RFC 5438), that somebody is writing (RFC 3994). Phones send them unasked. */
const aboutMessages = new Set(['message/imdn+xml', 'application/im-iscomposing+xml']);

/** Text is told; what cannot be read is refused with what can be (RFC 3428 §7), so that nobody is shown octets. */
export function takeMessage(phone: { emit(event: OtherEvent): void; identify(message: Core.IncomingMessage, own: 'from'): Party }, request: Core.IncomingMessageRequest): void {
  const { message } = request;
  const contentType = (header(message, 'content-type') ?? 'text/plain').split(';')[0]!.trim().toLowerCase();
  if (aboutMessages.has(contentType)) return void request.accept();
  const encoded = (header(message, 'content-encoding') ?? 'identity').trim().toLowerCase() !== 'identity';
  if (encoded || !contentType.startsWith('text/')) return void request.reject({ statusCode: 415, extraHeaders: ['Accept: text/plain', 'Accept-Encoding: identity'] });
  request.accept();
  phone.emit({ event: 'message', from: phone.identify(message, 'from'), text: message.body, contentType });
}
