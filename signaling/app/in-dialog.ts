/**
 * What phones send inside a call, and who deals with it. Every event of srf's Dialog that would otherwise be answered by srf has its row
 * here, since srf answers 200 to whatever nobody listens to.
 */
import { allow } from './abilities';
import { OpenRequest, type Call } from './call';
import type { CallContext } from './context';
import { sendInDialog, type Dialog, type SipRequest, type SipResponder } from './dialogs';
import { guarded, hangup } from './hangup';
import { keyIn, keyTypes, type KeyPress } from './info-dtmf';
import type { Endpoint, Leg } from './leg';
import { onAck, onReinvite, onUpdate } from './negotiation';
import { refuse, relayedStatus } from './reasons';
import { changeWithService } from './service-session';

type Handler = (ctx: CallContext, call: Call, leg: Leg, req: SipRequest, res: SipResponder) => void;

const say =
  (status: number, reason: string, headers: Record<string, string> = {}): Handler =>
  (_ctx, call, _leg, _req, res) =>
    new OpenRequest(call, res).answer(status, reason, { headers });

const handlers: ReadonlyArray<[Parameters<Dialog['on']>[0] & ('modify' | 'update' | 'info' | 'message' | 'refer' | 'notify' | 'subscribe' | 'publish' | 'options'), Handler]> = [
  ['modify', withService(changeWithService, onReinvite)],
  ['update', withService(changeWithService, onUpdate)],
  ['info', onInfo],
  ['message', withService(say(480, 'A Service Does Not Read Messages'), passOn)],
  ['options', say(200, 'OK', { Allow: allow, Accept: 'application/sdp' })],
  ['refer', withService(say(403, 'Only Calls Between Two Phones Can Be Transferred'), (ctx, call, leg, req, res) => ctx.onRefer(call, leg, req, res))],
  ['subscribe', say(489, 'Bad Event')],
  ['notify', say(481, 'Subscription Does Not Exist')],
  ['publish', say(501, 'Not Implemented', { Allow: allow })],
];

/** Who deals with it depends on who the other end is. */
function withService(service: Handler, phones: Handler): Handler {
  return (ctx, call, leg, req, res) => (call.service ? service : phones)(ctx, call, leg, req, res);
}

/** Which call a dialog is in at the moment, and as which leg: a transfer takes it into another one. */
const places = new WeakMap<Dialog, { call: Call; leg: Leg }>();

/**
 * From now on `leg`'s phone is heard. Called in the same turn in which its dialog came to be, or came to be this call's: then what the phone
 * says concerns the former call no more.
 */
export function listen(ctx: CallContext, call: Call, leg: Leg): void {
  const { dialog } = leg;
  if (!dialog) throw new Error('a leg without a dialog cannot be listened to');
  const place = places.get(dialog);
  if (place) {
    Object.assign(place, { call, leg });
    return;
  }
  const here = { call, leg };
  places.set(dialog, here);
  dialog.on('destroy', (bye, reason) => guarded(ctx, here.call, 'BYE', () => onBye(ctx, here.call, here.leg, bye, reason)));
  dialog.on('ack', (ack) => guarded(ctx, here.call, 'ACK', () => onAck(here.leg, ack)));
  for (const [event, handler] of handlers) {
    dialog.on(event, (req, res) =>
      guarded(ctx, here.call, req.method, () => {
        if (here.call.over) res.send(481, 'Call Does Not Exist', {});
        else handler(ctx, here.call, here.leg, req, res);
      }),
    );
  }
}

function onBye(ctx: CallContext, call: Call, leg: Leg, bye: SipRequest, reason: string): void {
  leg.over = true;
  if (call.transfer?.by === leg.side) {
    // the other one is not to pay for that
    call.transfer.abandoned();
    return;
  }
  // the engine ends a dialog whose ACK or session refresh does not come, and says so in the Reason header
  if (bye.source === 'application') hangup(ctx, call, 'system', refuse('ended-by-engine', reason));
  else hangup(ctx, call, leg.side, refuse('hung-up', leg.party));
}

/** What of an INFO or MESSAGE belongs to its body (RFC 6086 §9, RFC 3428). */
const bodyHeaders = ['Content-Type', 'Content-Disposition', 'Info-Package'];

/**
 * INFO carries key presses (in two forms that no RFC has), and whatever else phones tell each other. A service reads the keys. Between
 * phones it is passed on; when the other one does not take it, keys go there as digits of the media stream.
 */
function onInfo(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, res: SipResponder): void {
  const key = keyIn(req.get('Content-Type'), req.body);
  if (call.service) {
    const open = new OpenRequest(call, res);
    if (key) {
      open.answer(200, 'OK');
      ctx.onServiceKey(call, leg, key.digit);
      call.service.pressed(key.digit);
    } else if (req.body) open.answer(415, 'Only Key Presses Are Understood', { headers: { Accept: keyTypes.join(', ') } });
    else open.answer(200, 'OK');
    return;
  }
  if (key) ctx.onKey(call, leg, key.digit, 'info');
  const other = call.other(leg);
  const convert = key && other?.endpoint ? (status: number) => (status >= 400 ? convertKey(ctx, other.endpoint as Endpoint, key) : undefined) : undefined;
  forward(ctx, call, leg, req, res, convert);
}

/** The answer for a key that was made into a digit of the media stream. */
function convertKey(ctx: CallContext, to: Endpoint, { digit, durationMs }: KeyPress): number {
  ctx.counters.digitsConverted++;
  ctx.plane.sendDigits(to.id, digit, { ms: durationMs }).catch(() => ctx.counters.mediaErrors++);
  return 200;
}

/** INFO and MESSAGE go to the other phone, and its answer comes back. */
function passOn(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, res: SipResponder): void {
  forward(ctx, call, leg, req, res, undefined);
}

/** `instead`: another way for what the other phone refused with this status; gives the status that counts then. */
function forward(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, res: SipResponder, instead: ((status: number) => number | undefined) | undefined): void {
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
      const handled = instead?.(status);
      if (handled !== undefined) {
        open.answer(handled, '');
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
