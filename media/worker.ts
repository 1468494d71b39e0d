/** A media worker's thread: sockets of its own, commands from the plane in, answers and silences out. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { openNet, type OpenedNet } from './net/open';
import { WorkerCore, WorkerError } from './worker-core';
import type { Command, WorkerMessage, WorkerStart } from './worker-protocol';

/** How often silence is looked for; what is looked at are times, so a late look changes nothing. */
const sweepEvery = (silenceMs: number): number => Math.min(1000, Math.max(20, silenceMs / 10));

/**
 * Voice has a deadline every 20 ms and signaling has seconds: where the process may (root, CAP_SYS_NICE), media goes first.
 * Linux takes 0 for the calling thread, so the rest of the process stays as it was.
 */
function goFirst(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, -10);
  } catch {
    // not allowed, and not needed unless the machine is full
  }
}

async function serve(port: NonNullable<typeof parentPort>, start: WorkerStart): Promise<void> {
  goFirst();
  const post = (message: WorkerMessage): void => port.postMessage(message);
  const now = (): number => performance.now();
  let opened: OpenedNet;
  try {
    opened = openNet(start.backend, now, start.ledger);
  } catch (err) {
    post({ kind: 'refused', code: 'system', message: err instanceof Error ? err.message : String(err) });
    return;
  }
  const core = new WorkerCore(opened.net, start, now);
  try {
    await core.tryAddresses();
  } catch (err) {
    core.close();
    post({ kind: 'refused', code: err instanceof WorkerError ? err.code : 'system', message: String(err instanceof Error ? err.message : err) });
    return;
  }
  const sweep = setInterval(() => {
    const silences = core.silences();
    if (silences.length > 0) post({ kind: 'silent', silences });
  }, sweepEvery(start.silenceMs));
  port.on('message', (commands: Command[]) => {
    void core.answerAll(commands).then((answers) => {
      post({ kind: 'answers', answers });
      if (!commands.some((command) => command.op === 'close')) return;
      clearInterval(sweep);
      port.close();
    });
  });
  post({ kind: 'ready', backend: opened.net.kind, fallback: opened.fallback, bell: opened.net.bell });
}

if (parentPort) void serve(parentPort, workerData as WorkerStart);
