/**
 * Sound that is made, not relayed: calls between PCMU and Opus, and a room in which each hears all others, beside Janus's AudioBridge under
 * the same load in the same run.
 *
 *   load (process) ══ loopback ══ server (process)         50 packets a second from and to each party
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { openLibc } from '../../media/net/libc';
import { CommandedChild } from './support/child';
import { processMicros, sleep } from './support/process';
import type { BenchResult } from './support/report';
import type { SoundCounts, SoundKind } from './sound-host';
import type { SoundPlan, SoundResult, SoundStream } from './sound-load';
import { janusInstalled } from './janus';

const ADDRESS = '127.0.0.1';
const FIRST_PORT = 10_000;
const SOCKETS = 42;
/** Sockets 0 and 1 are the probes'. */
const TALKER = 0;
const LISTENER = 1;

/** Latched, compiled, buffers settled. */
const WARM_SECONDS = 8;

const socketFor = (i: number): number => 2 + (i % (SOCKETS - 2));
const portOf = (socket: number): number => FIRST_PORT + 2 * socket;

interface Run {
  load: SoundResult;
  /** Of a core. */
  percent: number;
  before: SoundCounts | null;
  after: SoundCounts | null;
}

async function run(kind: SoundKind, workers: number, seconds: number, place: (host: CommandedChild) => Promise<SoundStream[]>): Promise<Run> {
  const load = new CommandedChild(fork(join(__dirname, 'sound-load.js')), 'the load');
  const host = new CommandedChild(fork(join(__dirname, 'sound-host.js')), kind);
  try {
    const plan: SoundPlan = { address: ADDRESS, firstPort: FIRST_PORT, sockets: SOCKETS };
    await load.ask({ do: 'open', plan });
    const pid = await host.ask<number>({ do: 'start', kind, workers });
    const streams = await place(host);
    await load.ask({ do: 'aim', aim: { server: ADDRESS, streams } });
    // without a pause between warming up and measuring: a stream that stops and goes on is another test
    const running = load.ask<SoundResult>({ do: 'run', seconds: WARM_SECONDS + seconds + 1 });
    await sleep(WARM_SECONDS * 1000);
    const before = await host.ask<SoundCounts | null>({ do: 'counts' });
    const from = performance.now();
    const used = processMicros(pid);
    await sleep(seconds * 1000);
    const cpuMicros = processMicros(pid) - used;
    const measuredMs = performance.now() - from;
    const after = await host.ask<SoundCounts | null>({ do: 'counts' });
    const result = await running;
    await host.ask({ do: 'stop' });
    return { load: result, percent: cpuMicros / measuredMs / 10, before, after };
  } finally {
    await Promise.all([host.end(), load.end()]);
  }
}

/** Calls between PCMU and Opus. */
export function runCalls(calls: number, workers: number, seconds: number): Promise<Run> {
  return run('offhook', workers, seconds, async (host) => {
    const sockets = Array.from({ length: calls }, (_, i) => [socketFor(2 * i), socketFor(2 * i + 1)] as const);
    const places = await host.ask<Array<[number, number]>>({
      do: 'calls',
      remote: ADDRESS,
      calls: sockets.map(([a, b]) => [{ codec: 'PCMU', port: portOf(a) }, { codec: 'opus', port: portOf(b) }]),
    });
    return places.flatMap(([a, b], i): SoundStream[] => [
      { socket: sockets[i]![0], port: a, codec: 'PCMU' },
      { socket: sockets[i]![1], port: b, codec: 'opus' },
    ]);
  });
}

/** A room of PCMU; the first two members are the probes. */
export function runRoom(kind: SoundKind, members: number, workers: number, seconds: number): Promise<Run> {
  return run(kind, workers, seconds, async (host) => {
    const sockets = Array.from({ length: members }, (_, i) => (i === 0 ? TALKER : i === 1 ? LISTENER : socketFor(i)));
    const places = await host.ask<number[]>({ do: 'room', remote: ADDRESS, members: sockets.map((socket) => ({ codec: 'PCMU', port: portOf(socket) })) });
    return places.map((port, i): SoundStream => ({ socket: sockets[i]!, port, codec: 'PCMU', ...(i === 0 && { role: 'talker' as const }), ...(i === 1 && { role: 'listener' as const }) }));
  });
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const lateShare = (load: SoundResult): string => `${((100 * load.lateTicks) / load.ticks).toFixed(1)} % of the load’s ticks late`;

function tickFigures({ before, after }: Run): Record<string, string> {
  if (!before || !after) return {};
  const of = (counts: SoundCounts, what: 'late' | 'skipped') => (counts.load?.workers ?? []).reduce((sum, { sound }) => sum + sound[what], 0);
  const worst = Math.max(...(after.load?.workers ?? []).map(({ sound }) => sound.worstLateMs));
  return {
    'ticks > 20 ms late': String(of(after, 'late') - of(before, 'late')),
    'worst ms': worst.toFixed(1),
    'lost/late/dropped': [after.lost - before.lost, after.late - before.late, after.discarded - before.discarded].join('/'),
    concealed: String(after.concealed - before.concealed),
  };
}

export async function benchTranscode(log: (line: string) => void, options: { ladder?: number[]; seconds?: number; workers?: number } = {}): Promise<BenchResult> {
  const { ladder = [25, 50, 100, 150, 200], seconds = 10, workers = 0 } = options;
  const result: BenchResult = { name: 'transcode', what: 'calls between PCMU and Opus (48 kHz clock, in-band FEC), both directions', rows: [], notes: [] };
  const libc = openLibc();
  if (libc instanceof Error) return { ...result, notes: [`not measured: the load needs system calls, and ${libc.message}`] };
  for (const calls of ladder) {
    const measured = await attempt(() => runCalls(calls, workers, seconds), result.notes);
    if (!measured) break;
    const { load, percent, after } = measured;
    log(`${calls} calls: ${load.received} of ${load.sent} came back, ${lateShare(load)}`);
    result.rows.push({
      system: 'offhook',
      figures: {
        calls: String(calls),
        '% of a core': percent.toFixed(0),
        '% a call': (percent / calls).toFixed(2),
        complexity: String(Math.min(...(after?.load?.workers ?? []).map(({ sound }) => sound.opusComplexity))),
        ...tickFigures(measured),
        'playout ms': (after?.playoutDelayMs ?? 0).toFixed(0),
        load: lateShare(load),
      },
    });
  }
  return result;
}

export async function benchRooms(log: (line: string) => void, options: { sizes?: number[]; seconds?: number; workers?: number } = {}): Promise<BenchResult> {
  const { sizes = [50, 150, 300], seconds = 10, workers = 1 } = options;
  const result: BenchResult = { name: 'rooms', what: 'a room of PCMU members, each hearing all others', rows: [], notes: [] };
  const libc = openLibc();
  if (libc instanceof Error) return { ...result, notes: [`not measured: the load needs system calls, and ${libc.message}`] };
  const kinds: SoundKind[] = janusInstalled() ? ['offhook', 'janus'] : ['offhook'];
  if (!janusInstalled()) result.notes.push('Janus left out: not installed (apt-get install janus)');
  for (const members of sizes) {
    for (const kind of kinds) {
      const measured = await attempt(() => runRoom(kind, members, workers, seconds), result.notes);
      if (!measured) continue;
      const { load, percent } = measured;
      log(`${kind}, ${members} members: ${load.received} packets back for ${load.sent}, ${load.delaysMs.length} probes, ${lateShare(load)}`);
      result.rows.push({
        system: kind,
        figures: {
          members: String(members),
          '% of a core': percent.toFixed(1),
          '% a member': (percent / members).toFixed(3),
          'talker to mix ms, median': median(load.delaysMs).toFixed(0),
          max: Math.max(...load.delaysMs).toFixed(0),
          'packets out/in': `${load.received}/${load.sent}`,
          ...tickFigures(measured),
          load: lateShare(load),
        },
      });
    }
  }
  return result;
}

async function attempt(measure: () => Promise<Run>, notes: string[]): Promise<Run | undefined> {
  try {
    return await measure();
  } catch (err) {
    notes.push(`not measured: ${err instanceof Error ? err.message : String(err)}`);
    return undefined;
  } finally {
    await sleep(500);
  }
}
