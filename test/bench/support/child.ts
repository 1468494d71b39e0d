/** A child process that answers commands over its IPC channel by number. */
import type { ChildProcess } from 'node:child_process';

export class CommandedChild {
  private numbers = 0;
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(err: Error): void }>();

  constructor(
    private readonly child: ChildProcess,
    private readonly what: string,
  ) {
    child.on('message', (message) => {
      const answer = message as { id: number; value?: unknown; error?: string };
      const waiting = this.waiting.get(answer.id);
      this.waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer.value);
      else waiting?.reject(new Error(answer.error));
    });
    const ended = (why: string): void => {
      for (const { reject } of this.waiting.values()) reject(new Error(`${what} ended: ${why}`));
      this.waiting.clear();
    };
    child.on('error', (err) => ended(err.message));
    child.on('exit', (code, signal) => ended(String(signal ?? code)));
  }

  ask<T>(command: object): Promise<T> {
    if (!this.child.connected) return Promise.reject(new Error(`${this.what} is not running`));
    const id = ++this.numbers;
    return new Promise<unknown>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.send({ id, ...command });
    }) as Promise<T>;
  }

  /** Hangs up, which makes it end; ends it the hard way when it does not. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    if (this.child.connected) this.child.disconnect();
    const hard = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await exited;
    clearTimeout(hard);
  }
}
