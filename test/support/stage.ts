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

/**
 * A test body with a stage of its own: `test('…', staged(async (stage) => { … }))`.
 * @param shared a stage that outlives the test (a server used by a whole suite), for the failure message
 */
export function staged(body: (stage: Stage) => Promise<void>, shared?: () => Stage | undefined): () => Promise<void> {
  return async () => {
    const stage = new Stage();
    try {
      await body(stage);
    } catch (error) {
      const report = [stage.report(), shared?.()?.report() ?? ''].filter((text) => text !== '').join('\n');
      await stage.close().catch(() => undefined);
      throw withReport(error, report);
    }
    await stage.close();
  };
}

/** The same error with what the processes printed at the end of its message (jest shows the stack, so that too). */
function withReport(error: unknown, report: string): Error {
  const original = error instanceof Error ? error : new Error(String(error));
  const stack = original.stack ?? original.message;
  original.message += `\n\n${report}\n`;
  original.stack = `${stack}\n\n${report}\n`;
  return original;
}
