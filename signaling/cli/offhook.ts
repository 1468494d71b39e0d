#!/usr/bin/env node
/** The command `offhook`. `npm start` calls `main` in its own process, so importing this file runs nothing. */
import { main } from './program';

export { main };

/** How long what is still open after a command's end may keep the process (a socket closing, output being read). */
const LINGER_MS = 2000;

/** Runs a command and ends the process with its exit code. */
export async function run(argv: readonly string[], defaults: Readonly<Record<string, string>> = {}): Promise<void> {
  const code = await main(argv, { defaults });
  process.exitCode = code;
  setTimeout(() => process.exit(code), LINGER_MS).unref();
}

if (require.main === module) void run(process.argv.slice(2));
