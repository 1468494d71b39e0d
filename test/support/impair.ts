/**
 * A bad path for UDP: a proxy that loses, delays, repeats and reorders what goes through it. It rewrites nothing, so it serves for RTP as well
 * as for SIP over UDP.
 *
 *     near ──► [front port]  proxy  [back port] ──► far
 *          ◄──  back line           forward line
 *
 * `near` is whoever sends to the front; `far` is told, or is whoever sends to the back.
 */
import { createSocket, type Socket } from 'node:dgram';
import { Line, type LineCounts, type LineOptions } from './line';
import type { Stage } from './stage';

export interface UdpEnd {
  address: string;
  port: number;
}

export interface ImpairedOptions {
  /** Where packets from `near` go. */
  far?: UdpEnd | undefined;
  /** Where packets from `far` go until `near` has sent something. */
  near?: UdpEnd | undefined;
  /** What happens on the way to `far`; nothing when left out. */
  forward?: LineOptions | undefined;
  /** On the way back; default nothing. */
  back?: LineOptions | undefined;
  /** Default 127.0.0.1 */
  address?: string | undefined;
  /** Default: new ones of the stage. */
  frontPort?: number | undefined;
  backPort?: number | undefined;
}

export class ImpairedPath {
  private readonly timers = new Set<NodeJS.Timeout>();
  private closed = false;

  private constructor(
    private readonly front: Socket,
    private readonly back: Socket,
    private near: UdpEnd | undefined,
    private far: UdpEnd | undefined,
    private readonly forwardLine: Line,
    private readonly backLine: Line,
  ) {
    front.on('message', (data, from) => {
      this.near = from;
      this.carry(this.forwardLine, () => this.send(this.back, data, this.far));
    });
    back.on('message', (data, from) => {
      this.far ??= from;
      this.carry(this.backLine, () => this.send(this.front, data, this.near));
    });
    for (const socket of [front, back]) socket.on('error', () => undefined);
  }

  static async open(stage: Stage, options: ImpairedOptions = {}): Promise<ImpairedPath> {
    const { address = '127.0.0.1' } = options;
    const front = await bound(options.frontPort ?? (await stage.port()), address);
    const back = await bound(options.backPort ?? (await stage.port()), address);
    return stage.own(new ImpairedPath(front, back, options.near, options.far, new Line(options.forward), new Line(options.back)));
  }

  /** Where `near` sends to. */
  get frontPort(): number {
    return this.front.address().port;
  }

  /** Where `far` sends to, and sees what comes from. */
  get backPort(): number {
    return this.back.address().port;
  }

  leadTo(far: UdpEnd): void {
    this.far = far;
  }

  returnTo(near: UdpEnd): void {
    this.near = near;
  }

  counts(): { forward: LineCounts; back: LineCounts } {
    return { forward: { ...this.forwardLine.counts }, back: { ...this.backLine.counts } };
  }

  report(): string {
    return this.closed ? '' : `--- impaired path ${this.frontPort} ► ${this.far?.port ?? '?'}: ${JSON.stringify(this.counts())}`;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.front.close();
    this.back.close();
  }

  private carry(line: Line, deliver: () => void): void {
    const now = performance.now();
    for (const at of line.arrivals(now)) {
      if (at <= now) {
        deliver();
        continue;
      }
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        deliver();
      }, at - now);
      this.timers.add(timer);
    }
  }

  private send(through: Socket, data: Buffer, to: UdpEnd | undefined): void {
    if (!this.closed && to !== undefined) through.send(data, to.port, to.address);
  }
}

/** RTP and its RTCP, on pairs of ports as RFC 3550 §11 wants them, through the same kind of line. */
export class ImpairedSound {
  private constructor(
    readonly rtp: ImpairedPath,
    readonly rtcp: ImpairedPath,
  ) {}

  static async open(stage: Stage, options: Pick<ImpairedOptions, 'forward' | 'back' | 'address'> = {}): Promise<ImpairedSound> {
    const { first } = await stage.ports(4);
    const [rtp, rtcp] = await Promise.all([0, 1].map((odd) => ImpairedPath.open(stage, { ...options, frontPort: first + odd, backPort: first + 2 + odd })));
    return new ImpairedSound(rtp!, rtcp!);
  }

  /** `far` is the RTP port. */
  leadTo(far: UdpEnd): void {
    this.rtp.leadTo(far);
    this.rtcp.leadTo({ ...far, port: far.port + 1 });
  }

  /** `near` likewise. */
  returnTo(near: UdpEnd): void {
    this.rtp.returnTo(near);
    this.rtcp.returnTo({ ...near, port: near.port + 1 });
  }

  /** What `near` is to be told in SDP, and what `far` is. */
  get frontPort(): number {
    return this.rtp.frontPort;
  }

  get backPort(): number {
    return this.rtp.backPort;
  }
}

async function bound(port: number, address: string): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return socket;
}
