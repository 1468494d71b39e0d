/** A flow that was made for a name with several servers: a flow like any other, which also knows where to go when it fails (RFC 3263 §4.3). */
import type { Endpoint, Flow, Protocol, TransportError } from './types';

export class RoutedFlow implements Flow {
  readonly doubt?: NonNullable<Flow['doubt']>;
  readonly alias?: boolean;

  constructor(
    private readonly flow: Flow,
    readonly next: (restMs?: number) => Promise<Flow>,
  ) {
    if (flow.doubt) this.doubt = (onError) => flow.doubt?.(onError);
    if (flow.alias !== undefined) this.alias = flow.alias;
  }

  get id(): string {
    return this.flow.id;
  }

  get protocol(): Protocol {
    return this.flow.protocol;
  }

  get reliable(): boolean {
    return this.flow.reliable;
  }

  get local(): Endpoint {
    return this.flow.local;
  }

  get remote(): Endpoint {
    return this.flow.remote;
  }

  get open(): boolean {
    return this.flow.open;
  }

  larger(): Flow | Promise<Flow> | undefined {
    return this.flow.larger?.();
  }

  send(data: Buffer, onError?: (error: TransportError) => void): void {
    this.flow.send(data, onError);
  }

  onClose(fn: () => void): () => void {
    return this.flow.onClose(fn);
  }
}
