/** A phone's socket: sends datagrams, hands out what it received in order. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

export interface Received {
  data: Buffer;
  from: RemoteInfo;
}

export class Peer {
  private readonly received: Received[] = [];
  private readonly waiting: Array<(packet: Received) => void> = [];

  private constructor(
    private readonly socket: Socket,
    readonly address: string,
  ) {
    socket.on('message', (data, from) => {
      const waiter = this.waiting.shift();
      if (waiter) waiter({ data, from });
      else this.received.push({ data, from });
    });
  }

  static open(address = '127.0.0.1', port = 0): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
      socket.once('error', reject);
      socket.bind(port, address, () => resolve(new Peer(socket, address)));
    });
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** Sends to a port of this host. */
  send(data: Uint8Array, port: number): void {
    this.socket.send(data, port, this.address);
  }

  next(): Promise<Received> {
    const packet = this.received.shift();
    return packet ? Promise.resolve(packet) : new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Received and not yet taken. */
  get pending(): number {
    return this.received.length;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.socket.close(() => resolve()));
  }
}
