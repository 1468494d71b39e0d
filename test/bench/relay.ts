/**
 * Relayed RTP: our media plane beside rtpengine in user space, in network namespaces, under the same load in the same run.
 *
 *   load (namespace) ══ veth ══ relay (namespace)         both directions of N calls, 50 packets a second each
 *
 * What counts is CPU time of the relay's process per packet that it relayed, less what it uses with the calls up and nothing
 * sent. The systems take turns, several times over, and the median is given: a machine that others use at the same time
 * disturbs all alike. A plane on Node's own sockets runs along, to show what the system calls are for.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openLibc } from '../../media/net/libc';
import { CommandedChild } from './support/child';
import { processMicros, sleep } from './support/process';
import { printResult, type BenchResult, type BenchRow } from './support/report';
import { portsOf, type CallPorts, type LoadPlan, type LoadResult } from './relay-load';
import { makeSites, type Sites } from './relay-netns';
import type { RelayKind } from './relay-host';

export interface RelayBenchOptions {
  log?: (line: string) => void;
  /** Packets a second, both directions of all calls together; each call is 100. */
  rates?: number[];
  kinds?: RelayKind[];
  seconds?: number;
  /** How often each is measured. */
  rounds?: number;
  /** Rates tried one after the other for the highest without loss; empty: not looked for. */
  ladder?: number[];
  tickMicros?: number;
}

interface Measured {
  cpuPerPacket: number;
  idlePercent: number;
  load: LoadResult;
}

const NAMES: Record<RelayKind, string> = { native: 'offhook', dgram: 'offhook (dgram)', rtpengine: 'rtpengine' };
const LOAD_PORT = 10_000;
/** More late ticks than this share and the packets that went out were not the load that was asked for. */
const LATE_SHARE = 0.05;

/** A relay with its calls up, and the load aimed at it. */
async function withRelay<T>(sites: Sites, kind: RelayKind, plan: LoadPlan, use: (relay: { pid: number; load: CommandedChild }) => Promise<T>): Promise<T> {
  const load = new CommandedChild(sites.load.fork(join(__dirname, 'relay-load.js')), 'the load');
  const host = new CommandedChild(sites.relay.fork(join(__dirname, 'relay-host.js')), NAMES[kind]);
  try {
    await load.ask({ do: 'open', plan });
    const pid = await host.ask<number>({ do: 'start', kind, address: sites.relay.address });
    const ports = await host.ask<CallPorts[]>({ do: 'calls', remote: sites.load.address, ports: portsOf(plan) });
    await load.ask({ do: 'aim', aim: { relay: sites.relay.address, ports } });
    const result = await use({ pid, load });
    await host.ask({ do: 'stop' });
    return result;
  } finally {
    await Promise.all([host.end(), load.end()]);
  }
}

const planFor = (sites: Sites, rate: number, tickMicros: number): LoadPlan => ({ address: sites.load.address, firstPort: LOAD_PORT, calls: Math.round(rate / 100), tickMicros });

/** CPU per packet at one rate. */
export function measureRelay(sites: Sites, kind: RelayKind, rate: number, seconds: number, tickMicros = 250): Promise<Measured> {
  return withRelay(sites, kind, planFor(sites, rate, tickMicros), async ({ pid, load }) => {
    await load.ask({ do: 'run', seconds: 2 }); // warm: latched, compiled
    await sleep(500);
    const idleFrom = processMicros(pid);
    await sleep(2000);
    const idlePerSecond = (processMicros(pid) - idleFrom) / 2;
    const before = processMicros(pid);
    const result = await load.ask<LoadResult>({ do: 'run', seconds });
    const used = processMicros(pid) - before - idlePerSecond * result.seconds;
    return { cpuPerPacket: used / result.received, idlePercent: idlePerSecond / 10_000, load: result };
  });
}

/** The highest rate of the ladder, tried upwards, without a packet lost; 0 when there is none. */
async function highestWithoutLoss(sites: Sites, kind: RelayKind, ladder: number[], log: (line: string) => void): Promise<{ rate: number; loadLimited: boolean }> {
  let highest = 0;
  for (const rate of ladder) {
    const result = await withRelay(sites, kind, planFor(sites, rate, 1000), async ({ load }) => {
      await load.ask({ do: 'run', seconds: 2 });
      return load.ask<LoadResult>({ do: 'run', seconds: 4 });
    });
    const late = result.lateTicks / (result.seconds * 1000);
    log(`${NAMES[kind]}: ${rate}/s: ${result.lost} of ${result.sent} lost, delay p99 ${result.delayMs.p99.toFixed(1)} ms, ${(late * 100).toFixed(1)} % of the load’s ticks late`);
    if (result.lost > 0) break;
    highest = rate;
    if (late > 0.5) return { rate: highest, loadLimited: true };
  }
  return { rate: highest, loadLimited: false };
}

const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

export async function benchRelay(options: RelayBenchOptions = {}): Promise<BenchResult> {
  const { log = () => undefined, rates = [30_000, 50_000, 60_000], seconds = 5, rounds = 3, ladder = [40_000, 60_000, 80_000, 100_000, 120_000, 140_000], tickMicros = 250 } = options;
  const result: BenchResult = { name: 'relay', what: 'RTP relayed in user space, both directions of calls with 50 packets/s, CPU µs per packet', rows: [], notes: [] };
  const libc = openLibc();
  if (libc instanceof Error) {
    result.notes.push(`not measured: the load needs system calls, and ${libc.message}`);
    return result;
  }
  const installed = existsSync('/usr/bin/rtpengine');
  if (!installed) result.notes.push('rtpengine left out: not installed (apt-get install rtpengine-daemon)');
  const kinds = (options.kinds ?? ['native', 'dgram', 'rtpengine']).filter((kind) => kind !== 'rtpengine' || installed);
  const sites = makeSites();
  if (sites.note) result.notes.push(sites.note);
  try {
    for (const rate of rates) {
      const measured = new Map<RelayKind, Measured[]>(kinds.map((kind) => [kind, []]));
      for (let round = 1; round <= rounds; round++) {
        for (const kind of kinds) {
          if (kind === 'dgram' && round > 1) continue; // only to compare with: once is enough
          const m = await measureRelay(sites, kind, rate, seconds, tickMicros);
          measured.get(kind)?.push(m);
          log(`${NAMES[kind]} at ${rate}/s, round ${round}: ${m.cpuPerPacket.toFixed(2)} µs a packet, ${m.load.lost} of ${m.load.sent} lost, delay p50 ${m.load.delayMs.p50.toFixed(2)} p99 ${m.load.delayMs.p99.toFixed(2)} ms, ${m.load.lateTicks} late ticks`);
        }
      }
      result.rows.push(...rowsOf(rate, measured, tickMicros, result.notes));
    }
    if (ladder.length > 0) {
      for (const kind of kinds) {
        const { rate, loadLimited } = await highestWithoutLoss(sites, kind, ladder, log);
        result.rows.push({ system: NAMES[kind], figures: { 'packets/s': 'highest', 'highest/s, none lost': `${loadLimited ? '≥ ' : ''}${rate}` } });
      }
    }
  } finally {
    sites.remove();
  }
  return result;
}

function rowsOf(rate: number, measured: Map<RelayKind, Measured[]>, tickMicros: number, notes: string[]): BenchRow[] {
  const peer = measured.get('rtpengine');
  const peerCpu = peer && median(peer.map((m) => m.cpuPerPacket));
  return [...measured].map(([kind, all]) => {
    const cpu = median(all.map((m) => m.cpuPerPacket));
    const sent = all.reduce((sum, m) => sum + m.load.sent, 0);
    const late = all.reduce((sum, m) => sum + m.load.lateTicks, 0) / all.reduce((sum, m) => sum + (m.load.seconds * 1e6) / tickMicros, 0);
    if (late > LATE_SHARE) notes.push(`${NAMES[kind]} at ${rate}/s: ${(late * 100).toFixed(0)} % of the load’s ticks were over 2 ms late, this machine was busy; the delays are not the relay’s`);
    return {
      system: NAMES[kind],
      figures: {
        'packets/s': String(rate),
        calls: String(rate / 100),
        'CPU µs/packet': cpu.toFixed(2),
        'of rtpengine': peerCpu === undefined ? '-' : `${(cpu / peerCpu).toFixed(2)} x`,
        'idle %': median(all.map((m) => m.idlePercent)).toFixed(2),
        lost: `${all.reduce((sum, m) => sum + m.load.lost, 0)} of ${sent}`,
        'delay ms p50': median(all.map((m) => m.load.delayMs.p50)).toFixed(2),
        p99: median(all.map((m) => m.load.delayMs.p99)).toFixed(2),
      },
    };
  });
}

/* Run directly: `node dist/test/bench/relay.js [seconds] [rounds] [rate,rate…]`. */
if (require.main === module) {
  const [seconds = '5', rounds = '3', rates] = process.argv.slice(2);
  benchRelay({
    log: (line) => console.error(line),
    seconds: Number(seconds),
    rounds: Number(rounds),
    ...(rates && { rates: rates.split(',').map(Number), ladder: [] }),
  }).then(
    (result) => printResult(result, (line) => console.log(line)),
    (err: unknown) => {
      console.error(err);
      process.exitCode = 1;
    },
  );
}
