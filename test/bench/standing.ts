/**
 * 500 calls up at once, RTP of 50 packets a second both ways through each, and nothing lost by us. The calls are set up by small
 * phones of our own (SIPp cannot tell a load generator which relay ports it was given), the RTP comes from the relay benchmark's load.
 */
import { fork } from 'node:child_process';
import { CommandedChild } from './support/child';
import { cpuMicros, residentBytes, sleep } from './support/process';
import { BenchPhones } from './support/phones';
import type { BenchResult } from './support/report';
import { sideBySide, type System } from './support/system';
import { portsOf, type CallPorts, type LoadPlan, type LoadResult } from './relay-load';

const CALLS = 500;
const PROBE_CALLS = 4;
const SECONDS = 10;
const PHONES_PORT = 15480;
/** Transactions over UDP are remembered for 64 × T1. */
const FORGOTTEN_MS = 38_000;
const plan: LoadPlan = { address: '127.0.0.1', firstPort: 16000, calls: CALLS, tickMicros: 250 };
const all = portsOf(plan);

const caller = (i: number): string => String(100_000 + i);
const callee = (i: number): string => String(200_000 + i);

async function measure(system: System): Promise<Record<string, string>> {
  const load = new CommandedChild(fork(require.resolve('./relay-load'), { stdio: 'inherit' }), 'the load');
  const phones = await BenchPhones.open(PHONES_PORT, system.port);
  try {
    await load.ask({ do: 'open', plan });
    for (let i = 0; i < all.length; i++) await phones.register(callee(i));
    await sleep(3000);
    const before = residentBytes(system.pids);
    const relay: CallPorts[] = [];
    const up = [];
    for (let i = 0; i < all.length; i++) {
      const ports = all[i] as CallPorts;
      const call = await phones.call(caller(i), callee(i), ports.a, ports.b);
      up.push(call);
      relay.push({ a: call.callerSendsTo, b: call.calleeSendsTo });
    }
    const upAt = performance.now();
    const fresh = residentBytes(system.pids);
    await load.ask({ do: 'aim', relay: '127.0.0.1', ports: relay });
    await load.ask<LoadResult>({ do: 'run', seconds: 2 });
    const cpuBefore = cpuMicros(system.pids);
    const result = await load.ask<LoadResult>({ do: 'run', seconds: SECONDS });
    const cpu = cpuMicros(system.pids) - cpuBefore;
    await sleep(FORGOTTEN_MS - (performance.now() - upAt));
    const settled = residentBytes(system.pids);
    for (const call of up) await call.hangUp();
    return {
      'calls up': String(up.length),
      'packets/s relayed': (result.sent / result.seconds).toFixed(0),
      lost: String(result.lost),
      'CPU µs a packet': (cpu / result.sent).toFixed(2),
      'held p50/p99 ms': `${result.delayMs.p50.toFixed(2)}/${result.delayMs.p99.toFixed(2)}`,
      'KB a call, just set up': ((fresh - before) / 1024 / up.length).toFixed(0),
      'KB a call, transactions gone': ((settled - before) / 1024 / up.length).toFixed(0),
      'load ticks late': String(result.lateTicks),
    };
  } finally {
    phones.close();
    await load.end();
  }
}

export async function benchStanding(log: (line: string) => void): Promise<BenchResult> {
  const { rows, notes } = await sideBySide(all.flatMap((_, i) => [caller(i), callee(i)]), (system) => {
    log(`${system.name}: setting ${CALLS} calls up`);
    return measure(system);
  });
  notes.push(`${CALLS} calls and ${PROBE_CALLS} probe calls, on loopback, ${SECONDS} s; the load's own CPU shares the machine`);
  return { name: 'standing', what: `${CALLS} calls up at once, both directions of 50 packet/s RTP relayed`, rows, notes };
}
