#!/usr/bin/env node
/** The command `offhook`. `npm start` calls `run` in its own process, so importing this file runs nothing. */
import { describe } from '../errors';
import { main } from './program';

/** How long what is still open after a command's end may keep the process (a socket closing, output being read). */
const LINGER_MS = 2000;

/** Runs a command and ends the process with its exit code. `defaults`: settings by key that stand in for the table's. */
export async function run(argv: readonly string[], defaults: Readonly<Record<string, string>> = {}): Promise<void> {
  process.on('uncaughtException', crash);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onOutputError);
  const code = await main(argv, { defaults });
  process.exitCode = code;
  setTimeout(() => process.exit(code), LINGER_MS).unref();
}

/** Whoever read the output has seen enough of it (`| head`), which is no error. What is still written goes nowhere. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
}

/** A mistake of ours: what and where in one line, since a person can do nothing with a stack, and whoever looks into it needs the place. */
function crash(error: Error): void {
  const place = error.stack?.split('\n').find((line) => /^\s+at (?!.*node:)/.test(line));
  process.stderr.write(`offhook: ${describe(error)}${place ? ` (${place.trim()})` : ''}\n`);
  process.exit(1);
}

if (require.main === module) void run(process.argv.slice(2));
