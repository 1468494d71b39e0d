/** The benchmarks, which are part of a checkout and not of an installed package. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { OffhookError } from '../errors';

export interface BenchModule {
  /** Runs the named benchmarks, all when none is named; resolves with the exit code. */
  run(names: string[], io: { out(line: string): void; err(line: string): void }, options: { pesq?: string }): Promise<number>;
}

/** Errors: `command.no-bench`. The path is computed: what is shipped must not depend on what is only in a checkout. */
export async function loadBench(): Promise<BenchModule> {
  const folder = join(__dirname, '..', '..', 'test', 'bench');
  const file = join(folder, 'index.js');
  if (!existsSync(file)) throw new OffhookError('command.no-bench', { file });
  return require(file) as BenchModule;
}
