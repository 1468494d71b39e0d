/**
 * New requests about which somebody is asked first where they go: an application, a response, other servers. While that is not known the
 * request has everything it needs (a transaction that absorbs repetitions, an answer to CANCEL, a limit of time) but an application.
 */
import type { SipRequest } from '../wire/message';
import type { App, Envelope } from './app';
import type { CoreContext } from './context';
import type { Incoming } from './incoming';
import type { Parts } from './parts';
import type { ProxySpec } from './proxy/spec';

export type Decision =
  /** `unused` is called when the request is over before it could be delivered. */
  | { kind: 'application'; app: App; unused?: () => void }
  | { kind: 'response'; status: number; reason?: string | undefined; headers?: Array<[string, string]> }
  | { kind: 'proxy'; spec: ProxySpec };

export interface Decider {
  /** Undefined: nobody is to be asked about this request; it goes to an application that registered for its method. */
  decide(request: SipRequest, envelope: Envelope): Promise<Decision> | undefined;
}

/** Stands where the application will be. */
export const undecided: App = {
  name: '(not decided yet)',
  deliverRequest: () => undefined,
  deliverResponse: () => undefined,
};

export class Decisions {
  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  wait(incoming: Incoming, decision: Promise<Decision>): void {
    decision.then(
      (made) => this.carryOut(incoming, made),
      (error: Error) => {
        this.context.log.error({ callId: incoming.request.callId, error: error.message }, 'it could not be found out where a request goes');
        this.carryOut(incoming, { kind: 'response', status: 500 });
      },
    );
  }

  private carryOut(incoming: Incoming, decision: Decision): void {
    if (!this.context.incoming.has(incoming.id)) {
      // Cancelled, or out of time.
      if (decision.kind === 'application') decision.unused?.();
    } else if (decision.kind === 'response') {
      this.parts.responses.finish(incoming, decision.status, decision.reason, decision.headers);
    } else if (decision.kind === 'proxy') {
      this.parts.proxying.sendOn(incoming, decision.spec);
    } else if (!this.context.isAlive(decision.app)) {
      this.parts.responses.finish(incoming, 480);
    } else {
      incoming.app = decision.app;
      this.parts.server.deliver(incoming, '');
    }
  }
}
