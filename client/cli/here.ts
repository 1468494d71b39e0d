/** The phone in this process: its terminal or pipes, its signals, its environment. */
import { phoneEnvironment } from './environment';
import { runPhone, type PhoneRequest } from './run';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves with the exit code; never rejects. A second signal ends the process at once. */
export async function runHere(request: PhoneRequest, { out, err }: { out(text: string): void; err(text: string): void }): Promise<number> {
  const { stdin, stdout } = process;
  const told = new AbortController();
  const onSignal = (): void => {
    // Whoever asks twice does not want to wait for goodbyes any more; 130 is what a shell makes of an interrupt.
    if (told.signal.aborted) process.exit(130);
    told.abort();
  };
  const onOutputError = (): void => told.abort(); // nobody reads any more
  for (const name of SIGNALS) process.on(name, onSignal);
  stdout.on('error', onOutputError);
  try {
    return await runPhone(request, { out, err, input: stdin, output: stdout, environment: phoneEnvironment(), isTerminal: stdin.isTTY === true && stdout.isTTY === true, signal: told.signal });
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
    stdin.destroy(); // what is left unread must not keep the process
  }
}
