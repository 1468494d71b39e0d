/**
 * Many phones in one socket, as small as a benchmark needs them: they register, call each other with digest, answer, and
 * tell which relay port each side was given. SIPp cannot hand those ports to a load generator, hence this.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const header = (message: string, name: string): string => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'im').exec(message)?.[1]?.trim() ?? '';
const headers = (message: string, name: string): string[] => [...message.matchAll(new RegExp(`^${name}\\s*:.*$`, 'gim'))].map((m) => m[0].trimEnd());

export interface CallUp {
  /** Where the caller's side is to send its RTP. */
  callerSendsTo: number;
  /** Where the callee's side is to send its RTP. */
  calleeSendsTo: number;
  hangUp(): Promise<void>;
}

interface Waiting {
  resolve(message: string): void;
}

export class BenchPhones {
  private readonly waiting = new Map<string, Waiting>();
  private readonly mediaPortOf = new Map<string, number>();
  private readonly relayPortFor = new Map<string, number>();

  private constructor(
    private readonly socket: Socket,
    private readonly local: number,
    private readonly server: number,
  ) {}

  static async open(localPort: number, serverPort: number): Promise<BenchPhones> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(localPort, '127.0.0.1', resolve);
    });
    socket.setRecvBufferSize(4 << 20);
    const phones = new BenchPhones(socket, localPort, serverPort);
    socket.on('message', (data) => phones.receive(data.toString()));
    return phones;
  }

  close(): void {
    this.socket.close();
  }

  async register(number: string): Promise<void> {
    const uri = `sip:127.0.0.1:${this.server}`;
    const build = (cseq: number, extra: string, id: string) =>
      this.request('REGISTER', uri, number, number, id, cseq, `Contact: <sip:${number}@127.0.0.1:${this.local}>\r\nExpires: 3600\r\n${extra}`, '');
    const id = randomBytes(8).toString('hex');
    const challenge = await this.exchange(build(1, '', id), `${id}1REGISTER`);
    const answer = await this.exchange(build(2, this.authorization('REGISTER', uri, number, challenge), id), `${id}2REGISTER`);
    if (!answer.startsWith('SIP/2.0 200')) throw new Error(`registration of ${number}: ${answer.split('\r\n')[0]}`);
  }

  /** `callerMedia` and `calleeMedia`: the ports on 127.0.0.1 that the load generator listens on. */
  async call(from: string, to: string, callerMedia: number, calleeMedia: number): Promise<CallUp> {
    this.mediaPortOf.set(to, calleeMedia);
    const uri = `sip:${to}@127.0.0.1:${this.server}`;
    const id = randomBytes(8).toString('hex');
    const contact = `Contact: <sip:${from}@127.0.0.1:${this.local}>\r\n`;
    const offer = this.sdp(callerMedia);
    const challenge = await this.exchange(this.request('INVITE', uri, from, to, id, 1, contact, offer), `${id}1INVITE`);
    this.send(this.request('ACK', uri, from, to, id, 1, '', '', header(challenge, 'To')));
    const ok = await this.exchange(
      this.request('INVITE', uri, from, to, id, 2, contact + this.authorization('INVITE', uri, from, challenge), offer),
      `${id}2INVITE`,
    );
    if (!ok.startsWith('SIP/2.0 200')) throw new Error(`call ${from} → ${to}: ${ok.split('\r\n')[0]}`);
    const target = /<([^>]+)>/.exec(header(ok, 'Contact'))?.[1] ?? uri;
    const routes = headers(ok, 'Record-Route').reverse().map((line) => line.replace(/^Record-Route/i, 'Route')).join('\r\n');
    const inDialog = (method: string, cseq: number) =>
      this.request(method, target, from, to, id, cseq, routes ? `${routes}\r\n` : '', '', header(ok, 'To'));
    this.send(inDialog('ACK', 2));
    return {
      callerSendsTo: Number(/^m=audio (\d+)/m.exec(ok)?.[1]),
      calleeSendsTo: this.relayPortFor.get(to) ?? 0,
      hangUp: async () => {
        await this.exchange(inDialog('BYE', 3), `${id}3BYE`);
      },
    };
  }

  private request(method: string, uri: string, from: string, to: string, id: string, cseq: number, extra: string, body: string, toLine?: string): string {
    const domain = `127.0.0.1:${this.server}`;
    return (
      `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${this.local};branch=z9hG4bK${randomBytes(8).toString('hex')};rport\r\nMax-Forwards: 70\r\n` +
      `From: <sip:${from}@${domain}>;tag=${id}\r\nTo: ${toLine ?? `<sip:${to}@${domain}>`}\r\nCall-ID: ${id}@bench\r\nCSeq: ${cseq} ${method}\r\n${extra}` +
      `${body ? 'Content-Type: application/sdp\r\n' : ''}Content-Length: ${body.length}\r\n\r\n${body}`
    );
  }

  private authorization(method: string, uri: string, user: string, challenge: string): string {
    const proxy = challenge.startsWith('SIP/2.0 407');
    const line = header(challenge, proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate');
    const value = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(line)?.[1] ?? '';
    const ha1 = md5(`${user}:${value('realm')}:pw${user}`);
    const response = md5(`${ha1}:${value('nonce')}:00000001:cn:auth:${md5(`${method}:${uri}`)}`);
    return (
      `${proxy ? 'Proxy-Authorization' : 'Authorization'}: Digest username="${user}", realm="${value('realm')}", nonce="${value('nonce')}", uri="${uri}", ` +
      `response="${response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="cn"\r\n`
    );
  }

  private sdp(port: number): string {
    return `v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n`;
  }

  private send(text: string): void {
    this.socket.send(text, this.server, '127.0.0.1');
  }

  private exchange(text: string, key: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const again = setInterval(() => this.send(text), 1000);
      const giveUp = setTimeout(() => {
        clearInterval(again);
        this.waiting.delete(key);
        reject(new Error(`no answer to ${text.split('\r\n')[0]}`));
      }, 10_000);
      this.waiting.set(key, {
        resolve: (message) => {
          clearInterval(again);
          clearTimeout(giveUp);
          this.waiting.delete(key);
          resolve(message);
        },
      });
      this.send(text);
    });
  }

  private receive(text: string): void {
    const [cseq = '', method = ''] = header(text, 'CSeq').split(/\s+/);
    if (text.startsWith('SIP/2.0')) {
      if (Number(text.slice(8, 11)) >= 200) this.waiting.get(header(text, 'Call-ID').replace('@bench', '') + cseq + method)?.resolve(text);
      return;
    }
    if (method === 'ACK') return;
    const number = /^\w+ sip:([^@;]+)@/.exec(text)?.[1] ?? '';
    const to = header(text, 'To');
    const answer = (status: string, extra: string, body: string) =>
      this.send(
        `SIP/2.0 ${status}\r\n${[...headers(text, 'Via'), ...headers(text, 'Record-Route')].join('\r\n')}\r\nFrom: ${header(text, 'From')}\r\n` +
          `To: ${to}${to.includes('tag=') ? '' : `;tag=b${number}`}\r\nCall-ID: ${header(text, 'Call-ID')}\r\nCSeq: ${cseq} ${method}\r\n${extra}` +
          `${body ? 'Content-Type: application/sdp\r\n' : ''}Content-Length: ${body.length}\r\n\r\n${body}`,
      );
    if (method === 'INVITE') {
      this.relayPortFor.set(number, Number(/^m=audio (\d+)/m.exec(text)?.[1]));
      answer('200 OK', `Contact: <sip:${number}@127.0.0.1:${this.local}>\r\n`, this.sdp(this.mediaPortOf.get(number) ?? 9));
    } else {
      answer('200 OK', '', '');
    }
  }
}
