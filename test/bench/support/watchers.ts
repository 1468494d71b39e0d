/** Any number of phones with lamps on one socket: they subscribe to one extension's dialogs (RFC 4235), answer every NOTIFY and note when it came. */
import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { until } from './process';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const header = (text: string, name: string): string => new RegExp(`^${name}:\\s*(.*?)\\r?$`, 'im').exec(text)?.[1] ?? '';

export class Watchers {
  /** Milliseconds of performance.now(), by what each NOTIFY's document says of the newest dialog: `early`, `confirmed`, `terminated`, or nothing. */
  readonly told: Array<{ at: number; state: string }> = [];
  private readonly seen = new Set<string>();
  private readonly socket: Socket = createSocket('udp4');

  private constructor(
    private readonly port: number,
    private readonly whom: string,
  ) {
    this.socket.on('message', (data) => this.take(data.toString()));
  }

  static async start(port: number, users: readonly string[], whom: string): Promise<Watchers> {
    const watchers = new Watchers(port, whom);
    await new Promise<void>((resolve) => watchers.socket.bind(0, '127.0.0.1', resolve));
    watchers.socket.setRecvBufferSize(4 * 2 ** 20);
    for (let at = 0; at < users.length; at += 50) {
      for (const user of users.slice(at, at + 50)) watchers.subscribe(user, 1);
      await until('watchers to be told', 10_000, () => watchers.told.length >= Math.min(at + 50, users.length));
    }
    return watchers;
  }

  close(): void {
    this.socket.close();
  }

  private take(text: string): void {
    if (text.startsWith('NOTIFY')) {
      this.answer(text);
      const name = `${header(text, 'Call-ID')} ${header(text, 'CSeq')}`;
      if (this.seen.has(name)) return;
      this.seen.add(name);
      this.told.push({ at: performance.now(), state: [...text.matchAll(/<state>(\w+)</g)].at(-1)?.[1] ?? '' });
    } else if (text.startsWith('SIP/2.0 407')) {
      const [realm, nonce] = ['realm', 'nonce'].map((key) => new RegExp(`${key}="([^"]*)"`).exec(header(text, 'Proxy-Authenticate'))?.[1] ?? '');
      const user = /sip:(\d+)@/.exec(header(text, 'From'))?.[1] ?? '';
      const uri = `sip:${this.whom}@127.0.0.1`;
      const response = md5(`${md5(`${user}:${realm}:pw${user}`)}:${nonce}:00000001:bench:auth:${md5(`SUBSCRIBE:${uri}`)}`);
      this.subscribe(user, 2, `Proxy-Authorization: Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="bench"\r\n`);
    }
  }

  private subscribe(user: string, seq: number, more = ''): void {
    const own = `127.0.0.1:${this.socket.address().port}`;
    this.send([
      `SUBSCRIBE sip:${this.whom}@127.0.0.1 SIP/2.0`, `Via: SIP/2.0/UDP ${own};branch=z9hG4bK${user}x${seq}`, 'Max-Forwards: 70', `From: <sip:${user}@127.0.0.1>;tag=${user}`,
      `To: <sip:${this.whom}@127.0.0.1>`, `Call-ID: ${user}@watchers`, `CSeq: ${seq} SUBSCRIBE`, `Contact: <sip:${user}@${own}>`, 'Event: dialog', 'Expires: 3600', `${more}Content-Length: 0`, '', '',
    ].join('\r\n'));
  }

  private answer(request: string): void {
    const same = ['From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${header(request, name)}`);
    this.send(['SIP/2.0 200 OK', `Via: ${header(request, 'Via')}`, ...same, 'Content-Length: 0', '', ''].join('\r\n'));
  }

  private send(text: string): void {
    this.socket.send(text, this.port, '127.0.0.1');
  }
}
