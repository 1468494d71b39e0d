/** What is measured in real time goes before everything else on the machine, where that is allowed. */
import { writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** What has a deadline goes first, where the system allows it. */
const PRIORITY = -15;

/** Runs something, and what it starts, before everything else on the machine, where that is allowed; ended from outside it takes its processes along. */
export async function first<T>(run: () => Promise<T>): Promise<T> {
  const end = (): never => process.exit(130);
  process.once('SIGINT', end).once('SIGTERM', end);
  const before = getPriority();
  prioritize(Math.min(before, PRIORITY));
  try {
    return await run();
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
    prioritize(before);
  }
}

/** Where Linux groups processes by session, a process's own nice value counts within its group only, and the group has one too. */
function prioritize(nice: number): void {
  try {
    setPriority(nice);
    writeFileSync('/proc/self/autogroup', String(nice));
  } catch {
    // not allowed, or no such groups: then it is as it is, and what was late tells
  }
}
