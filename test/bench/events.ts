/** From the moment that something happens until those outside know: registrations at a steady pace, a webhook and a WebSocket that listen. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { BenchResult, BenchRow } from './support/report';
import { sleep, until } from './support/process';
import { credentials, percentile, startSipp } from './support/sipp';
import { offhook } from './support/system';

const EVENTS = 1000;
const WARM = 200;
const RATE = 50;

const users = Array.from({ length: WARM + EVENTS }, (_, i) => String(10_000 + i));

/** Milliseconds from the event's own time, by the system's clock, which both processes share. */
class Late {
  readonly ms: number[] = [];

  heard(text: string): void {
    const { type, time } = JSON.parse(text) as { type: string; time?: string };
    if (type === 'registration.registered' && time !== undefined) this.ms.push(performance.timeOrigin + performance.now() - Date.parse(time));
  }

  row(system: string): BenchRow {
    const sorted = this.ms.slice(-EVENTS).sort((a, b) => a - b);
    const at = (percent: number): string => percentile(sorted, percent).toFixed(1);
    return { system, figures: { events: String(sorted.length), 'p50 ms': at(50), 'p99 ms': at(99), 'max ms': (sorted.at(-1) ?? NaN).toFixed(1) } };
  }
}

function listen(late: Late): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      late.heard(Buffer.concat(chunks).toString());
      response.writeHead(204).end();
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function open(path: string): Promise<WebSocket> {
  const socket = new WebSocket('ws://offhook/api/v1/events', { createConnection: () => connect(path) });
  return new Promise((resolve, reject) => socket.once('open', () => resolve(socket)).once('error', reject));
}

async function register(port: number, wanted: readonly string[]): Promise<void> {
  const rows = wanted.map((user) => [user, credentials(user), '15380']);
  const run = startSipp({ scenario: 'register.xml', remote: { host: '127.0.0.1', port }, local: { host: '127.0.0.1', port: 15380 }, rate: RATE, calls: wanted.length, rows, timeoutMs: (wanted.length / RATE + 30) * 1000 });
  const { successful, output } = await run.outcome();
  if (successful < wanted.length) throw new Error(`${wanted.length - successful} registrations failed\n${output.slice(-2000)}`);
}

export async function benchEvents(): Promise<BenchResult> {
  const [posted, told] = [new Late(), new Late()];
  const receiver = await listen(posted);
  let data = '';
  const system = await offhook.start(users, {
    fill: async (store) => {
      data = store.where;
      const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
      const value = { name: 'bench', url, events: [], secrets: ['a secret of some length'], timeoutSeconds: 10, enabled: true };
      await store.items.put({ kind: 'webhook', key: 'bench', value, updatedAt: Date.now() }, false);
    },
  });
  let socket: WebSocket | undefined;
  try {
    socket = await open(join(data, 'run', 'operator.sock'));
    socket.on('message', (message: Buffer) => told.heard(message.toString()));
    await register(system.port, users.slice(0, WARM));
    await sleep(500);
    await register(system.port, users.slice(WARM));
    await until('everything to be told', 10_000, async () => posted.ms.length === users.length && told.ms.length === users.length);
    return {
      name: 'events',
      what: `${EVENTS} registrations, ${RATE} a second: from the event’s time until it was there`,
      rows: [posted.row('webhook'), told.row('WebSocket')],
      notes: ['an event’s time is in whole milliseconds, cut off: half a millisecond of each figure is that'],
    };
  } finally {
    socket?.terminate();
    await system.stop();
    receiver.closeAllConnections();
    receiver.close();
  }
}
