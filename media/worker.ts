/** A media worker's thread: sockets of its own, commands from the plane in, answers and silences out. */
import { randomFillSync } from 'node:crypto';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { openNet, type OpenedNet } from './net/open';
import { WorkerCore } from './worker-core';
import { WorkerError } from './worker-error';
import type { Answer, Command, WorkerMessage, WorkerStart } from './worker-protocol';

/** How often silence is looked for; what is looked at are times, so a late look changes nothing. */
const sweepEvery = (silenceMs: number): number => Math.min(1000, Math.max(20, silenceMs / 10));

const ADAPT_EVERY_MS = 500;

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

/** 0 to 1 from the system's generator, which a stream's first numbers have to come from (RFC 3550 §5.1), a few hundred at a time. */
function unpredictable(): () => number {
  const pool = new Uint32Array(256);
  let at = pool.length;
  return () => {
    if (at === pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    return pool[at++]! / 0x100000000;
  };
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
  const core = new WorkerCore(opened.net, start, {
    now,
    wallMs: Date.now,
    random: unpredictable(),
    onDigit: (event) => post({ kind: 'digit', event }),
    onTalking: (event) => post({ kind: 'talking', event }),
    onSimple: (event) => post({ kind: 'simple', event }),
  });
  try {
    await core.tryAddresses();
  } catch (err) {
    await core.close();
    post({ kind: 'refused', code: err instanceof WorkerError ? err.code : 'system', message: String(err instanceof Error ? err.message : err) });
    return;
  }
  const sweep = setInterval(() => {
    const silences = core.silences();
    if (silences.length > 0) post({ kind: 'silent', silences });
  }, sweepEvery(start.silenceMs));
  const adapt = setInterval(() => core.adapt(), ADAPT_EVERY_MS);
  const answers = new Outbox(post);
  port.on('message', (commands: Command[]) => {
    for (const command of commands) {
      void core.answer(command).then((answer) => {
        answers.add(answer);
        if (command.op !== 'close') return;
        answers.flush();
        clearInterval(sweep);
        clearInterval(adapt);
        port.close();
      });
    }
  });
  post({ kind: 'ready', backend: opened.net.kind, fallback: opened.fallback, bell: opened.net.bell, ...(start.probe ? core.warm() : { codecs: [], opusRecovers: false }) });
}

/** Answers that are ready at the same time go in one message. */
class Outbox {
  private answers: Answer[] = [];

  constructor(private readonly post: (message: WorkerMessage) => void) {}

  add(answer: Answer): void {
    // in a microtask: a native loop would sleep before the next turn of the event loop
    if (this.answers.push(answer) === 1) queueMicrotask(() => this.flush());
  }

  flush(): void {
    if (this.answers.length === 0) return;
    const { answers } = this;
    this.answers = [];
    this.post({ kind: 'answers', answers });
  }
}

if (parentPort) void serve(parentPort, workerData as WorkerStart);
