/**
 * Events over WebSocket (RFC 6455) at `/api/v1/events`, for whoever may read: `?type=call.ended,voicemail.new` or `?type=call` for all of calls,
 * `?since=ID` for what was told since. The first message says where it begins; after that each is an event.
 *
 * A browser cannot set headers: it offers the subprotocols `offhook.events` and `offhook.token.TOKEN`. Never in the address, which is written down everywhere.
 *
 * Who does not read fast enough is cut off with 1013 and comes back with `since`; nobody is waited for.
 */
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Clock, Timer } from '../clock';
import { OffhookError } from '../errors';
import { EVENT_NAME, wantedBy } from '../event-filter';
import type { Logger } from '../log';
import { scopes, type AskerOf } from './access';
import { problemAnswer } from './problems';

export interface Told {
  id: number;
  type: string;
}

export interface EventsSource {
  /** From now on. Returns how to stop. */
  onEvent(listener: (event: Told) => void): () => void;
  after(id: number): { events: readonly Told[]; missed: boolean };
}

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const PATH = '/api/v1/events';
const PROTOCOL = 'offhook.events';
const TOKEN = 'offhook.token.';
const PING_MS = 30_000;
/** What waits for one that does not read. */
const BEHIND_BYTES = 1_048_576;
const MOST = 100;

/** Undefined: it is no list of types. `call` stands for all that begin with `call.`. */
export function wantedTypes(text: string | null): ((type: string) => boolean) | undefined {
  const names = text === null || text === '' ? [] : text.split(',');
  return names.every((name) => EVENT_NAME.test(name)) ? wantedBy(names) : undefined;
}

export class EventSockets {
  private server: WebSocketServer | undefined;
  private readonly open = new Set<WebSocket>();
  private readonly timers = new Map<WebSocket, Timer>();
  private closed = false;
  readonly counters = { opened: 0, tooSlow: 0 };

  constructor(private readonly deps: { events: EventsSource; clock: Clock; log: Logger }) {}

  get connected(): number {
    return this.open.size;
  }

  upgrade(askerOf: AskerOf): Upgrade {
    return (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      this.take(request, socket, head, askerOf).catch((err: unknown) => {
        if (!(err instanceof OffhookError)) this.deps.log.error({ error: String(err) }, 'a WebSocket could not be opened');
        refuse(socket, err instanceof OffhookError ? err : new OffhookError('server.starting', {}));
      });
    };
  }

  /** Everybody is told that the server goes (1001). */
  async close(): Promise<void> {
    this.closed = true;
    const all = [...this.open];
    for (const socket of all) socket.close(1001, 'the server is stopping');
    if (all.length === 0) return;
    const given = this.deps.clock.after(500, () => all.forEach((socket) => socket.terminate()));
    await Promise.all(all.map((socket) => new Promise<void>((resolve) => (socket.readyState === 3 ? resolve() : socket.once('close', () => resolve())))));
    given.cancel();
  }

  /** Errors: those of who asks, and of what is asked. */
  private async take(request: IncomingMessage, socket: Duplex, head: Buffer, askerOf: AskerOf): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://offhook');
    if (url.pathname !== PATH) throw new OffhookError('api.no-route', { method: request.method ?? 'GET', path: url.pathname });
    takeToken(request);
    const asker = await askerOf(request);
    if (!asker) throw new OffhookError('api.unauthorized', {});
    if (scopes.indexOf(asker.scope) < 0) throw new OffhookError('api.forbidden', { who: asker.name, scope: 'read' });
    const wants = wantedTypes(url.searchParams.get('type'));
    const since = url.searchParams.get('since');
    if (!wants || (since !== null && !/^\d{1,16}$/.test(since))) throw new OffhookError('events.bad-question', {});
    if (this.closed || this.open.size >= MOST) throw new OffhookError('events.too-many', { most: MOST });
    this.serverFor().handleUpgrade(request, socket, head, (ws) => this.serve(ws, wants, since === null ? undefined : Number(since)));
  }

  private serverFor(): WebSocketServer {
    if (!this.server) {
      const { WebSocketServer: Server } = require('ws') as typeof import('ws');
      this.server = new Server({ noServer: true, maxPayload: 1024, perMessageDeflate: false, handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false) });
    }
    return this.server;
  }

  private serve(ws: WebSocket, wants: (type: string) => boolean, since: number | undefined): void {
    this.counters.opened++;
    this.open.add(ws);
    const send = (event: object): void => {
      if (ws.readyState !== 1) return;
      if (ws.bufferedAmount > BEHIND_BYTES) {
        this.counters.tooSlow++;
        // what waits would go before the reason, and there is nobody to read it
        ws.close(1013, 'you do not read fast enough; come back with since');
        this.deps.clock.after(1000, () => ws.terminate());
        return;
      }
      ws.send(JSON.stringify(event));
    };
    const { events, missed } = since === undefined ? { events: [], missed: false } : this.deps.events.after(since);
    send({ type: 'hello', missed });
    for (const event of events) if (wants(event.type)) send(event);
    const stop = this.deps.events.onEvent((event) => {
      if (wants(event.type)) send(event);
    });
    let heard = true;
    const ping = (): void => {
      if (!heard) return ws.terminate();
      heard = false;
      ws.ping();
      this.timers.set(ws, this.deps.clock.after(PING_MS, ping));
    };
    this.timers.set(ws, this.deps.clock.after(PING_MS, ping));
    ws.on('pong', () => void (heard = true));
    ws.on('message', () => ws.close(1008, 'nothing is to be said here'));
    ws.on('error', () => ws.terminate());
    ws.on('close', () => {
      stop();
      this.timers.get(ws)?.cancel();
      this.timers.delete(ws);
      this.open.delete(ws);
    });
  }
}

function takeToken({ headers }: IncomingMessage): void {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  const token = offered.find((one) => one.startsWith(TOKEN))?.slice(TOKEN.length);
  if (headers.authorization === undefined && token !== undefined) headers.authorization = `Bearer ${token}`;
}

function refuse(socket: Duplex, error: Parameters<typeof problemAnswer>[0]): void {
  const { status, headers, body } = problemAnswer(error);
  const lines = Object.entries({ ...headers, connection: 'close', 'content-length': Buffer.byteLength(body) }).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}
