/** Who gets a new request: an application that registered for its method, unless a request handler is to be asked (see handlers/). */
import type { App, AppRouter, Envelope } from '../core/app';
import type { Decider, Decision } from '../core/decision';
import type { CallRecord } from '../core/call-record';
import type { SipRequest } from '../wire/message';
import { Routes } from './routes';

export class Router implements AppRouter {
  readonly routes = new Routes();
  /** Set once the control port is there, whose connections a decision may name. */
  decider: Decider | undefined;

  pick(method: string): App | undefined {
    return this.routes.pick(method);
  }

  record(record: CallRecord): void {
    this.routes.pick(`cdr:${record.event}`)?.deliverRecord?.(record);
  }

  decide(request: SipRequest, envelope: Envelope): Promise<Decision> | undefined {
    return this.decider?.decide(request, envelope);
  }
}
