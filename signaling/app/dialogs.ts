/**
 * What the calls use of drachtio-srf, as types and as three verbs: answer an INVITE, send one, send a request inside a dialog.
 *
 * Everything is by callback, not by promise: a callback runs before the next message of the same read from the control connection, so
 * that no BYE or re-INVITE that follows closely is lost between a 200 and the moment somebody listens.
 *
 * Two things in srf 5.0.29 are gone around on purpose. `dialog.modify` never again sends after one re-INVITE failed (its count of
 * requests under way goes down only on 200): re-INVITEs go out through `dialog.request`. And `createUAC` gives up on a 200 without a
 * usable Contact and leaves the phone in a call with nobody: such a dialog is ended here.
 */
import type { IncomingRequest } from './exchange';
import type { SrfConnection } from './srf';

/** One part of a multipart body, as srf splits it. */
export interface BodyPart {
  type: string | null;
  content?: string;
}

export interface SipRequest extends IncomingRequest {
  readonly body: string | undefined;
  readonly payload?: readonly BodyPart[];
  /** `network`, or `application` when the engine itself ended the dialog. */
  readonly source: string;
  getParsedHeader(name: string): unknown;
  on(event: 'cancel', fn: () => void): unknown;
}

export interface SipResponder {
  send(status: number, reason: string, options: { headers?: Record<string, string>; body?: string }, sent?: (err: unknown) => void): void;
}

export interface SipAnswer {
  readonly status: number;
  readonly body: string | undefined;
  readonly stackDialogId?: string;
  get(name: string): string | undefined;
}

export interface SentRequest {
  readonly agent: { request(options: object, sent: (err: unknown, request: unknown) => void): void };
  readonly socket: unknown;
  get(name: string): string | undefined;
  cancel(options: { headers: Record<string, string> }, sent: (err: unknown) => void): void;
  on(event: 'response', fn: (answer: SipAnswer) => void): unknown;
}

export interface DialogRequest {
  method: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface Dialog {
  readonly connected: boolean;
  /** For requests of ours inside it that are challenged. */
  auth?: { username: string; password: string } | undefined;
  readonly local: { contact: string };
  readonly sip: { callId: string; localTag: string; remoteTag: string };
  on(event: 'destroy', fn: (bye: SipRequest, reason: string) => void): unknown;
  on(event: 'ack', fn: (ack: SipRequest) => void): unknown;
  on(event: 'modify' | 'update' | 'info' | 'message' | 'refer' | 'notify' | 'subscribe' | 'publish' | 'options', fn: (req: SipRequest, res: SipResponder) => void): unknown;
  request(options: DialogRequest, answered: (err: unknown, answer?: SipAnswer) => void): unknown;
  destroy(options: { headers: Record<string, string> }, done: (err: unknown) => void): unknown;
}

interface InviteOptions {
  localSdp: string;
  headers: Record<string, string>;
  proxy?: string;
}

export interface CallSrf {
  createUAS(req: SipRequest, res: SipResponder, options: InviteOptions, done: (err: unknown, dialog?: Dialog) => void): unknown;
  createUAC(
    uri: string,
    options: InviteOptions,
    progress: { cbRequest(err: unknown, request?: SentRequest): void; cbProvisional(answer: SipAnswer): void },
    done: (err: unknown, dialog?: Dialog) => void,
  ): unknown;
}

/** srf's own type declarations differ from what it does; these are the ones that were checked against its source. */
export const callSrf = (srf: SrfConnection['srf']): CallSrf => srf as unknown as CallSrf;

/** Answers an INVITE with 200. `failed`: the caller cancelled in the same moment, or the engine could not send. Exactly one of both is called. */
export function answerInvite(
  srf: CallSrf,
  req: SipRequest,
  res: SipResponder,
  answer: { sdp: string; headers: Record<string, string> },
  on: { established(dialog: Dialog): void; failed(problem: string): void },
): void {
  let settled = false;
  const settle = (fn: () => void) => {
    if (settled) return;
    settled = true;
    fn();
  };
  const done = (err: unknown, dialog?: Dialog) => settle(() => (dialog ? on.established(dialog) : on.failed(problemOf(err))));
  attempt(() => srf.createUAS(req, res, { localSdp: answer.sdp, headers: { ...answer.headers, 'Content-Type': 'application/sdp' } }, done), (problem) =>
    settle(() => on.failed(problem)),
  );
}

export interface OutgoingInvite {
  uri: string;
  /** Next hop as a SIP URI: the flow over which the phone registered. */
  proxy: string;
  sdp: string;
  headers: Record<string, string>;
}

export interface OutgoingHandlers {
  /** It is out, with this Call-ID. */
  sent(callId: string | undefined): void;
  provisional(status: number, body: string | undefined): void;
  answered(dialog: Dialog, body: string | undefined): void;
  /** `status` 0: it never left. Not called after `cancel` unless an answer still comes. */
  failed(status: number, problem: string, answer: SipAnswer | undefined): void;
}

/** A request on its way. `cancel` may be called at any time, also before the engine has sent it; a 200 that crosses it still arrives as `answered`. */
export interface Outgoing {
  cancel(reason: string): void;
}

export function sendInvite(srf: CallSrf, invite: OutgoingInvite, on: OutgoingHandlers): Outgoing {
  let sent: SentRequest | undefined;
  let final: SipAnswer | undefined;
  let cancelReason: string | undefined;
  let settled = false;

  const cancelNow = () => {
    if (settled || !sent || cancelReason === undefined) return;
    const { cancel } = sent;
    attempt(() => cancel.call(sent, { headers: { Reason: cancelReason as string } }, () => undefined));
  };
  const fail = (status: number, problem: string) => {
    if (settled) return;
    settled = true;
    on.failed(status, problem, final);
  };

  attempt(
    () =>
      srf.createUAC(
        invite.uri,
        { localSdp: invite.sdp, proxy: invite.proxy, headers: { ...invite.headers, 'Content-Type': 'application/sdp' } },
        {
          cbRequest(_err, request) {
            sent = request;
            if (request) on.sent(request.get('Call-ID'));
            // listens before srf does, so that the answer is known when srf rejects it
            request?.on('response', (answer) => {
              if (answer.status >= 200) final = answer;
            });
            cancelNow();
          },
          cbProvisional(answer) {
            if (!settled) on.provisional(answer.status, answer.body);
          },
        },
        (err, dialog) => {
          if (dialog && !settled) {
            settled = true;
            on.answered(dialog, final?.body);
            return;
          }
          if (final && final.status >= 200 && final.status < 300 && sent) abandonDialog(sent, final);
          fail(final?.status ?? 0, problemOf(err));
        },
      ),
    (problem) => fail(0, problem),
  );

  return {
    cancel(reason) {
      cancelReason ??= reason;
      cancelNow();
    },
  };
}

/** BYE to a phone whose 200 srf could not make a dialog of; the engine knows the dialog by its id all the same. */
function abandonDialog(sent: SentRequest, answer: SipAnswer): void {
  attempt(() => sent.agent.request({ method: 'BYE', headers: {}, stackDialogId: answer.stackDialogId, _socket: sent.socket }, () => undefined));
}

/** `status` 0: not sent, because the dialog or the engine is gone. Called once, never for a provisional answer. */
export function sendInDialog(dialog: Pick<Dialog, 'connected' | 'request'>, request: DialogRequest, done: (status: number, answer: SipAnswer | undefined, problem: string) => void): void {
  let settled = false;
  const settle = (status: number, answer: SipAnswer | undefined, problem: string) => {
    if (settled) return;
    settled = true;
    done(status, answer, problem);
  };
  if (!dialog.connected) {
    settle(0, undefined, 'the dialog is over');
    return;
  }
  attempt(
    () =>
      dialog.request(request, (err, answer) => {
        if (!answer) settle(0, undefined, problemOf(err));
        else if (answer.status >= 200) settle(answer.status, answer, '');
      }),
    (problem) => settle(0, undefined, problem),
  );
}

/** Ends a dialog with BYE; resolves when it is answered or cannot be sent. A dialog that is over already is left alone. */
export function endDialog(dialog: Dialog, reason: string): Promise<void> {
  if (!dialog.connected) return Promise.resolve();
  return new Promise((resolve) => {
    attempt(() => dialog.destroy({ headers: { Reason: reason } }, () => resolve()), () => resolve());
  });
}

/** srf throws from its calls when the control connection is gone, and passes plain strings as errors. */
function attempt(fn: () => unknown, failed: (problem: string) => void = () => undefined): void {
  try {
    fn();
  } catch (err) {
    failed(problemOf(err));
  }
}

function problemOf(err: unknown): string {
  if (err instanceof Error) return err.message;
  return typeof err === 'string' && err !== '' ? err : 'unknown error';
}
