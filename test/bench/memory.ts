/** Resident memory of our server: idle, and what each registered contact adds (10,000 of them, after the transactions are gone). */
import { residentBytes, sleep } from './support/process';
import type { BenchResult } from './support/report';
import { credentials, startSipp } from './support/sipp';
import { offhook } from './support/system';

const CONTACTS = 10_000;
/** Transactions over UDP are remembered for 64 × T1. */
const FORGOTTEN_MS = 36_000;

export async function benchMemory(log: (line: string) => void): Promise<BenchResult> {
  const users = Array.from({ length: CONTACTS }, (_, i) => String(100_000 + i));
  const system = await offhook.start(users);
  const register = async (from: number, to: number, rate: number): Promise<void> => {
    const outcome = await startSipp({
      scenario: 'register.xml',
      remote: { host: '127.0.0.1', port: system.port },
      local: { host: '127.0.0.1', port: 15270 },
      rate,
      calls: to - from,
      atOnce: 5_000,
      rows: users.slice(from, to).map((u) => [u, credentials(u), '15280']),
      timeoutMs: 120_000,
    }).outcome();
    if (outcome.failed > 0) log(`${outcome.failed} registrations failed`);
  };
  try {
    await sleep(3000);
    const idle = residentBytes(system.pids);
    await register(0, 1000, 300); // the code that registers is compiled and its buffers exist before contacts are counted
    await sleep(FORGOTTEN_MS);
    const warm = residentBytes(system.pids);
    await register(1000, CONTACTS, 300);
    await sleep(FORGOTTEN_MS);
    const full = residentBytes(system.pids);
    return {
      name: 'memory',
      what: `resident memory of the server, ${CONTACTS} contacts registered at 300/s`,
      rows: [
        {
          system: 'offhook',
          figures: {
            'idle MB': (idle / 2 ** 20).toFixed(0),
            'after 1,000 MB': (warm / 2 ** 20).toFixed(0),
            [`after ${CONTACTS} MB`]: (full / 2 ** 20).toFixed(0),
            'KB a contact': ((full - warm) / 1024 / (CONTACTS - 1000)).toFixed(2),
          },
        },
      ],
      notes: ['resident size includes garbage not yet collected'],
    };
  } finally {
    await system.stop();
  }
}
