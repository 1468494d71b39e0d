/**
 * What phones send inside a call, and who deals with it. Every event of srf's Dialog that would otherwise be answered by srf has its row
 * here, since srf answers 200 to whatever nobody listens to.
 */
import { allow } from './abilities';
import { OpenRequest, type Call } from './call';
import type { CallContext } from './context';
import { sendInDialog, type Dialog, type SipRequest, type SipResponder } from './dialogs';
import { guarded, hangup } from './hangup';
import type { Leg } from './leg';
import { onAck, onReinvite, onUpdate } from './negotiation';
import { refuse, relayedStatus } from './reasons';

type Handler = (ctx: CallContext, call: Call, leg: Leg, req: SipRequest, res: SipResponder) => void;

const say =
  (status: number, reason: string, headers: Record<string, string> = {}): Handler =>
  (_ctx, call, _leg, _req, res) =>
    new OpenRequest(call, res).answer(status, reason, { headers });

const handlers: ReadonlyArray<[Parameters<Dialog['on']>[0] & ('modify' | 'update' | 'info' | 'message' | 'refer' | 'notify' | 'subscribe' | 'publish' | 'options'), Handler]> = [
  ['modify', onReinvite],
  ['update', onUpdate],
  ['info', passOn],
  ['message', passOn],
  ['options', say(200, 'OK', { Allow: allow, Accept: 'application/sdp' })],
  ['refer', say(501, 'Transfer Is Not Supported', { Allow: allow })],
  ['subscribe', say(489, 'Bad Event')],
  ['notify', say(481, 'Subscription Does Not Exist')],
  ['publish', say(501, 'Not Implemented', { Allow: allow })],
];

/** From now on `leg`'s phone is heard. Called in the same turn in which its dialog came to be. */
export function listen(ctx: CallContext, call: Call, leg: Leg): void {
  const { dialog } = leg;
  if (!dialog) throw new Error('a leg without a dialog cannot be listened to');
  dialog.on('destroy', (bye, reason) => guarded(ctx, call, 'BYE', () => onBye(ctx, call, leg, bye, reason)));
  dialog.on('ack', (ack) => guarded(ctx, call, 'ACK', () => onAck(leg, ack)));
  for (const [event, handler] of handlers) {
    dialog.on(event, (req, res) =>
      guarded(ctx, call, req.method, () => {
        if (call.over) res.send(481, 'Call Does Not Exist', {});
        else handler(ctx, call, leg, req, res);
      }),
    );
  }
}

function onBye(ctx: CallContext, call: Call, leg: Leg, bye: SipRequest, reason: string): void {
  leg.over = true;
  // the engine ends a dialog whose ACK or session refresh does not come, and says so in the Reason header
  if (bye.source === 'application') hangup(ctx, call, 'system', refuse('ended-by-engine', reason));
  else hangup(ctx, call, leg.side, refuse('hung-up', leg.party));
}

/** What of an INFO or MESSAGE belongs to its body (RFC 6086 §9, RFC 3428). */
const bodyHeaders = ['Content-Type', 'Content-Disposition', 'Info-Package'];

/** INFO and MESSAGE go to the other phone, and its answer comes back. */
function passOn(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, res: SipResponder): void {
  const open = new OpenRequest(call, res);
  const other = call.other(leg);
  if (!other?.dialog) {
    open.answer(480, 'The Other Side Is Not Connected Yet');
    return;
  }
  sendInDialog(other.dialog, { method: req.method, headers: pick(req, bodyHeaders), ...(req.body && { body: req.body }) }, (status, answer) =>
    guarded(ctx, call, `answer to ${req.method}`, () => {
      if (status === 0 || status === 481) {
        hangup(ctx, call, 'system', refuse('lost-dialog', other.party));
        return;
      }
      open.answer(relayedStatus(status), '', { headers: answer ? pick(answer, ['Content-Type']) : {}, ...(answer?.body && { body: answer.body }) });
    }),
  );
}

function pick(message: { get(name: string): string | undefined }, names: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of names) {
    const value = message.get(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
