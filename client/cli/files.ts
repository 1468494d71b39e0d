/**
 * Small files that several phones of one person may change at the same time. Nothing here waits in this thread: the sound ticks in it.
 *
 *   update ─► lock (file.lock, made with O_EXCL) ─► read ─► change ─► write beside it, fsync ─► still our lock? ─► rename ─► unlock
 *
 * A lock that was left by a phone that died is taken away after `STALE_MS`. Whoever was only slow (stopped with Ctrl-Z, say) finds a lock that
 * is not its own any more before it renames, and begins again.
 */
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock, type Clock } from '../clock';

/** A lock older than this was left by a phone that died, ms: no write takes that long. */
const STALE_MS = 5000;
/** So long it is tried to get the lock, ms. */
const PATIENCE_MS = 10_000;
const BETWEEN_MS = 10;

export interface Change {
  /** What is to be in the file; undefined: it stays as it is. */
  text: string | undefined;
  /** What is there now is kept in a copy beside it. */
  keepAside?: boolean;
}

export class SharedFile {
  /** One after the other: this phone does not fight itself for the lock. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly file: string,
    private readonly clock: Clock = systemClock,
  ) {}

  /** `how` gets what is in the file ('' when there is none), and may be asked again. Resolves with the name of the copy, if one was to be made. Errors: one sentence. */
  update(how: (text: string) => Change): Promise<string | undefined> {
    const result = this.last.then(() => this.once(how));
    this.last = result.catch(() => undefined);
    return result;
  }

  /** When all that was asked for so far is done. Never rejects. */
  async settled(): Promise<void> {
    await this.last;
  }

  private async once(how: (text: string) => Change): Promise<string | undefined> {
    await fs.mkdir(dirname(this.file), { recursive: true, mode: 0o700 });
    const before = this.clock.now() + PATIENCE_MS;
    for (;;) {
      const lock = await this.lock(before);
      try {
        const { text, keepAside = false } = how(await this.read());
        if (text === undefined) return undefined;
        const copy = keepAside ? `${this.file}.damaged-${this.clock.wall().toISOString().replace(/[:.]/g, '-')}` : undefined;
        if (await this.replace(text, copy, lock)) return copy;
      } finally {
        await lock.release();
      }
    }
  }

  private async lock(before: number): Promise<Lock> {
    const name = `${this.file}.lock`;
    for (;;) {
      const lock = await Lock.take(name);
      if (lock) return lock;
      await takeAwayWhenStale(name, this.clock.wall().getTime());
      if (this.clock.now() > before) throw new Error(`${this.file} is being written by another phone: if there is none, remove ${name}`);
      await new Promise<void>((resolve) => this.clock.after(BETWEEN_MS, resolve));
    }
  }

  private async read(): Promise<string> {
    try {
      return await fs.readFile(this.file, 'utf8');
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw err;
    }
  }

  /** Either the old content is there or the new one, also after a power cut. False: the lock was lost meanwhile, and nothing has changed. */
  private async replace(text: string, copy: string | undefined, lock: Lock): Promise<boolean> {
    const temporary = `${this.file}.${randomUUID()}.tmp`;
    try {
      const handle = await fs.open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      if (!(await lock.isOurs())) return false;
      if (copy !== undefined) await fs.copyFile(this.file, copy);
      await fs.rename(temporary, this.file);
      return true;
    } finally {
      await fs.rm(temporary, { force: true });
    }
  }
}

/** A file that only one can make; what is in it tells whose it is. */
class Lock {
  private constructor(
    private readonly name: string,
    private readonly token: string,
  ) {}

  /** undefined: somebody else has it. */
  static async take(name: string): Promise<Lock | undefined> {
    const token = randomUUID();
    try {
      await fs.writeFile(name, token, { flag: 'wx', mode: 0o600 });
      return new Lock(name, token);
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
      throw err;
    }
  }

  async isOurs(): Promise<boolean> {
    return (await fs.readFile(this.name, 'utf8').catch(() => '')) === this.token;
  }

  async release(): Promise<void> {
    if (await this.isOurs()) await fs.rm(this.name, { force: true });
  }
}

/** Renamed first, which only one of several can do; what then turns out to be a younger lock is put back. */
async function takeAwayWhenStale(name: string, nowMs: number): Promise<void> {
  const aside = `${name}.${randomUUID()}`;
  try {
    const old = await fs.stat(name);
    if (nowMs - old.mtimeMs <= STALE_MS) return;
    await fs.rename(name, aside);
    const taken = await fs.stat(aside);
    if (taken.ino !== old.ino || taken.mtimeMs !== old.mtimeMs) await fs.link(aside, name);
  } catch {
    // Gone meanwhile, or somebody was quicker.
  } finally {
    await fs.rm(aside, { force: true });
  }
}
