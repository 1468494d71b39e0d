/** Our own phone: from mouth to ear through our server, what a call costs, how soon it is there. */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { CodecName } from '../../media/frame';
import { CommandedChild } from './support/child';
import { processMicros, residentBytes, sleep, start, until, type Started } from './support/process';
import type { BenchResult, BenchRow } from './support/report';
import { entry, offhook, type System } from './support/system';

const SPEAKER = '1001';
const LISTENER = '1002';
const LISTEN_MS = 20_000;
const SETTLE_MS = 5_000;
const COST_MS = 10_000;
const STARTS = 10;

const password = (user: string): string => `pw${user}`;
const at = (user: string, system: System): string => `${user}@127.0.0.1:${system.port}`;

/** Median and worst of what lies between the clicks that were made and those that were heard, ms. */
async function mouthToEar(system: System, codec: CodecName): Promise<BenchRow> {
  const host = (what: string): CommandedChild => new CommandedChild(fork(require.resolve('./phone-host'), { stdio: 'inherit' }), what);
  const speaker = host('the speaking phone');
  const listener = host('the listening phone');
  try {
    await listener.ask({ do: 'start', address: at(LISTENER, system), password: password(LISTENER), codec, clicks: false });
    await speaker.ask({ do: 'start', address: at(SPEAKER, system), password: password(SPEAKER), codec, clicks: true });
    const used = await speaker.ask<string>({ do: 'dial', to: LISTENER });
    await sleep(LISTEN_MS);
    const [made, heard] = await Promise.all([speaker.ask<number[]>({ do: 'times' }), listener.ask<number[]>({ do: 'times' })]);
    const delays = pair(made, heard).sort((a, b) => a - b);
    if (delays.length < 20) throw new Error(`only ${delays.length} of ${made.length} clicks were heard`);
    await speaker.ask({ do: 'stop' });
    return { system: `mouth to ear, ${used}`, figures: { clicks: `${delays.length}/${made.length}`, 'median ms': delays[delays.length >> 1]!.toFixed(1), 'worst ms': delays.at(-1)!.toFixed(1) } };
  } finally {
    await speaker.end();
    await listener.end();
  }
}

/** From each click to the first that was heard after it and before the next one was made. */
function pair(made: readonly number[], heard: readonly number[]): number[] {
  return made.flatMap((time, i) => {
    const ear = heard.find((t) => t > time && t < (made[i + 1] ?? Infinity));
    return ear === undefined ? [] : [ear - time];
  });
}

function phone(...args: string[]): Started {
  const bin = entry.find((file) => existsSync(file));
  if (!bin) throw new Error('the phone is not built: run `npm run build` first');
  return start(process.execPath, [bin, 'phone', ...args, '--json'], { stdio: ['pipe', 'pipe', 'pipe'] });
}

const has = (child: Started, event: string): boolean => child.output().includes(`"event":"${event}"`);

/** CPU and memory of a phone that speaks and listens, without a sound card. */
async function cost(system: System, codec: CodecName): Promise<BenchRow> {
  const args = (user: string): string[] => [at(user, system), '--password', password(user), '--codecs', codec, '--tone', '440'];
  const callee = phone(...args(LISTENER), '--answer');
  let caller: Started | undefined;
  try {
    await until('registered', 10_000, () => has(callee, 'registered'));
    caller = phone(...args(SPEAKER), '--dial', LISTENER);
    const pid = caller.pid;
    await until('answered', 10_000, () => has(caller!, 'answered'));
    await sleep(SETTLE_MS);
    const before = processMicros(pid);
    await sleep(COST_MS);
    const share = (processMicros(pid) - before) / 1000 / COST_MS;
    return { system: `one phone in a call, ${codec}`, figures: { 'CPU % of a core': (100 * share).toFixed(1), 'RSS MB': (residentBytes([pid]) / 1e6).toFixed(0) } };
  } finally {
    await caller?.stop();
    await callee.stop();
  }
}

/** From the start of the process to the answer to its registration. */
async function starts(system: System): Promise<BenchRow> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const began = performance.now();
    const child = phone(at(SPEAKER, system), '--password', password(SPEAKER));
    const registered = new Promise<void>((resolve) => child.child.stdout?.on('data', () => has(child, 'registered') && resolve()));
    await registered;
    times.push(performance.now() - began);
    await child.stop();
  }
  times.sort((a, b) => a - b);
  return { system: 'start to registered', figures: { starts: String(STARTS), 'median ms': times[STARTS >> 1]!.toFixed(0), 'worst ms': times.at(-1)!.toFixed(0) } };
}

export async function benchPhone(log: (line: string) => void): Promise<BenchResult> {
  const system = await offhook.start([SPEAKER, LISTENER]);
  const rows: BenchRow[] = [];
  try {
    for (const codec of ['PCMU', 'opus'] as const) {
      log(`mouth to ear, ${codec}`);
      rows.push(await mouthToEar(system, codec));
    }
    for (const codec of ['PCMU', 'opus'] as const) {
      log(`a call's cost, ${codec}`);
      rows.push(await cost(system, codec));
    }
    log('starts');
    rows.push(await starts(system));
  } finally {
    await system.stop();
  }
  return {
    name: 'phone',
    what: 'our own phone through our own server, on loopback, without a sound card',
    rows,
    notes: ['mouth to ear: from the first sample of a frame that is spoken to the same sample handed to the speaker: 20 ms of packet, the relay, the jitter buffer; the buffers of a sound card come on top'],
  };
}
