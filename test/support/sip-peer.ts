/**
 * A SIP peer that does exactly what a test tells it, over UDP, TCP, TLS or WebSocket: it sends messages, and hands out what it received in any
 * order the test asks for. It has no transactions and repeats nothing by itself; what the other side repeats it receives again.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { WebSocket } from 'ws';
import { Headers } from '../../signaling/engine/wire/headers';
import { SipRequest, SipResponse } from '../../signaling/engine/wire/message';
import { formatNameAddr, parseNameAddr } from '../../signaling/engine/wire/name-addr';
import { parseMessage } from '../../signaling/engine/wire/parser';
import { reasonPhrase } from '../../signaling/engine/wire/reasons';
import { serialize } from '../../signaling/engine/wire/serialize';
import { StreamFramer } from '../../signaling/engine/wire/framer';

const wire = { maxMessageBytes: 65_535, maxHeaders: 200 };

export interface Address {
  host: string;
  port: number;
}

/** A message with the address it came from. */
export interface Heard<T> {
  message: T;
  from: Address;
  at: number;
}

interface Waiting {
  fits(message: SipRequest | SipResponse): boolean;
  found(heard: Heard<SipRequest | SipResponse>): void;
}

let serial = 0;
const unique = (): string => `${process.pid.toString(36)}${(++serial).toString(36)}${Math.random().toString(36).slice(2, 8)}`;

export const sdp = (port = 40000, extra = ''): string =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n${extra}`;

export interface RequestOptions {
  headers?: Record<string, string | string[]>;
  body?: string;
  from?: string;
  to?: string;
  callId?: string;
  cseq?: number;
  /** Host and port in Via and Contact, when they are to differ from the real ones. */
  advertised?: Address;
}

export class SipPeer {
  /** Everything received, in order; `receive` takes out of the inbox, not out of here. */
  readonly heard: Array<Heard<SipRequest | SipResponse>> = [];
  private readonly inbox: Array<Heard<SipRequest | SipResponse>> = [];
  private readonly waiting: Waiting[] = [];
  /** CRLFs and whatever else is no message. */
  other = '';
  closedByOther = false;

  private constructor(
    readonly protocol: 'udp' | 'tcp' | 'tls' | 'ws',
    readonly host: string,
    readonly port: number,
    private readonly write: (data: Buffer, to: Address) => void,
    private readonly shut: () => Promise<void>,
    private readonly target: Address | undefined,
  ) {}

  /** @param target where messages go when `send` is not told otherwise */
  static async udp(target?: Address, host = '127.0.0.1'): Promise<SipPeer> {
    const socket: UdpSocket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve) => socket.bind(0, host, resolve));
    const leaving = new Set<Promise<void>>();
    const peer = new SipPeer(
      'udp',
      host.includes(':') ? `[${host}]` : host,
      socket.address().port,
      (data, to) => {
        const sent: Promise<void> = new Promise((resolve) => socket.send(data, to.port, to.host, () => resolve()));
        leaving.add(sent);
        void sent.then(() => leaving.delete(sent));
      },
      async () => {
        // Closing a datagram socket drops what it was just given.
        await Promise.all(leaving);
        await new Promise<void>((resolve) => socket.close(() => resolve()));
      },
      target,
    );
    socket.on('message', (data, from) => {
      if (/^[\r\n\0]*$/.test(data.toString('latin1'))) peer.other += data.toString('latin1');
      else peer.take(data, { host: from.address, port: from.port });
    });
    return peer;
  }

  /** Dials `target`. */
  static async tcp(target: Address): Promise<SipPeer> {
    const socket = connect({ host: target.host, port: target.port });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const peer = new SipPeer('tcp', '127.0.0.1', socket.localPort ?? 0, (data) => void socket.write(data), () => ended(socket), target);
    peer.read(socket, target);
    return peer;
  }

  /** Dials `target` over TLS, whoever that is; `identity`: what it shows of itself. */
  static async tls(target: Address, identity?: { certificate: string; key: string }): Promise<SipPeer> {
    const shown = identity && { cert: readFileSync(identity.certificate), key: readFileSync(identity.key) };
    const socket = connectTls({ host: target.host, port: target.port, rejectUnauthorized: false, ...shown });
    await new Promise<void>((resolve, reject) => void socket.once('secureConnect', resolve).once('error', reject));
    const peer = new SipPeer('tls', '127.0.0.1', socket.localPort ?? 0, (data) => void socket.write(data), () => ended(socket), target);
    peer.read(socket, target);
    return peer;
  }

  /** As a browser: nobody can dial it, its name is none. */
  static async ws(target: Address): Promise<SipPeer> {
    const socket = new WebSocket(`ws://${target.host}:${target.port}`, 'sip');
    await new Promise<void>((resolve, reject) => void socket.once('open', resolve).once('error', reject));
    const peer = new SipPeer('ws', `${unique()}.invalid`, 5060, (data) => socket.send(data), () => Promise.resolve(socket.terminate()), target);
    socket.on('message', (data: Buffer) => peer.take(data, target)).on('error', () => undefined);
    return peer;
  }

  /** Waits for connections; answers go to the last one. `certificate`: over TLS. */
  static async tcpServer(certificate?: { certificate: string; key: string }): Promise<SipPeer> {
    const sockets: TcpSocket[] = [];
    const server: Server = certificate ? createTlsServer({ cert: readFileSync(certificate.certificate), key: readFileSync(certificate.key) }) : createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const peer = new SipPeer(
      certificate ? 'tls' : 'tcp',
      '127.0.0.1',
      port,
      (data) => void sockets.at(-1)?.write(data),
      async () => {
        await Promise.all(sockets.map(ended));
        await new Promise<void>((resolve) => server.close(() => resolve()));
      },
      undefined,
    );
    server.on(certificate ? 'secureConnection' : 'connection', (socket: TcpSocket) => {
      sockets.push(socket);
      peer.read(socket, { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 });
    });
    return peer;
  }

  get uri(): string {
    return `sip:peer@${this.host}:${this.port}${this.protocol === 'udp' ? '' : `;transport=${this.protocol}`}`;
  }

  close(): Promise<void> {
    return this.shut();
  }

  // --- sending -------------------------------------------------------------------------------------------------------

  send(message: SipRequest | SipResponse | string, to = this.target): void {
    if (!to) throw new Error('no address to send to');
    this.write(typeof message === 'string' ? Buffer.from(message) : serialize(message), to);
  }

  /** A request outside dialogs, not sent yet. */
  request(method: string, uri: string, options: RequestOptions = {}): SipRequest {
    const { host, port } = options.advertised ?? this;
    const headers = new Headers();
    headers.append('Via', `SIP/2.0/${this.protocol.toUpperCase()} ${host}:${port};branch=z9hG4bK${unique()};rport`);
    headers.append('Max-Forwards', '70');
    headers.append('From', options.from ?? `<sip:alice@example.com>;tag=ft${unique()}`);
    headers.append('To', options.to ?? '<sip:bob@example.com>');
    headers.append('Call-ID', options.callId ?? `${unique()}@peer`);
    headers.append('CSeq', `${options.cseq ?? 1} ${method}`);
    if (['INVITE', 'SUBSCRIBE', 'REGISTER', 'REFER', 'NOTIFY', 'UPDATE'].includes(method)) {
      headers.append('Contact', `<sip:alice@${host}:${port}${this.protocol === 'udp' ? '' : `;transport=${this.protocol}`}>`);
    }
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      headers.remove(name);
      for (const one of [value].flat()) if (one !== '') headers.append(name, one);
    }
    const body = Buffer.from(options.body ?? '');
    if (body.length > 0 && !headers.has('content-type')) headers.append('Content-Type', 'application/sdp');
    return new SipRequest(method, uri, headers, body);
  }

  /** Sends the answer to a received request to where it came from. */
  reply(heard: Heard<SipRequest>, status: number, options: { tag?: string; headers?: Record<string, string>; body?: string; reason?: string } = {}): SipResponse {
    const request = heard.message;
    const headers = new Headers();
    for (const { key, name, value } of request.headers) {
      if (['via', 'from', 'call-id', 'cseq', 'record-route'].includes(key)) headers.append(name, value);
    }
    const to = parseNameAddr(request.headers.get('to') ?? '');
    if (!to.params.has('tag') && status > 100) to.params.set('tag', options.tag ?? `rt${this.port}`);
    headers.append('To', formatNameAddr(to));
    if (status > 100 && status < 300 && ['INVITE', 'SUBSCRIBE', 'UPDATE'].includes(request.method) && options.headers?.['Contact'] === undefined) {
      headers.append('Contact', `<sip:bob@${this.host}:${this.port}${this.protocol === 'udp' ? '' : `;transport=${this.protocol}`}>`);
    }
    for (const [name, value] of Object.entries(options.headers ?? {})) if (value !== '') headers.append(name, value);
    const body = Buffer.from(options.body ?? '');
    if (body.length > 0) headers.append('Content-Type', 'application/sdp');
    const response = new SipResponse(status, options.reason ?? reasonPhrase(status), headers, body);
    this.send(response, heard.from);
    return response;
  }

  // --- receiving -----------------------------------------------------------------------------------------------------

  /** The next request with this method (also one that is waiting in the inbox). */
  async getRequest(method: string, timeoutMs = 4000): Promise<Heard<SipRequest>> {
    return (await this.get(`request ${method}`, (m) => m instanceof SipRequest && m.method === method, timeoutMs)) as Heard<SipRequest>;
  }

  /** The next response with this status to a request with this method. */
  async getResponse(status: number, method?: string, timeoutMs = 4000): Promise<Heard<SipResponse>> {
    const fits = (m: SipRequest | SipResponse): boolean => m instanceof SipResponse && m.status === status && (method === undefined || m.cseq.method === method);
    return (await this.get(`response ${status} ${method ?? ''}`, fits, timeoutMs)) as Heard<SipResponse>;
  }

  /** The next final response to this request. */
  async getFinal(request: SipRequest, timeoutMs = 4000): Promise<SipResponse> {
    const { callId, cseq } = request;
    const fits = (m: SipRequest | SipResponse): boolean => m instanceof SipResponse && m.status >= 200 && m.callId === callId && m.cseq.seq === cseq.seq && m.cseq.method === cseq.method;
    return (await this.get(`the final response to ${cseq.method}`, fits, timeoutMs)).message as SipResponse;
  }

  /** How many messages that fit have been received so far. */
  count(fits: (message: SipRequest | SipResponse) => boolean): number {
    return this.heard.filter((one) => fits(one.message)).length;
  }

  countRequests(method: string): number {
    return this.count((m) => m instanceof SipRequest && m.method === method);
  }

  countResponses(status: number): number {
    return this.count((m) => m instanceof SipResponse && m.status === status);
  }

  private get(what: string, fits: Waiting['fits'], timeoutMs: number): Promise<Heard<SipRequest | SipResponse>> {
    const at = this.inbox.findIndex((one) => fits(one.message));
    if (at >= 0) return Promise.resolve(this.inbox.splice(at, 1)[0]!);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(entry), 1);
        const seen = this.heard.map((one) => (one.message instanceof SipRequest ? one.message.method : `${one.message.status} ${one.message.cseq.method}`));
        reject(new Error(`waited ${timeoutMs} ms for ${what}; received: ${seen.join(', ') || 'nothing'}`));
      }, timeoutMs);
      const entry: Waiting = {
        fits,
        found: (heard) => {
          clearTimeout(timer);
          resolve(heard);
        },
      };
      this.waiting.push(entry);
    });
  }

  private read(socket: TcpSocket, from: Address): void {
    const framer = new StreamFramer(wire);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      for (const framed of framer.push(chunk)) {
        if (framed.kind === 'message') this.take(framed.data, from);
        else this.other += framed.kind === 'pong' ? '\r\n' : '\r\n\r\n';
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closedByOther = true;
    });
  }

  private take(data: Buffer, from: Address): void {
    const heard = { message: parseMessage(data, wire), from, at: Date.now() };
    this.heard.push(heard);
    const at = this.waiting.findIndex((one) => one.fits(heard.message));
    if (at < 0) this.inbox.push(heard);
    else this.waiting.splice(at, 1)[0]!.found(heard);
  }
}

/** The peer's view of a dialog: enough to write requests within it. */
export class PeerDialog {
  private constructor(
    readonly peer: SipPeer,
    readonly callId: string,
    private readonly local: string,
    private readonly remote: string,
    public remoteTarget: string,
    public seq: number,
    private readonly address: Address,
    private readonly inviteSeq: number,
    public routes: string[] = [],
  ) {}

  /** We called: from our INVITE and the response with a To tag. */
  static caller(peer: SipPeer, invite: SipRequest, response: Heard<SipResponse>): PeerDialog {
    const { message } = response;
    return new PeerDialog(peer, invite.callId, invite.headers.get('from')!, message.headers.get('to')!, contactOf(message), invite.cseq.seq, response.from, invite.cseq.seq);
  }

  /** We were called: from the INVITE and our answer. */
  static called(peer: SipPeer, invite: Heard<SipRequest>, response: SipResponse): PeerDialog {
    const { message } = invite;
    return new PeerDialog(peer, message.callId, response.headers.get('to')!, message.headers.get('from')!, contactOf(message), 100, invite.from, message.cseq.seq);
  }

  request(method: string, options: RequestOptions = {}): SipRequest {
    const seq = method === 'ACK' ? (options.cseq ?? this.inviteSeq) : (options.cseq ?? ++this.seq);
    return this.peer.request(method, this.remoteTarget, { ...options, from: this.local, to: this.remote, callId: this.callId, cseq: seq });
  }

  /** Makes and sends. */
  send(method: string, options: RequestOptions = {}): SipRequest {
    const request = this.request(method, options);
    this.peer.send(request, this.address);
    return request;
  }

  ack(options: RequestOptions = {}): void {
    this.send('ACK', options);
  }
}

export function contactOf(message: SipRequest | SipResponse): string {
  return parseNameAddr(message.headers.get('contact') ?? '<sip:none@invalid>').uri;
}

function ended(socket: TcpSocket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.destroy();
  });
}
