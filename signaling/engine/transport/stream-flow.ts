/** One stream connection (RFC 3261 §18, keep-alive RFC 5626 §3.5.1): TCP, or TLS over it. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { StreamFramer } from '../wire/framer';
import { SipParseError } from '../wire/errors';
import { certifies } from './certified';
import { ConnectionFlow, type Carrier } from './connection-flow';
import type { Host } from './listener';
import type { Endpoint } from './types';

const PONG = Buffer.from('\r\n');

/** What is known of who is at the other end of TLS. */
export interface TlsPeer {
  /** The name that was dialled and, unless checks are off, proved. Undefined: the peer dialled us. */
  name?: string | undefined;
  /** We showed a certificate of our own, so the peer may trust our address, too. */
  alias?: boolean;
}

export class StreamFlow extends ConnectionFlow {
  readonly alias: boolean;
  private socket: Socket | undefined;
  private framer: StreamFramer | undefined;
  private readonly peerName: string | undefined;

  constructor(socket: Socket, local: Endpoint, remote: Endpoint, host: Host, accepted: boolean, peer: TlsPeer = {}) {
    super(socket instanceof TLSSocket ? 'tls' : 'tcp', local, remote, host, accepted);
    this.socket = socket;
    this.alias = peer.alias === true;
    this.peerName = peer.name?.toLowerCase();
    this.framer = host.newFramer();
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('error', (error) => host.log.debug({ err: error, flow: this.id }, 'A connection broke'));
    // A peer that has finished sending is done with us, and has as long as others to take what it was sent.
    socket.on('end', () => this.close('peer'));
    socket.on('close', () => this.leave('peer'));
    host.opened(this);
  }

  override vouchesFor(name: string): boolean {
    const { socket } = this;
    if (!(socket instanceof TLSSocket)) return true;
    return this.accepted ? certifies(socket, name) : this.peerName === name.toLowerCase();
  }

  protected get backlog(): number {
    return this.socket?.writableLength ?? 0;
  }

  protected write(data: Buffer, done?: (error?: Error | null) => void): void {
    this.socket?.write(data, done);
  }

  private read(chunk: Buffer): void {
    const { host, framer } = this;
    if (!this.open || !framer) return;
    this.lastActive = host.clock.now();
    let complete = false;
    let pinged = false;
    try {
      for (const item of framer.push(chunk)) {
        complete = true;
        if (item.kind === 'message') this.received(item.data);
        else {
          host.counters.keepalives++;
          pinged ||= item.kind === 'ping';
        }
        if (!this.open) return;
      }
    } catch (error) {
      if (error instanceof SipParseError) this.unreadable(error);
      else {
        host.counters.internalErrors++;
        host.log.error({ err: error, flow: this.id }, 'A stream could not be read');
        this.destroy('framing');
      }
      return;
    }
    // One answer for all pings of a chunk: a flood of them must not be answered byte by byte.
    if (pinged) this.deliver(PONG);
    if (framer.error) this.unreadable(framer.error);
    else if (framer.pendingBytes === 0) this.unfinishedSince = undefined;
    else if (complete || this.unfinishedSince === undefined) this.unfinishedSince = this.lastActive;
  }

  /** Where one message ends and the next begins is lost: there is no reading on. */
  private unreadable(error: SipParseError): void {
    this.host.counters.closedFraming++;
    this.host.unreadable(error, this);
    this.close('framing');
  }

  protected release(): Carrier | undefined {
    this.framer = undefined;
    const { socket } = this;
    this.socket = undefined;
    if (!socket) return undefined;
    socket.removeAllListeners('data');
    socket.resume();
    return {
      end: () => socket.destroySoon(),
      cut: () => void socket.destroy(),
      lingers: socket.writableLength > 0,
      whenClosed: (fn) => void socket.once('close', fn),
    };
  }
}
