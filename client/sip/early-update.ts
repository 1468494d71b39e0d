/** UPDATE in a call that is not answered yet (RFC 3311 §5.2). */
import type { CallMedia } from '../media';
import { allow, type Agent } from './agent';
import { sdpBody, sdpIn } from './headers';
import { statusOf } from './session';
import type { Core } from './sip-js';

/** A refresh is answered; a change of what is not agreed yet (`agreed` false) has to wait. */
export async function answerEarlyUpdate(agent: Agent, media: CallMedia, agreed: boolean, request: Core.UserAgentServer): Promise<void> {
  const offer = sdpIn(request.message);
  if (offer === undefined) return void request.accept({ statusCode: 200, extraHeaders: [agent.contact, allow] });
  if (!agreed) return void request.reject({ statusCode: 500, extraHeaders: ['Retry-After: 2'] });
  try {
    const answer = await media.answer(offer, 'sendrecv');
    request.accept({ statusCode: 200, body: sdpBody(answer), extraHeaders: [agent.contact, allow] });
  } catch (err) {
    request.reject({ statusCode: statusOf(err) });
  }
}
