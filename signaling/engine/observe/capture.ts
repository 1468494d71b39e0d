/**
 * The capture feed: a copy of every SIP message, in HEP3 (hep.ts), to a collector over UDP. A collector that is away, slow or unknown costs
 * copies, which are counted, and nothing else.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { lookup } from 'node:dns/promises';
import type { Clock, Timer } from '../../clock';
import type { Flow, Log } from '../transport/types';
import { encodeHep } from './hep';
import type { LocalAddress } from './ladder';

export interface CaptureOptions {
  host: string;
  port: number;
  /** By which the collector knows this engine. Default 0. */
  id?: number | undefined;
  /** What the collector asks for before it takes anything. */
  key?: string | undefined;
}

export interface CaptureStats {
  sent: number;
  /** The collector's address is not known, or its name leads nowhere. */
  droppedWithoutAddress: number;
  /** Too much waits to be sent. */
  droppedBehind: number;
  /** Longer than a datagram. */
  droppedTooLarge: number;
  /** The system would not send it; also that nobody took an earlier one (ICMP). */
  failed: number;
}

/** What may wait in the process for the socket. */
const MOST_WAITING = 1_048_576;
/** A datagram over IPv4. */
const LARGEST = 65_507;
const RETRY_MS = 30_000;

export class Capture {
  private socket: Socket | undefined;
  private readonly key: Buffer | undefined;
  private ready = false;
  private closed = false;
  private retry: Timer | undefined;
  private readonly counters: CaptureStats = { sent: 0, droppedWithoutAddress: 0, droppedBehind: 0, droppedTooLarge: 0, failed: 0 };

  constructor(
    private readonly options: CaptureOptions,
    private readonly deps: { clock: Clock; log: Log; localAddress: LocalAddress },
  ) {
    this.key = options.key === undefined ? undefined : Buffer.from(options.key, 'utf8');
    void this.connect();
  }

  copy(callId: string | undefined, data: Buffer, flow: Flow, sent: boolean, at: number): void {
    const { counters, socket } = this;
    if (!this.ready || !socket) {
      counters.droppedWithoutAddress++;
      return;
    }
    if (socket.getSendQueueSize() > MOST_WAITING) {
      counters.droppedBehind++;
      return;
    }
    const us = { address: this.deps.localAddress(flow), port: flow.local.port };
    const packet = encodeHep({
      source: sent ? us : flow.remote,
      destination: sent ? flow.remote : us,
      datagram: !flow.reliable,
      at,
      captureId: this.options.id ?? 0,
      key: this.key,
      callId,
      payload: data,
    });
    if (!packet || packet.length > LARGEST) {
      counters.droppedTooLarge++;
      return;
    }
    counters.sent++;
    socket.send(packet, this.sendFailed);
  }

  stats(): CaptureStats {
    return { ...this.counters };
  }

  close(): void {
    this.closed = true;
    this.ready = false;
    this.retry?.cancel();
    this.socket?.close();
    this.socket = undefined;
  }

  private readonly sendFailed = (error: Error | null): void => {
    if (error) this.counters.failed++;
  };

  /** Connected once, so that no packet has its destination looked up. */
  private async connect(): Promise<void> {
    const { host, port } = this.options;
    try {
      const { address } = await lookup(host);
      if (this.closed) return;
      const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
      this.socket = socket;
      socket.unref();
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.connect(port, address, () => {
          socket.off('error', reject);
          resolve();
        });
      });
      socket.on('error', this.sendFailed);
      this.ready = !this.closed;
    } catch (error) {
      if (this.closed) return;
      this.socket?.close();
      this.socket = undefined;
      this.deps.log.warn({ host, port, error: (error as Error).message }, 'the capture feed has nowhere to go: its collector cannot be found, which is tried again every 30 s');
      this.retry = this.deps.clock.after(RETRY_MS, () => void this.connect());
    }
  }
}
