/** A program that says something and ends. */
import { AudioProcess } from './child-process';
import type { Variables } from './child-environment';
import { AudioDeviceError } from './device';

const LIMIT_MS = 5000;

/** What it printed. Errors: AudioDeviceError `not-installed`, `failed`, with its last complaint. */
export async function outputOf(program: string, args: readonly string[], variables: Variables, pkg: string): Promise<string> {
  const child = new AudioProcess(program, args, ['ignore', 'pipe', 'pipe'], { LC_ALL: 'C', ...variables });
  const chunks: Buffer[] = [];
  child.child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void child.kill();
  }, LIMIT_MS);
  const why = await child.ended;
  clearTimeout(timer);
  if (child.missing) throw new AudioDeviceError('not-installed', `the program ${program} is not installed: install the package ${pkg}, or use another back end`);
  if (late) throw new AudioDeviceError('failed', `${program} does not answer (within ${LIMIT_MS / 1000} s); is the sound server well?`);
  if (child.child.exitCode !== 0) throw new AudioDeviceError('failed', `${program}: ${why}`);
  return Buffer.concat(chunks).toString('utf8');
}
