/**
 * A stage is what one test (or one suite) sets up: a folder of its own, ports of its own, the processes on it. Closing it
 * ends and removes everything in reverse order, also when the test failed half-way; a failure's message carries the last
 * output of every process that was on the stage.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimPorts, type PortBlock } from './ports';

export interface Prop {
  close(): Promise<unknown> | void;
  /** What to show when the test fails. */
  report?(): string;
}

export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'offhook-test-'));
  private readonly props: Prop[] = [];
  private readonly blocks: PortBlock[] = [];
  private folders = 0;
  private closing: Promise<void> | undefined;

  /** Hands a thing to the stage, which will close it. */
  own<T extends Prop>(prop: T): T {
    this.props.push(prop);
    return prop;
  }

  /** The name of a new folder on this stage (for the owner to create). */
  path(name: string): string {
    return join(this.folder, `${++this.folders}-${name}`);
  }

  async ports(count: number): Promise<PortBlock> {
    const block = await claimPorts(count);
    this.blocks.push(block);
    return block;
  }

  async port(): Promise<number> {
    return (await this.ports(1)).first;
  }

  report(): string {
    return this.props.map((prop) => prop.report?.() ?? '').filter((text) => text !== '').join('\n');
  }

  /** Idempotent. Throws the first error of a `close()` (a server that exits with a bad code, say) after closing the rest. */
  close(): Promise<void> {
    this.closing ??= this.strike();
    return this.closing;
  }

  private async strike(): Promise<void> {
    const errors: unknown[] = [];
    for (const prop of this.props.reverse()) {
      try {
        await prop.close();
      } catch (error) {
        errors.push(error);
      }
    }
    for (const block of this.blocks) block.release();
    rmSync(this.folder, { recursive: true, force: true });
    if (errors.length > 0) throw errors[0];
  }
}

export interface StagedOptions {
  /** A stage that outlives the test (a server used by a whole suite), for the failure message. */
  suite?: () => Stage | undefined;
  /** The test fails when it takes longer; 20 s. Real phones and real time: be generous, a test waits for events anyway. */
  seconds?: number;
}

/**
 * A test body with a stage of its own, and jest's time-out for it: `test('…', ...staged(async (stage) => { … }))`.
 * The body is given up before jest gives up on the test, so that the processes are ended and the message has their output.
 */
export function staged<Args extends unknown[]>(
  body: (stage: Stage, ...args: Args) => Promise<void>,
  options: StagedOptions = {},
): [(...args: Args) => Promise<void>, number] {
  const seconds = options.seconds ?? 20;
  const perform = async (...args: Args): Promise<void> => {
    const stage = new Stage();
    try {
      await within(seconds, body(stage, ...args));
    } catch (error) {
      const report = [stage.report(), options.suite?.()?.report() ?? ''].filter((text) => text !== '').join('\n');
      await stage.close().catch(() => undefined);
      throw withReport(error, report);
    }
    await stage.close();
  };
  return [perform, (seconds + 30) * 1000];
}

async function within(seconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the test took longer than ${seconds} s`)), seconds * 1000);
  });
  // The body goes on until it stumbles over the closed stage; nobody waits for that.
  work.catch(() => undefined);
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** The same error with what the processes printed at the end of its message (jest shows the stack, so that too). */
function withReport(error: unknown, report: string): Error {
  const original = error instanceof Error ? error : new Error(String(error));
  const stack = original.stack ?? original.message;
  original.message += `\n\n${report}\n`;
  original.stack = `${stack}\n\n${report}\n`;
  return original;
}
