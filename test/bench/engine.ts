/**
 * The engine and an application on a stock drachtio-srf (a plain B2BUA: INVITE in, INVITE out, BYE through), between two SIPp's, in one process as `offhook
 * serve` has them. The same program on drachtio-server 0.9.10, measured once on such a machine: 750 calls/s at 1.5 ms of CPU each, 440 MB after 15,000 calls.
 */
import { fork, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { parseMessage } from '../../signaling/engine/wire/parser';
import { serialize } from '../../signaling/engine/wire/serialize';
import { CommandedChild } from './support/child';
import { processMicros, residentBytes, sleep } from './support/process';
import type { BenchResult, BenchRow } from './support/report';
import { percentile, startSipp, type SippOutcome } from './support/sipp';

const PORT = 15460;
const CALLER_PORT = 15470;
const CALLEE_PORT = 15480;
const LADDER = [500, 750, 1000, 1250, 1500, 1750, 2000];
const SECONDS = 10;
const MEMORY_RATE = 750;
const MEMORY_CALLS = 15_000;
const DELAY_RATE = 300;
const IDLE_CONNECTIONS = [5_000, 20_000];
/** What a process has open besides. */
const OTHER_FILES = 100;

interface Host {
  pid: number;
  ask<T>(command: object): Promise<T>;
  end(): Promise<void>;
}

async function startHost(): Promise<Host> {
  const child = fork(require.resolve('./engine-host'), { stdio: 'inherit' });
  const host = new CommandedChild(child, 'the engine');
  await host.ask({ do: 'start', port: PORT, callee: `sip:callee@127.0.0.1:${CALLEE_PORT}` });
  return { pid: child.pid ?? -1, ask: (command) => host.ask(command), end: () => host.end() };
}

/** `calls` at `rate` to `port`; a callee answers at CALLEE_PORT. */
async function callsTo(port: number, rate: number, calls: number): Promise<SippOutcome> {
  const callee = startSipp({ scenario: 'callee.xml', local: { host: '127.0.0.1', port: CALLEE_PORT, mediaPort: 15600 }, timeoutMs: 180_000 });
  await sleep(500); // SIPp says nothing when its socket is up
  try {
    return await startSipp({
      scenario: 'plain-caller.xml',
      remote: { host: '127.0.0.1', port },
      local: { host: '127.0.0.1', port: CALLER_PORT, mediaPort: 15700 },
      rate,
      calls,
      atOnce: 20_000,
      pauseMs: 0,
      rtt: true,
      timeoutMs: (calls / rate + 60) * 1000,
    }).outcome();
  } finally {
    await callee.stop();
  }
}

async function throughput(log: (line: string) => void): Promise<BenchRow> {
  const host = await startHost();
  try {
    await callsTo(PORT, 300, 3000); // code compiled, tables grown
    let highest = 0;
    let cpuAt = Number.NaN;
    for (const rate of LADDER) {
      const before = processMicros(host.pid);
      const outcome = await callsTo(PORT, rate, rate * SECONDS);
      const cpu = (processMicros(host.pid) - before) / (rate * SECONDS);
      const late = percentile(outcome.responseMs, 99);
      log(`${rate}/s: ${outcome.successful} ok, ${outcome.failed} failed, ${outcome.retransmissions} retransmissions, ${cpu.toFixed(0)} µs each, p99 ${late.toFixed(1)} ms`);
      if (outcome.failed > 0 || outcome.successful < rate * SECONDS) break;
      highest = rate;
      cpuAt = cpu;
      await sleep(1000);
    }
    return { system: 'B2BUA calls', figures: { 'highest rate /s, no failure': String(highest), 'CPU µs each there': cpuAt.toFixed(0) } };
  } finally {
    await host.end();
  }
}

async function memory(): Promise<BenchRow> {
  const host = await startHost();
  try {
    const idle = residentBytes([host.pid]);
    const outcome = await callsTo(PORT, MEMORY_RATE, MEMORY_CALLS);
    const after = residentBytes([host.pid]);
    return { system: `memory after ${MEMORY_CALLS} calls at ${MEMORY_RATE}/s`, figures: { 'idle MB': (idle / 1e6).toFixed(0), MB: (after / 1e6).toFixed(0), failed: String(outcome.failed) } };
  } finally {
    await host.end();
  }
}

/** The 99th percentile through the engine less that of the same calls without anything in between. */
async function delay(): Promise<BenchRow> {
  const calls = DELAY_RATE * SECONDS;
  const host = await startHost();
  try {
    await callsTo(PORT, DELAY_RATE, calls);
    const through = (await callsTo(PORT, DELAY_RATE, calls)).responseMs;
    const direct = (await callsTo(CALLEE_PORT, DELAY_RATE, calls)).responseMs;
    return {
      system: `post-dial delay at ${DELAY_RATE} calls/s`,
      figures: {
        'p50 ms': percentile(through, 50).toFixed(1),
        'p99 ms': percentile(through, 99).toFixed(1),
        'direct p99 ms': percentile(direct, 99).toFixed(1),
        'added p99 ms': (percentile(through, 99) - percentile(direct, 99)).toFixed(1),
      },
    };
  } finally {
    await host.end();
  }
}

async function idleConnections(notes: string[]): Promise<BenchRow> {
  const most = mostConnections();
  if (most < IDLE_CONNECTIONS.at(-1)!) notes.push(`no more than ${most} connections: a process may not have more than ${most + OTHER_FILES} files open here (ulimit -Hn), and this one may not raise that`);
  const host = await startHost();
  const sockets: Socket[] = [];
  const figures: Record<string, string> = {};
  try {
    await host.ask({ do: 'collect' });
    const before = residentBytes([host.pid]);
    for (const wanted of IDLE_CONNECTIONS) {
      const count = Math.min(wanted, most);
      while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: Math.min(250, count - sockets.length) }, open))));
      await sleep(2000);
      figures[`${count}: MB`] = (residentBytes([host.pid]) / 1e6).toFixed(0);
    }
    figures['KB each'] = ((residentBytes([host.pid]) - before) / sockets.length / 1e3).toFixed(1);
    return { system: 'idle TCP connections', figures };
  } finally {
    for (const socket of sockets) socket.destroy();
    await host.end();
  }
}

/** Each end is a process of its own, with a connection for a file. The limit is raised where that is allowed. */
function mostConnections(): number {
  const wanted = IDLE_CONNECTIONS.at(-1)! + OTHER_FILES;
  spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${wanted}:${wanted}`]);
  const [, soft = '1024'] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Number(soft) - OTHER_FILES;
}

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(PORT, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

const SDP = 'v=0\r\no=alice 53655765 2353687637 IN IP4 192.0.2.17\r\ns=-\r\nc=IN IP4 192.0.2.17\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n';
const INVITE = [
  'INVITE sip:1002@pbx.example.com SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.17:5060;branch=z9hG4bK74bf9a1c2;rport',
  'Max-Forwards: 70',
  'From: "Alice" <sip:1001@pbx.example.com>;tag=9fxced76sl',
  'To: <sip:1002@pbx.example.com>',
  'Call-ID: 3848276298220188511@192.0.2.17',
  'CSeq: 2 INVITE',
  'Contact: <sip:1001@192.0.2.17:5060>',
  'Allow: INVITE, ACK, BYE, CANCEL, OPTIONS',
  'Content-Type: application/sdp',
  `Content-Length: ${SDP.length}`,
  '',
  SDP,
].join('\r\n');

/** What a relay does to a message: read what it acts on, and write it again. */
function parsing(): BenchRow {
  const bytes = Buffer.from(INVITE);
  const limits = { maxMessageBytes: 65_535, maxHeaders: 200 };
  const round = (count: number): number => {
    let length = 0;
    const began = performance.now();
    for (let i = 0; i < count; i++) {
      const message = parseMessage(bytes, limits);
      void message.topVia;
      void message.from;
      void message.to;
      void message.cseq;
      length += serialize(message).length;
    }
    if (length === 0) throw new Error('nothing was written');
    return ((performance.now() - began) * 1000) / count;
  };
  round(50_000);
  const times = Array.from({ length: 9 }, () => round(20_000)).sort((a, b) => a - b);
  return { system: `parse and serialise an INVITE of ${bytes.length} bytes`, figures: { 'median µs': times[4]!.toFixed(2), 'worst µs': times[8]!.toFixed(2) } };
}

export async function benchEngine(log: (line: string) => void): Promise<BenchResult> {
  const rows = [parsing()];
  const notes: string[] = [];
  for (const [what, measure] of [['calls', () => throughput(log)], ['memory', memory], ['delay', delay], ['idle connections', () => idleConnections(notes)]] as const) {
    log(what);
    rows.push(await measure());
  }
  return { name: 'engine', what: 'the engine with a B2BUA on a stock drachtio-srf in one process, UDP on loopback, driven by SIPp', rows, notes };
}
