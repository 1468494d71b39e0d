/** What commands reach outside for; tests hand in their own. */
import { type Clock, type Random, systemClock, systemRandom } from '../clock';
import type { Config, ConfigSources } from '../config';
import type { Logger } from '../log';
import { type BenchModule, loadBench } from './bench-module';
import { loadPhone, type PhoneModule } from './phone-module';

/** A command's own end other than 0. */
export type SetExitCode = (code: number) => void;

export interface Context {
  /** What was asked for: results, passwords shown once. */
  out(text: string): void;
  /** What went wrong, and what is being done. */
  err(text: string): void;
  clock: Clock;
  random: Random;
  /** Default: the process's own. */
  env: ConfigSources['env'];
  cwd: string | undefined;
  /** Of the terminal; undefined: there is none. */
  columns: number | undefined;
  /** Asks the person at the terminal; undefined: there is none. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
  /** Settings by key that stand in for the table's defaults. */
  defaults: Readonly<Record<string, string>>;
  /** The server; loaded when it is to run, since the other commands need little of it. */
  loadServer(): Promise<{ serve(config: Config, log: Logger): Promise<number> }>;
  loadBench(): Promise<BenchModule>;
  loadPhone(): Promise<PhoneModule>;
}

export const systemContext: Context = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  clock: systemClock,
  random: systemRandom,
  env: undefined,
  cwd: undefined,
  columns: process.stdout.columns,
  confirm: process.stdin.isTTY && process.stdout.isTTY ? confirm : undefined,
  defaults: {},
  // `require`, where `import()` would want a file extension that the tests' sources do not have.
  loadServer: async () => require('../main') as typeof import('../main'),
  loadBench,
  loadPhone,
};

async function confirm(question: string): Promise<boolean> {
  const { createInterface } = require('node:readline/promises') as typeof import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^(y|yes)$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
