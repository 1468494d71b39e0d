/** How often a second one core answers who is on the phone: a list of 50 calls, to programs with a token, over connections that stay open. */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandedChild } from './support/child';
import type { BenchResult, BenchRow } from './support/report';

const CONNECTIONS = 8;
const WARM_MS = 3000;
const MEASURED_MS = 8000;

export async function benchApi(): Promise<BenchResult> {
  const data = mkdtempSync(join(tmpdir(), 'offhook-bench-api-'));
  const host = new CommandedChild(fork(require.resolve('./api-host'), { stdio: 'inherit' }), 'the API');
  try {
    const { port, token } = await host.ask<{ port: number; token: string }>({ serve: data });
    const rows: BenchRow[] = [];
    for (const [what, path] of [['list of 50 calls', '/api/v1/calls'], ['one call', '/api/v1/calls/ccccccc7'], ['list of rooms', '/api/v1/rooms']] as const) rows.push(await measured(host, what, port, path, token));
    return {
      name: 'api',
      what: `reads over ${CONNECTIONS} connections, each with a token that is looked up`,
      rows,
      notes: ['of one core: what the process would answer if it had one to itself, from the processor time that it used'],
    };
  } finally {
    await host.end();
    rmSync(data, { recursive: true, force: true });
  }
}

async function measured(host: CommandedChild, what: string, port: number, path: string, token: string): Promise<BenchRow> {
  const readers = await Promise.all(Array.from({ length: CONNECTIONS }, () => Reader.open(port, path, token)));
  const count = (): number => readers.reduce((all, reader) => all + reader.answers, 0);
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  try {
    await wait(WARM_MS);
    const [before, cpuBefore, began] = [count(), await host.ask<NodeJS.CpuUsage>({}), performance.now()];
    await wait(MEASURED_MS);
    const [answers, cpu, ms] = [count() - before, await host.ask<NodeJS.CpuUsage>({}), performance.now() - began];
    const micros = (cpu.user + cpu.system - cpuBefore.user - cpuBefore.system) / answers;
    return { system: what, figures: { 'reads/s': (answers / (ms / 1000)).toFixed(0), 'µs CPU a read': micros.toFixed(0), 'reads/s of one core': (1e6 / micros).toFixed(0), bytes: String(readers[0]?.bytes ?? 0) } };
  } finally {
    for (const reader of readers) reader.close();
  }
}

/** Asks again as soon as it is answered. */
class Reader {
  answers = 0;
  /** Of the last answer's body. */
  bytes = 0;
  private text: Buffer = Buffer.alloc(0);

  private constructor(
    private readonly socket: Socket,
    private readonly question: string,
  ) {
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('error', () => undefined);
    socket.write(question);
  }

  static open(port: number, path: string, token: string): Promise<Reader> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => resolve(new Reader(socket, `GET ${path} HTTP/1.1\r\nHost: offhook\r\nAuthorization: Bearer ${token}\r\n\r\n`)));
      socket.once('error', reject);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.text = this.text.length === 0 ? chunk : Buffer.concat([this.text, chunk]);
    const head = this.text.indexOf('\r\n\r\n');
    if (head < 0) return;
    const header = this.text.toString('latin1', 0, head);
    const length = Number(/^content-length: (\d+)/im.exec(header)?.[1]);
    if (!/^HTTP\/1\.1 200/.test(header) || Number.isNaN(length)) throw new Error(`The API answered ${header}`);
    if (this.text.length < head + 4 + length) return;
    this.text = this.text.subarray(head + 4 + length);
    this.bytes = length;
    this.answers++;
    this.socket.write(this.question);
  }
}
