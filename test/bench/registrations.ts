/**
 * Digest registrations: SIPp registers extensions with a challenge each (two requests), at a steady rate for the CPU
 * of one, then at rising rates until the first failure.
 */
import { cpuMicros, residentBytes, sleep } from './support/process';
import type { BenchResult } from './support/report';
import { credentials, startSipp } from './support/sipp';
import { sideBySide, type System } from './support/system';

const USERS = 500;
const STEADY = 200;
const SECONDS = 8;
const LADDER = [400, 800, 1200, 1600, 2000, 2500, 3000, 4000, 5000];

const users = Array.from({ length: USERS }, (_, i) => String(10_000 + i));

async function round(system: System, rate: number, seconds: number) {
  const before = cpuMicros(system.pids);
  const outcome = await startSipp({
    scenario: 'register.xml',
    remote: { host: '127.0.0.1', port: system.port },
    local: { host: '127.0.0.1', port: 15270 },
    rate,
    calls: rate * seconds,
    atOnce: 5_000,
    rows: users.map((u) => [u, credentials(u), '15280']),
    timeoutMs: (seconds + 45) * 1000,
  }).outcome();
  return { outcome, cpu: (cpuMicros(system.pids) - before) / (rate * seconds) };
}

export async function benchRegistrations(log: (line: string) => void): Promise<BenchResult> {
  const { rows, notes } = await sideBySide(users, async (system) => {
    const idle = residentBytes(system.pids);
    await round(system, 500, 6); // warm: code compiled, every contact known once
    const steady = await round(system, STEADY, SECONDS);
    let highest = steady.outcome.failed === 0 ? STEADY : 0;
    for (const rate of LADDER) {
      const { outcome } = await round(system, rate, 4);
      log(`${system.name}: ${rate}/s: ${outcome.successful} ok, ${outcome.failed} failed, ${outcome.retransmissions} retransmissions`);
      if (outcome.failed > 0 || outcome.successful < rate * 4 || outcome.retransmissions > rate * 0.04) break;
      highest = rate;
      await sleep(500);
    }
    return {
      'CPU µs each': steady.cpu.toFixed(0),
      'highest rate /s, no failure': String(highest),
      'failed at 200/s': String(steady.outcome.failed),
      'idle MB': (idle / 1e6).toFixed(0),
    };
  });
  return { name: 'registrations', what: 'REGISTER, 401, REGISTER with credentials, 200 over UDP, driven by SIPp', rows, notes };
}
