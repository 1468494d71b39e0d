/**
 * Mailboxes: what is in the store, what lies in files, and who hears of a change.
 *
 *   begin() ─▶ row 'recording' ─▶ file grows ─▶ keep() ─▶ row 'new' ─▶ listeners (lamps, e-mail)
 *                    │                             ↑
 *                    └── killed ── recover() ──────┘     or discard(): row and file go
 *
 * The row is there before the file is, so that nothing which somebody said is without one: at start, what was being recorded becomes a message
 * as far as it got, and a file without a row belongs to nobody and goes.
 */
import { chmod, mkdir, readdir, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { measureRecording } from '../../media/measure';
import type { Clock, Random } from '../clock';
import type { Logger } from '../log';
import type { Mailbox, MailboxPatch, Store, VoiceMessage } from '../store/store';
import { voicemailFolder, voicemailRoot } from '../voicemail-folder';

export interface MailboxSettings {
  maxSeconds: number;
  minSeconds: number;
  silenceSeconds: number;
  maxMessages: number;
}

export interface MailboxesDeps {
  store: { voicemail: Store['voicemail']; extensions: Pick<Store['extensions'], 'get'> };
  /** The data folder. */
  data: string;
  settings: MailboxSettings;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Whether new messages are sent by e-mail to those who want it. */
  mail: boolean;
}

export interface MailboxCounters {
  /** Messages that were left. */
  received: number;
  tooShort: number;
  /** Callers who found no room. */
  full: number;
  /** Messages and greetings that could not be recorded (a full disk…). */
  failed: number;
  /** Messages found at start that somebody was speaking when the server was killed. */
  recovered: number;
  /** Wrong PINs. */
  wrongPins: number;
  /** Callers turned away because of them. */
  lockedOut: number;
}

export interface Counts {
  new: number;
  saved: number;
}

/** A message was left, was marked as heard or new again, or is gone. */
export interface MailboxEvent {
  mailbox: string;
  kind: 'new' | 'heard' | 'unheard' | 'removed';
  /** Its id. */
  message: number;
  from: string;
}

/** A message being left. One of `keep` and `discard` ends it; what comes later does nothing. */
export interface Draft {
  readonly file: string;
  keep(durationMs: number): Promise<boolean>;
  discard(): Promise<void>;
}

export class Mailboxes {
  readonly counters: MailboxCounters = { received: 0, tooShort: 0, full: 0, failed: 0, recovered: 0, wrongPins: 0, lockedOut: 0 };
  private readonly listeners: Array<(event: MailboxEvent) => void> = [];

  constructor(private readonly deps: MailboxesDeps) {}

  get settings(): MailboxSettings {
    return this.deps.settings;
  }

  /** Undefined when there is no such extension. */
  async find(number: string): Promise<Mailbox | undefined> {
    if (!(await this.deps.store.extensions.get(number))) return undefined;
    return this.deps.store.voicemail.mailbox(number);
  }

  counts(number: string): Promise<Counts> {
    return this.deps.store.voicemail.counts(number);
  }

  /** The oldest first. */
  messages(mailbox: string, state: 'new' | 'saved'): Promise<VoiceMessage[]> {
    return this.deps.store.voicemail.list({ mailbox, state });
  }

  set(number: string, patch: MailboxPatch): Promise<void> {
    return this.deps.store.voicemail.set(number, patch);
  }

  folder(number: string): string {
    return voicemailFolder(this.deps.data, number);
  }

  file({ mailbox, file }: Pick<VoiceMessage, 'mailbox' | 'file'>): string {
    return join(this.folder(mailbox), file);
  }

  /** A name that no other file has. */
  async newFile(number: string, kind: 'message' | 'greeting'): Promise<{ name: string; path: string }> {
    await this.makeFolder(number);
    const at = this.deps.clock.wall().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
    const name = `${kind}-${at}-${this.deps.random(4).toString('hex')}.wav`;
    return { name, path: join(this.folder(number), name) };
  }

  /** Undefined: the mailbox is full. Errors: the store's and the file system's. */
  async begin(mailbox: string, from: { number: string; name: string | null }): Promise<Draft | undefined> {
    const { clock, store, settings } = this.deps;
    const { name, path } = await this.newFile(mailbox, 'message');
    const message = await store.voicemail.begin({ mailbox, from: from.number, fromName: from.name, receivedAt: clock.wall().getTime(), file: name }, settings.maxMessages);
    if (!message) {
      this.counters.full++;
      return undefined;
    }
    let ended = false;
    const once = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
      if (ended) return otherwise;
      ended = true;
      return work();
    };
    return {
      file: path,
      keep: (durationMs) =>
        once(async () => {
          if (durationMs < this.minMs) {
            this.counters.tooShort++;
            await this.drop(message);
            return false;
          }
          await this.arrived(message, durationMs);
          return true;
        }, false),
      discard: () => once(() => this.drop(message), undefined),
    };
  }

  get minMs(): number {
    return Math.max(1, this.deps.settings.minSeconds * 1000);
  }

  /** False: it is not there any more. */
  save(message: VoiceMessage): Promise<boolean> {
    return this.mark(message, 'saved');
  }

  /** As heard, or as new. False: it is not there any more. */
  async mark(message: VoiceMessage, state: 'new' | 'saved'): Promise<boolean> {
    const there = await this.deps.store.voicemail.update(message.mailbox, message.id, { state });
    this.tell(message, state === 'saved' ? 'heard' : 'unheard');
    return there;
  }

  async remove(message: VoiceMessage): Promise<void> {
    await this.drop(message);
    this.tell(message, 'removed');
  }

  /** The personal greeting's file; undefined when there is none (or it is gone). */
  async greeting({ number, greeting }: Mailbox): Promise<string | undefined> {
    if (greeting === null) return undefined;
    const path = join(this.folder(number), greeting);
    return (await stat(path).catch(() => undefined))?.isFile() ? path : undefined;
  }

  /** Takes a recorded file (by its name) as the greeting, or, with null, none; the one before goes. */
  async setGreeting(number: string, name: string | null): Promise<void> {
    const before = (await this.deps.store.voicemail.mailbox(number)).greeting;
    await this.set(number, { greeting: name });
    if (before !== null && before !== name) await this.unlinked(join(this.folder(number), before));
  }

  /** Takes away a file that became nothing. */
  async unlinked(path: string): Promise<void> {
    await unlink(path).catch((err: NodeJS.ErrnoException) => {
      if (err.code !== 'ENOENT') this.deps.log.warn({ file: path, error: err.message }, 'a file of voicemail could not be removed');
    });
  }

  /** At start, before calls can come. Errors: the store's; what goes wrong with one file is logged. */
  async recover(): Promise<{ recovered: number; removed: number }> {
    const { log, store } = this.deps;
    let removed = 0;
    for (const message of await store.voicemail.list({ state: 'recording' })) {
      const durationMs = await measureRecording(this.file(message)).then(
        (measured) => measured.durationMs,
        (err: unknown) => {
          log.warn({ file: this.file(message), error: String(err) }, 'an unfinished message has no sound in it');
          return 0;
        },
      );
      if (durationMs < this.minMs) {
        await this.drop(message);
        continue;
      }
      this.counters.recovered++;
      await this.arrived(message, Math.round(durationMs));
    }
    removed += await this.sweep();
    if (this.counters.recovered + removed > 0) log.info({ recovered: this.counters.recovered, removed }, 'voicemail: what was interrupted is in order again');
    return { recovered: this.counters.recovered, removed };
  }

  /** Calls `listener` after each change. What it throws is logged and goes no further. */
  onEvent(listener: (event: MailboxEvent) => void): void {
    this.listeners.push(listener);
  }

  /** Files that no message or greeting has: of removed extensions, of greetings that were never finished. */
  private async sweep(): Promise<number> {
    const { store, log } = this.deps;
    const root = voicemailRoot(this.deps.data);
    const folders = await readdir(root, { withFileTypes: true }).catch(() => []);
    let removed = 0;
    for (const folder of folders.filter((entry) => entry.isDirectory())) {
      const known = new Set((await store.voicemail.list({ mailbox: folder.name })).map((message) => message.file));
      const { greeting } = await store.voicemail.mailbox(folder.name);
      if (greeting !== null) known.add(greeting);
      const files = await readdir(join(root, folder.name)).catch(() => [] as string[]);
      // only what is named as ours: whatever else somebody puts there is theirs
      const strays = files.filter((name) => /^(message|greeting)-.*\.wav$/.test(name) && !known.has(name));
      for (const name of strays) await this.unlinked(join(root, folder.name, name));
      removed += strays.length;
      if (files.length === strays.length) await rm(join(root, folder.name), { recursive: true, force: true }).catch((err: unknown) => log.debug({ error: String(err) }, 'a folder stays'));
    }
    return removed;
  }

  private async arrived(message: VoiceMessage, durationMs: number): Promise<void> {
    const { store, clock, mail } = this.deps;
    const wanted = mail && (await store.voicemail.mailbox(message.mailbox)).email !== null;
    if (!(await store.voicemail.update(message.mailbox, message.id, { state: 'new', durationMs, ...(wanted && { mailAt: clock.wall().getTime() }) }))) {
      // removed by the command line, or with its extension, while it was spoken
      await this.unlinked(this.file(message));
      return;
    }
    this.counters.received++;
    this.tell(message, 'new');
  }

  private async drop(message: VoiceMessage): Promise<void> {
    await this.deps.store.voicemail.remove(message.mailbox, message.id);
    await this.unlinked(this.file(message));
  }

  private async makeFolder(number: string): Promise<void> {
    for (const path of [voicemailRoot(this.deps.data), this.folder(number)]) {
      await mkdir(path, { mode: 0o700 }).catch(async (err: NodeJS.ErrnoException) => {
        if (err.code !== 'EEXIST') throw err;
        await chmod(path, 0o700);
      });
    }
  }

  private tell({ mailbox, id, from }: VoiceMessage, kind: MailboxEvent['kind']): void {
    const event: MailboxEvent = { mailbox, kind, message: id, from };
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (err) {
        this.deps.log.error({ error: String(err) }, 'a listener to mailboxes failed');
      }
    }
  }
}
