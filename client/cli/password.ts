/** Asks for a password on a terminal without showing it. */
import type { ReadStream } from 'node:tty';

const ENTER = /[\r\n]/;
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const BACKSPACES = /[\b\u007f]/;
/** Arrow keys and the like type nothing. */
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|O.)?/g;

/** Resolves with what was typed; undefined: given up (Ctrl-C, Ctrl-D, end of input, `signal`). */
export function askPassword(prompt: string, input: ReadStream, out: (text: string) => void, signal?: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    let typed = '';
    const finish = (value: string | undefined): void => {
      input.off('data', onData);
      input.off('end', onEnd);
      signal?.removeEventListener('abort', onEnd);
      input.setRawMode(false);
      input.pause();
      out('\n');
      resolve(value);
    };
    const onEnd = (): void => finish(undefined);
    const onData = (chunk: Buffer): void => {
      for (const key of chunk.toString('utf8').replace(SEQUENCES, '')) {
        if (ENTER.test(key)) return finish(typed);
        if (key === CTRL_C || key === CTRL_D) return finish(undefined);
        if (key === CTRL_U) typed = '';
        else if (BACKSPACES.test(key)) typed = [...typed].slice(0, -1).join('');
        else if (key >= ' ') typed += key;
      }
    };
    // First, or what is typed at once would be seen.
    input.setRawMode(true);
    out(prompt);
    input.resume();
    input.on('data', onData);
    input.once('end', onEnd);
    signal?.addEventListener('abort', onEnd, { once: true });
  });
}
