/** Runs a program to its end with its output kept, and takes it down with us. */
import { spawn } from 'node:child_process';

/** `input`: what it reads on stdin. Resolves with `{ status, output }`; status 127 when the program does not exist. Never rejects. */
export function runProgram(program, args, { cwd, env = process.env, input = '' }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio: 'pipe' });
    // It may end without reading all of it.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const kill = () => child.kill();
    process.once('exit', kill);
    const done = (status, more = '') => {
      process.off('exit', kill);
      resolve({ status, output: (output + more).trim() });
    };
    child.once('error', (error) => done(127, error.message));
    child.once('close', (status, signal) => done(status ?? 1, signal ? `\nended by ${signal}` : ''));
  });
}

/** The lines of an output that name the cause, for a person: npm and tsc have it first. */
export function firstLines(output, count = 25) {
  return output.split('\n').slice(0, count).join('\n');
}
