/** 300 lamps of one busy extension: what a NOTIFY costs, and how long it takes until the last phone knows. Calls are SIPp's, one at a time. */
import { processMicros, sleep } from './support/process';
import type { BenchResult } from './support/report';
import { credentials, percentile, startSipp } from './support/sipp';
import { offhook, type System } from './support/system';
import { Watchers } from './support/watchers';

const WATCHERS = 300;
const CALLS = 20;
const CALLER = '10000';
const CALLEE = '20000';
const CALLEE_PORT = 15380;

const watching = Array.from({ length: WATCHERS }, (_, i) => String(30_000 + i));

/** CPU of the system for a number of calls, microseconds; each is over before the next. */
async function calls(system: System, count: number): Promise<number> {
  const before = system.pids.reduce((sum, pid) => sum + processMicros(pid), 0);
  const run = startSipp({
    scenario: 'caller.xml', remote: { host: '127.0.0.1', port: system.port }, local: { host: '127.0.0.1', port: 15390, mediaPort: 15700 },
    rate: 1, calls: count, atOnce: 1, pauseMs: 500, rows: [[CALLER, credentials(CALLER), CALLEE]], timeoutMs: (count + 30) * 1000,
  });
  const { successful, output } = await run.outcome();
  if (successful < count) throw new Error(`${count - successful} calls failed\n${output.slice(-2000)}`);
  await sleep(500);
  return system.pids.reduce((sum, pid) => sum + processMicros(pid), 0) - before;
}

/** From the first NOTIFY of each change to the last, milliseconds. */
function spreads(told: Watchers['told']): number[] {
  const changes: Array<{ state: string; first: number; last: number }> = [];
  for (const { at, state } of told) {
    const current = changes.at(-1);
    if (current?.state === state) current.last = at;
    else changes.push({ state, first: at, last: at });
  }
  return changes.map(({ first, last }) => last - first);
}

export async function benchLamps(log: (line: string) => void): Promise<BenchResult> {
  const system = await offhook.start([CALLER, CALLEE, ...watching]);
  try {
    const row = [CALLEE, credentials(CALLEE), String(CALLEE_PORT)];
    const registered = await startSipp({ scenario: 'register.xml', remote: { host: '127.0.0.1', port: system.port }, local: { host: '127.0.0.1', port: CALLEE_PORT }, rate: 1, calls: 1, rows: [row], timeoutMs: 15_000 }).outcome();
    if (registered.successful < 1) throw new Error(`the callee did not register\n${registered.output.slice(-2000)}`);
    const phone = startSipp({ scenario: 'callee.xml', local: { host: '127.0.0.1', port: CALLEE_PORT, mediaPort: 15600 }, timeoutMs: 300_000 });
    try {
      await sleep(500);
      await calls(system, 10); // warm: code compiled
      const alone = await calls(system, CALLS);
      const watchers = await Watchers.start(system.port, watching, CALLEE);
      await calls(system, 5);
      watchers.told.length = 0;
      const watched = await calls(system, CALLS);
      const { told } = watchers;
      const times = spreads(told);
      log(`${told.length} NOTIFYs for ${CALLS} calls, ${times.length} changes`);
      watchers.close();
      const figures = {
        'CPU µs per NOTIFY': ((watched - alone) / told.length).toFixed(0),
        'NOTIFYs per call and watcher': (told.length / CALLS / WATCHERS).toFixed(2),
        'first to last phone p50 ms': percentile(times, 50).toFixed(1),
        'p99 ms': percentile(times, 99).toFixed(1),
      };
      return { name: 'lamps', what: `${WATCHERS} phones watch an extension that has a call each second (RFC 4235)`, rows: [{ system: 'offhook', figures }], notes: [] };
    } finally {
      await phone.stop();
    }
  } finally {
    await system.stop();
  }
}
