/**
 * What a media worker does, whatever thread it is in: endpoints by id, the nodes that join them, commands from the plane.
 * Further nodes (mixer, recorder, transcoder) are joined to endpoints here, as the relay is.
 */
import { getHeapStatistics } from 'node:v8';
import { Endpoint } from './net/endpoint';
import { UdpError, type UdpNet } from './net/udp';
import { Relay } from './node/relay';
import type { Answer, Command, Commands, SilentNotice, WorkerCounters, WorkerErrorCode } from './worker-protocol';

export interface WorkerCoreOptions {
  bind4: string;
  bind6: string | null;
  /** 0: silence is not watched. */
  silenceMs: number;
}

export class WorkerError extends Error {
  constructor(
    readonly code: WorkerErrorCode,
    message: string,
  ) {
    super(message);
  }
}

export class WorkerCore {
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly relays = new Map<Endpoint, Relay>();

  constructor(
    private readonly net: UdpNet,
    private readonly options: WorkerCoreOptions,
    private readonly now: () => number,
  ) {}

  /** Commands take effect in their order; allocations may be answered after later ones. */
  answerAll(commands: Command[]): Promise<Answer[]> {
    return Promise.all(commands.map((command) => this.answer(command)));
  }

  private async answer(command: Command): Promise<Answer> {
    try {
      return { n: command.n, value: await this.run(command) };
    } catch (err) {
      const code = err instanceof WorkerError ? err.code : 'system';
      return { n: command.n, error: { code, message: err instanceof Error ? err.message : String(err) } };
    }
  }

  private run(command: Command): unknown {
    switch (command.op) {
      case 'allocate':
        return this.allocate(command);
      case 'setRemote':
        if (this.endpoint(command.id).setRemote(command.remote, command.relatch)) return null;
        throw new WorkerError('bad-address', `${command.remote?.address ?? ''} port ${command.remote?.port ?? ''} is not an address that ${command.id} can send to`);
      case 'connect':
        return this.connect(command);
      case 'stats':
        return this.endpoint(command.id).stats();
      case 'describe':
        return this.describe(this.endpoint(command.id));
      case 'release':
        return this.release(this.endpoint(command.id));
      case 'load':
        return this.counters();
      case 'close':
        this.close();
        return null;
    }
  }

  private endpoint(id: string): Endpoint {
    const endpoint = this.endpoints.get(id);
    if (!endpoint) throw new WorkerError('unknown-endpoint', `there is no endpoint ${id}`);
    return endpoint;
  }

  /** Binds a socket on each configured address and closes it again: a wrong address is to be heard of before the first call. */
  async tryAddresses(): Promise<void> {
    const ignore = (): void => undefined;
    try {
      (await this.net.bind(4, this.options.bind4, 0, ignore)).close();
      if (this.options.bind6 !== null) (await this.net.bind(6, this.options.bind6, 0, ignore)).close();
    } catch (err) {
      throw new WorkerError(err instanceof UdpError && err.code === 'address' ? 'bind-address' : 'system', err instanceof Error ? err.message : String(err));
    }
  }

  private async allocate(request: Commands['allocate']['ask']): Promise<null> {
    const address = request.family === 4 ? this.options.bind4 : this.options.bind6;
    if (address === null) throw new WorkerError('bad-address', 'IPv6 is switched off for media');
    const endpoint = new Endpoint(request.id, request.session, request.family, request.label, this.now);
    try {
      await endpoint.open(this.net, address, request.port);
    } catch (err) {
      throw new WorkerError(err instanceof UdpError && err.code === 'in-use' ? 'port-taken' : 'system', err instanceof Error ? err.message : String(err));
    }
    this.endpoints.set(request.id, endpoint);
    return null;
  }

  private connect({ a, b, aToB, bToA }: Commands['connect']['ask']): null {
    const [from, to] = [this.endpoint(a), this.endpoint(b)];
    const present = this.relays.get(from);
    if (present?.joins(from, to)) present.connect(aToB, bToA, this.now());
    else if (present?.joins(to, from)) present.connect(bToA, aToB, this.now());
    else {
      this.disconnect(from);
      this.disconnect(to);
      const relay = new Relay(from, to);
      relay.connect(aToB, bToA, this.now());
      this.relays.set(from, relay);
      this.relays.set(to, relay);
    }
    return null;
  }

  private disconnect(endpoint: Endpoint): void {
    const relay = this.relays.get(endpoint);
    if (!relay) return;
    relay.close();
    this.relays.delete(relay.a);
    this.relays.delete(relay.b);
  }

  private describe(endpoint: Endpoint): string {
    return this.relays.get(endpoint)?.describe() ?? endpoint.describe();
  }

  private release(endpoint: Endpoint): unknown {
    this.disconnect(endpoint);
    const stats = endpoint.stats();
    endpoint.close();
    this.endpoints.delete(endpoint.id);
    return stats;
  }

  /** Peers that fell silent since the last look. */
  silences(): SilentNotice[] {
    if (this.options.silenceMs <= 0) return [];
    const now = this.now();
    const silences: SilentNotice[] = [];
    for (const [endpoint, relay] of this.relays) {
      if (endpoint !== relay.a) continue; // each is in the map twice
      for (const { endpoint: silent, silentMs } of relay.silences(this.options.silenceMs, now)) silences.push({ id: silent.id, session: silent.session, label: silent.label, silentMs });
    }
    return silences;
  }

  private counters(): WorkerCounters {
    return {
      endpoints: this.endpoints.size,
      packets: this.net.packets,
      faults: this.net.faults,
      lastFault: this.net.lastFault ?? null,
      busyMs: this.net.busyMs ?? null,
      heapBytes: getHeapStatistics().used_heap_size,
    };
  }

  close(): void {
    for (const relay of this.relays.values()) relay.close();
    for (const endpoint of this.endpoints.values()) endpoint.close();
    this.relays.clear();
    this.endpoints.clear();
    this.net.close();
  }
}
