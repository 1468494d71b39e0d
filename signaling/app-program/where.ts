/** Where in a program something went wrong: the first line of the user's own files in a stack. */
import { basename, dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Fault } from './protocol';

/** `files`: those of the program, absolute, its entry first. Of anything thrown. */
export function faultOf(thrown: unknown, files: readonly string[]): Fault {
  const [entry = ''] = files;
  const problem = thrown instanceof Error || isErrorLike(thrown) ? `${thrown.name === 'Error' ? '' : `${thrown.name}: `}${(thrown.message.split('\n')[0] as string) || 'an error without words'}` : `thrown: ${String(thrown)}`;
  const stack = isErrorLike(thrown) ? (thrown.stack ?? '') : '';
  for (const line of stack.split('\n')) {
    const [, found = '', number] = /(?:^|\(|at )(file:\/\/[^():]+|\/[^():]+|[A-Za-z]:\\[^():]+):(\d+)(?::\d+)?\)?$/.exec(line.trim()) ?? [];
    const path = found.startsWith('file:') ? fileURLToPath(found) : found;
    if (files.includes(path)) return { problem, at: `${relative(dirname(entry), path) || basename(path)}:${number}` };
  }
  return { problem, at: undefined };
}

/** Errors of other threads and contexts are no `Error` of ours. */
function isErrorLike(thrown: unknown): thrown is { name: string; message: string; stack?: string } {
  return typeof thrown === 'object' && thrown !== null && typeof (thrown as { message?: unknown }).message === 'string';
}
