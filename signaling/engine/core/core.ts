/**
 * The core: the transaction user of RFC 3261 §5, acting as user agent for the applications on the control port. It owns dialogs and the
 * requests in progress; which bytes travel how is decided below, what calls mean is decided above.
 *
 *     application ─ respond, request, cancel ─▶ core ─▶ transactions ─▶ transport
 *     application ◀─ deliverRequest, deliverResponse ─ core ◀─ transactions ◀─ transport
 */
import type { Clock, Random } from '../../clock';
import { BusyMap } from '../busy-map';
import type { Log } from '../log';
import type { App, AppRouter, Reply } from './app';
import type { AppRequest, AppResponse } from './app-message';
import { CalledDialogs } from './called-dialogs';
import { Client } from './client';
import type { CoreContext, CoreTransport, Transactions } from './context';
import { coreCounters, type CoreCounter } from './counters';
import { Decisions } from './decision';
import { DialogTable } from './dialog-table';
import { InDialog } from './in-dialog';
import { Invites } from './invites';
import type { CoreOptions } from './options';
import { NewRequests } from './new-requests';
import { Orphans } from './orphans';
import { Outside } from './outside';
import { OwnRequests } from './own-requests';
import type { Parts } from './parts';
import { Proxying } from './proxy/proxying';
import type { ProxyListener, ProxySpec } from './proxy/spec';
import { Server } from './server';
import { ServerResponses } from './server-responses';
import { Sessions } from './sessions';
import { Subscriptions } from './subscriptions';

export interface CoreDeps {
  clock: Clock;
  random: Random;
  log: Log;
  transactions: Transactions;
  transport: CoreTransport;
  apps: AppRouter;
}

export interface CoreStats {
  dialogs: number;
  /** Received requests without a final response, sent ones without. */
  incoming: number;
  outgoing: number;
  /** Requests sent on that have no final response. */
  proxying: number;
  counters: Record<CoreCounter, number>;
}

export class Core {
  private readonly counters = Object.fromEntries(coreCounters.map((name) => [name, 0])) as Record<CoreCounter, number>;
  private readonly lost = new WeakSet<App>();
  private readonly context: CoreContext;
  private readonly parts: Parts;
  private readonly outside: Outside;

  constructor(options: CoreOptions, deps: CoreDeps) {
    this.context = {
      ...deps,
      options,
      dialogs: new DialogTable(),
      incoming: new BusyMap(),
      outgoing: new BusyMap(),
      isAlive: (app) => !this.lost.has(app),
      count: (name, by = 1) => {
        this.counters[name] += by;
      },
    };
    // They know one another; the object is there before its members are.
    const parts = {} as Parts;
    parts.called = new CalledDialogs(this.context, parts);
    parts.client = new Client(this.context, parts);
    parts.decisions = new Decisions(this.context, parts);
    parts.invites = new Invites(this.context, parts);
    parts.inDialog = new InDialog(this.context, parts);
    parts.newRequests = new NewRequests(this.context, parts);
    parts.orphans = new Orphans(this.context, parts);
    parts.own = new OwnRequests(this.context, parts);
    parts.proxying = new Proxying(this.context, parts);
    parts.sessions = new Sessions(this.context, parts);
    parts.subscriptions = new Subscriptions(this.context, parts);
    parts.server = new Server(this.context, parts);
    parts.responses = new ServerResponses(this.context, parts);
    this.parts = parts;
    this.outside = new Outside(this.context, parts);

    const { transactions } = deps;
    transactions.onRequest = (transaction, request, flow, bytes) => parts.server.onRequest(transaction, request, flow, bytes);
    transactions.onCancel = (invite, cancel) => parts.server.onCancel(invite, cancel);
    transactions.onAck = (ack, flow, bytes) => parts.server.onAck(ack, flow, bytes);
    transactions.onStrayResponse = (response) => parts.invites.stray(response);
  }

  /** The application answers the received request with this transaction id. */
  respond(app: App, transactionId: string, message: AppResponse, reply: Reply): void {
    this.parts.responses.respond(app, transactionId, message, reply);
  }

  /** The application sends a request outside dialogs; `routeUrl`, when not empty, is the next hop. */
  request(app: App, message: AppRequest, routeUrl: string, reply: Reply): void {
    this.outside.request(app, message, routeUrl, reply);
  }

  /** The application sends a request, or the ACK to a 2xx, in one of its dialogs. */
  requestInDialog(app: App, dialogId: string, message: AppRequest, routeUrl: string, reply: Reply): void {
    this.parts.inDialog.request(app, dialogId, message, routeUrl, reply);
  }

  /** The application cancels the INVITE it sent under this transaction id. */
  cancel(app: App, transactionId: string, message: AppRequest, reply: Reply): void {
    this.parts.client.cancel(app, transactionId, message, reply);
  }

  /** The application has the received request with this transaction id sent on; it must not have answered it with anything. */
  proxy(app: App, transactionId: string, spec: ProxySpec, listener: ProxyListener): void {
    this.parts.proxying.proxy(app, transactionId, spec, listener);
  }

  /** An application may be spoken with: dialogs that wait for one of its name are its own. */
  appReady(app: App): void {
    this.parts.orphans.returned(app);
  }

  /** The application's connection is gone: what it owes an answer is answered, its dialogs wait or end (see orphans.ts). Idempotent. */
  appLost(app: App): void {
    if (this.lost.has(app)) return;
    this.lost.add(app);
    this.parts.client.appLost(app);
    this.parts.server.appLost(app);
    this.parts.orphans.lost(app);
  }

  /** Nothing of this application is open. Looks at everything there is: not for every day. */
  isIdle(app: App): boolean {
    const { dialogs, incoming, outgoing } = this.context;
    return ![dialogs, incoming.values(), outgoing.values()].some((all) => [...all].some((one) => one.app === app)) && !this.parts.proxying.worksFor(app);
  }

  stats(): CoreStats {
    return {
      dialogs: this.context.dialogs.size,
      incoming: this.context.incoming.size,
      outgoing: this.context.outgoing.size,
      proxying: this.parts.proxying.size,
      counters: { ...this.counters },
    };
  }

  /** Gives every open request its final response and stops all clocks. The transaction layer is closed after this. */
  close(): void {
    for (const incoming of [...this.context.incoming.values()]) this.parts.responses.finish(incoming, 503);
    this.parts.proxying.close();
    this.parts.orphans.close();
    for (const dialog of [...this.context.dialogs]) this.parts.inDialog.forget(dialog);
    this.context.outgoing.clear();
  }
}
