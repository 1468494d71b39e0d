/** Requests outside dialogs for an application (PROTOCOL 7): INVITE and SUBSCRIBE, which make dialogs, and all the others. */
import type { Flow } from '../transport/types';
import type { SipRequest } from '../wire/message';
import { SipParseError } from '../wire/errors';
import { refuse, type App, type Reply } from './app';
import { contentTypeOf, type AppRequest } from './app-message';
import { BuildError, buildRequest, makesDialogs } from './build';
import type { CoreContext } from './context';
import { Dialog } from './dialog';
import { dialogIdOf } from './ids';
import { flowOf, hopForRequest, HopError } from './next-hop';
import type { Parts } from './parts';

export class Outside {
  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  request(app: App, message: AppRequest, routeUrl: string, reply: Reply): void {
    const { options, transport } = this.context;
    if (message.method === 'ACK' || message.method === 'CANCEL') return this.refuse(reply, `${message.method} needs a dialog or transaction id`);
    if (contentTypeOf(message) === undefined) return this.refuse(reply, 'missing content-type');
    if (this.context.outgoing.size >= options.maxPendingRequests) return this.refuse(reply, `over ${options.maxPendingRequests} requests wait for a response`);
    if (makesDialogs(message.method) && this.context.dialogs.size >= options.maxDialogs) return this.refuse(reply, `over ${options.maxDialogs} dialogs`);
    let way: Flow | Promise<Flow>;
    try {
      way = flowOf(hopForRequest(message.method, message.uri, routeUrl, transport), transport);
    } catch (error) {
      if (error instanceof HopError) return this.refuse(reply, error.message);
      // The transport layer itself says no: as if the send had failed.
      way = Promise.reject(error as Error);
    }
    const start = (flow: Flow): void => this.start(app, message, flow, reply);
    if (way instanceof Promise) way.then(start, (error: Error) => this.unreachable(app, message, error, reply));
    else start(way);
  }

  private start(app: App, message: AppRequest, flow: Flow, reply: Reply): void {
    // The connection took a while; its application may be gone by now.
    if (!this.context.isAlive(app)) return;
    try {
      const request = buildRequest(message, { ...this.context.transport.sentBy(flow), protocol: flow.protocol }, this.context.random);
      const dialog = this.dialogFor(app, request);
      this.parts.client.send(request, flow, { app, dialog, makesDialog: dialog !== undefined, reply });
    } catch (error) {
      this.unsendable(error, reply);
    }
  }

  private unreachable(app: App, message: AppRequest, error: Error, reply: Reply): void {
    try {
      const request = buildRequest(message, this.parts.inDialog.localOf(undefined), this.context.random);
      const dialog = this.dialogFor(app, request);
      this.parts.client.failed(request, error, { app, dialog, makesDialog: dialog !== undefined, reply });
    } catch (problem) {
      this.unsendable(problem, reply);
    }
  }

  /** An INVITE's dialog exists from here on: early responses, a NOTIFY that overtakes, ACK and PRACK find it. */
  private dialogFor(app: App, request: SipRequest): Dialog | undefined {
    if (!makesDialogs(request.method)) return undefined;
    const localTag = request.fromTag ?? '';
    const dialog = new Dialog({
      id: dialogIdOf(request.callId, localTag),
      role: 'uac',
      method: request.method,
      callId: request.callId,
      localTag,
      local: request.from,
      remote: request.to,
      localSeq: request.cseq.seq,
      app,
      event: request.headers.get('event'),
    });
    dialog.localContact = request.headers.get('contact') ?? '';
    this.context.dialogs.add(dialog);
    return dialog;
  }

  private unsendable(error: unknown, reply: Reply): void {
    if (error instanceof BuildError || error instanceof SipParseError) this.refuse(reply, error.message);
    else throw error;
  }

  private refuse(reply: Reply, reason: string): void {
    this.context.count('refusedCommands');
    reply(refuse(reason));
  }
}
