import type { ClientHandlers } from '../transaction/types';
import type { Flow, TransportError } from '../transport/types';
import type { SipResponse } from '../wire/message';
import type { Outgoing } from './outgoing';

/** What becomes of a request that was sent, for all requests. */
export interface Ears {
  response(outgoing: Outgoing, response: SipResponse, flow: Flow, bytes: number, again: boolean): void;
  timeout(outgoing: Outgoing, protocol: string): void;
  transportError(outgoing: Outgoing, protocol: string, error: TransportError): void;
}

/** One small object instead of three closures: INVITE transactions keep it for half a minute. */
export class Hearing implements ClientHandlers {
  constructor(
    private readonly outgoing: Outgoing,
    private readonly protocol: string,
    private readonly ears: Ears,
  ) {}

  onResponse(response: SipResponse, flow: Flow, bytes: number, again: boolean): void {
    this.ears.response(this.outgoing, response, flow, bytes, again);
  }

  onTimeout(): void {
    this.ears.timeout(this.outgoing, this.protocol);
  }

  onTransportError(error: TransportError): void {
    this.ears.transportError(this.outgoing, this.protocol, error);
  }
}
