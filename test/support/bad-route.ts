/**
 * A phone behind a bad network, with everybody else as they are: SIP over UDP goes through here unharmed but for one thing, the port in each
 * description of sound, in place of which stands that of an impaired path. So the sound of both directions crosses it.
 *
 *     phone ── SIP ──► [route] ── SIP ──► server
 *       ╰──── RTP ───► [impaired path] ──► whoever the server says
 *
 * The phone is given this as where to send to (`--proxy`).
 */
import { createSocket, type Socket } from 'node:dgram';
import { ImpairedSound, type UdpEnd } from './impair';
import type { LineCounts, LineOptions } from './line';
import type { Stage } from './stage';

export interface BadRouteOptions {
  server: UdpEnd;
  /** Sound on its way to the phone, and from it. */
  toPhone?: LineOptions;
  fromPhone?: LineOptions;
}

export class BadRoute {
  private readonly paths = new Map<string, ImpairedSound>();
  private phone: UdpEnd | undefined;
  /** One after the other, so that messages stay in order while paths are opened. */
  private work: Promise<void> = Promise.resolve();
  private closed = false;

  private constructor(
    private readonly stage: Stage,
    /** Towards the phone, and towards the server. */
    private readonly front: Socket,
    private readonly back: Socket,
    private readonly options: BadRouteOptions,
  ) {
    const later = (step: () => Promise<void>): void => {
      this.work = this.work.then(step).catch(() => undefined);
    };
    front.on('message', (data, from) => {
      this.phone = from;
      later(async () => this.send(this.back, await this.rewritten(data, 'phone'), this.options.server));
    });
    back.on('message', (data) => later(async () => this.send(this.front, await this.rewritten(data, 'server'), this.phone)));
  }

  static async open(stage: Stage, options: BadRouteOptions): Promise<BadRoute> {
    const [front, back] = await Promise.all([socketOn(await stage.port()), socketOn(await stage.port())]);
    return stage.own(new BadRoute(stage, front, back, options));
  }

  /** For `--proxy`. */
  get address(): string {
    return `127.0.0.1:${this.front.address().port}`;
  }

  /** Of sound (without RTCP), all calls together. */
  counts(): { toPhone: LineCounts; fromPhone: LineCounts } {
    const sum = { toPhone: none(), fromPhone: none() };
    for (const { rtp } of this.paths.values()) {
      add(sum.fromPhone, rtp.counts().forward);
      add(sum.toPhone, rtp.counts().back);
    }
    return sum;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.front.close();
    this.back.close();
  }

  /** A call has one path; the phone's side of it is `near`. Each side is told the port that faces it. */
  private async rewritten(data: Buffer, from: 'phone' | 'server'): Promise<Buffer> {
    const text = data.toString('latin1');
    const end = text.indexOf('\r\n\r\n') + 4;
    const [head, body] = [text.slice(0, end), text.slice(end)];
    const port = Number(/^m=audio (\d+) /m.exec(body)?.[1] ?? 0);
    const callId = /^(?:Call-ID|i):\s*(\S+)/im.exec(head)?.[1];
    if (end < 4 || port === 0 || callId === undefined) return data;
    const { fromPhone, toPhone } = this.options;
    const path = this.paths.get(callId) ?? (await ImpairedSound.open(this.stage, { forward: fromPhone, back: toPhone }));
    this.paths.set(callId, path);
    if (from === 'phone') path.returnTo({ address: '127.0.0.1', port });
    else path.leadTo({ address: '127.0.0.1', port });
    const told = body.replace(/^m=audio \d+ /m, `m=audio ${from === 'phone' ? path.backPort : path.frontPort} `).replace(/^a=rtcp:.*\r\n/m, '');
    return Buffer.from(head.replace(/^(Content-Length|l):\s*\d+/im, `$1: ${told.length}`) + told, 'latin1');
  }

  private send(through: Socket, data: Buffer, to: UdpEnd | undefined): void {
    if (!this.closed && to !== undefined) through.send(data, to.port, to.address);
  }
}

const none = (): LineCounts => ({ packets: 0, lost: 0, duplicated: 0, heldBack: 0 });

function add(sum: LineCounts, more: LineCounts): void {
  for (const key of Object.keys(sum) as Array<keyof LineCounts>) sum[key] += more[key];
}

async function socketOn(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', () => {
      socket.off('error', reject);
      resolve();
    });
  });
  socket.on('error', () => undefined);
  return socket;
}
