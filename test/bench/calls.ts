/**
 * Calls with media anchored: SIPp calls through the system to SIPp (INVITE, 407, INVITE, 180, 200, ACK, BYE), at 50 calls/s
 * for the CPU of one call and the post-dial delay, then at rising rates until the first failure.
 */
import { cpuMicros, sleep } from './support/process';
import type { BenchResult } from './support/report';
import { credentials, percentile, startSipp, type SippOutcome } from './support/sipp';
import { sideBySide, type System } from './support/system';

export const PAIRS = 100;
const STEADY = 50;
const SECONDS = 10;
const LADDER = [100, 150, 200, 250, 300, 400, 500, 600];
const CALLEE_PORT = 15380;

export const callers = Array.from({ length: PAIRS }, (_, i) => String(10_000 + i));
export const callees = Array.from({ length: PAIRS }, (_, i) => String(20_000 + i));

export async function registerCallees(system: System): Promise<void> {
  const outcome = await startSipp({
    scenario: 'register.xml',
    remote: { host: '127.0.0.1', port: system.port },
    // from the port it will be called at: the flow a phone registered over is the way back to it
    local: { host: '127.0.0.1', port: CALLEE_PORT },
    rate: 100,
    calls: PAIRS,
    rows: callees.map((u) => [u, credentials(u), String(CALLEE_PORT)]),
    timeoutMs: 30_000,
  }).outcome();
  if (outcome.successful < PAIRS) throw new Error(`${system.name}: ${outcome.failed} callees did not register\n${outcome.output.slice(-2000)}`);
}

/** `dialled`: what each caller dials; default: the callees. */
export async function round(system: System, rate: number, seconds: number, dialled: readonly string[] = callees): Promise<{ outcome: SippOutcome; cpu: number }> {
  const callee = startSipp({ scenario: 'callee.xml', local: { host: '127.0.0.1', port: CALLEE_PORT, mediaPort: 15600 }, timeoutMs: 180_000 });
  await sleep(500); // SIPp says nothing when its socket is up
  const before = cpuMicros(system.pids);
  const outcome = await startSipp({
    scenario: 'caller.xml',
    remote: { host: '127.0.0.1', port: system.port },
    local: { host: '127.0.0.1', port: 15390, mediaPort: 15700 },
    rate,
    calls: rate * seconds,
    atOnce: 10_000,
    pauseMs: 200,
    rows: callers.map((u, i) => [u, credentials(u), dialled[i] ?? '']),
    rtt: true,
    timeoutMs: (seconds + 60) * 1000,
  }).outcome();
  await sleep(300);
  const cpu = (cpuMicros(system.pids) - before) / (rate * seconds);
  await callee.stop();
  return { outcome, cpu };
}

export async function benchCalls(log: (line: string) => void): Promise<BenchResult> {
  const { rows, notes } = await sideBySide([...callers, ...callees], async (system) => {
    await registerCallees(system);
    await round(system, 100, 15); // warm: code compiled, tables grown
    const steady = await round(system, STEADY, SECONDS);
    let highest = steady.outcome.failed === 0 ? STEADY : 0;
    for (const rate of LADDER) {
      const { outcome, cpu } = await round(system, rate, 6);
      log(
        `${system.name}: ${rate}/s: ${outcome.successful} ok, ${outcome.failed} failed, ${outcome.retransmissions} retransmissions, ` +
          `${cpu.toFixed(0)} µs each, p99 ${percentile(outcome.responseMs, 99).toFixed(1)} ms`,
      );
      if (outcome.failed > 0 || outcome.successful < rate * 6) break;
      highest = rate;
      await sleep(1000);
    }
    return {
      'CPU µs each': steady.cpu.toFixed(0),
      'highest rate /s, no failure': String(highest),
      'post-dial p50 ms at 50/s': percentile(steady.outcome.responseMs, 50).toFixed(1),
      'p99 ms': percentile(steady.outcome.responseMs, 99).toFixed(1),
      'failed at 50/s': String(steady.outcome.failed),
    };
  });
  return { name: 'calls', what: 'digest INVITE to answer and BYE over UDP, media anchored, driven by SIPp', rows, notes };
}
