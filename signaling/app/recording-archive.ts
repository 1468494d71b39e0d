/**
 * Where recorded calls are kept: a file each, and a row in the store that says whose it is.
 *
 *   <data>/recordings/2026/11/23/141503-1001-1002-8c1f0e2a77d4.wav       caller left, callee right; for nobody else to read
 *
 * The row is there while it is being recorded. Rows that a killed server left so are looked at when the next one starts. What the store or the
 * disk refuses costs the recording or its row, never the call.
 */
import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { measureRecording } from '../../media/measure';
import { MediaError, type RecordEnd } from '../../media/plane';
import type { Clock, Timer } from '../clock';
import type { Logger } from '../log';
import type { Recording, RecordingEnd, Store } from '../store/store';

export interface RecordingSettings {
  format: 'wav' | 'ogg';
  /** Seconds between beeps that both sides hear; 0: none. */
  beepSeconds: number;
  /** 0: for ever. */
  keepDays: number;
  /** Of one recording. */
  maxMinutes: number;
}

export interface ArchiveDeps {
  /** The data folder, absolute. */
  folder: string;
  settings: RecordingSettings;
  /** Whose time of day is in the files' names. */
  timeZone: string;
  store: Pick<Store, 'recordings'>;
  clock: Clock;
  log: Logger;
  /** Whether Ogg/Opus can be written here. Asked each time: the plane knows once it runs. */
  hasOpus: () => boolean;
}

export interface RecordedCall {
  id: string;
  from: string;
  to: string;
}

const DAY_MS = 24 * 3600_000;
/** Rows looked at in one go. */
const BATCH = 200;

export class RecordingArchive {
  /** Recordings begun, and those of which something is missing. */
  readonly counters = { recorded: 0, recordingsFailed: 0, recordingsUnlisted: 0 };
  private timer: Timer | undefined;
  private saidNoOpus = false;

  constructor(private readonly deps: ArchiveDeps) {}

  get settings(): RecordingSettings {
    return this.deps.settings;
  }

  /** What a killed server left, then what is too old; that again each day. Errors: the store's. */
  async start(): Promise<void> {
    await this.recover();
    await this.forget();
    this.schedule();
  }

  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** A new recording of that call, its `piece`-th. Nothing is written yet but the row. */
  begin(call: RecordedCall, piece: number): Entry {
    const { clock, timeZone } = this.deps;
    const now = clock.wall();
    const id = piece === 1 ? call.id : `${call.id}-${piece}`;
    const row: Recording = {
      id, callId: call.id, from: call.from, to: call.to, startedAt: now.getTime(),
      durationMs: 0, file: fileName(now, timeZone, { ...call, id }, this.format()), bytes: 0, state: 'recording', problem: null,
    };
    this.counters.recorded++;
    return new Entry(this, this.deps, row);
  }

  private format(): 'wav' | 'ogg' {
    const { settings, hasOpus, log } = this.deps;
    if (settings.format === 'wav' || hasOpus()) return settings.format;
    if (!this.saidNoOpus) log.warn('recording.format is ogg, but there is no Opus on this machine: WAV files are written instead');
    this.saidNoOpus = true;
    return 'wav';
  }

  private async recover(): Promise<void> {
    const { store, folder, log } = this.deps;
    for (const { id, file } of await store.recordings.list({ state: 'recording' })) {
      const end = await measureRecording(join(folder, file)).then(
        (measured): RecordingEnd => ({ ...measured, state: 'done', problem: null }),
        (err: unknown): RecordingEnd => ({ bytes: 0, durationMs: 0, state: 'failed', problem: sentence(err) }),
      );
      await store.recordings.end(id, end);
      if (end.state === 'failed') this.counters.recordingsFailed++;
      log.info({ recording: id, file, seconds: Math.round(end.durationMs / 1000), ...(end.problem !== null && { problem: end.problem }) }, 'a recording that was cut off by the end of the server');
    }
  }

  /** Files first: a row without a file can be removed again, a file without a row nobody would find. */
  private async forget(): Promise<void> {
    const { store, folder, clock, log, settings } = this.deps;
    if (settings.keepDays === 0) return;
    const before = clock.wall().getTime() - settings.keepDays * DAY_MS;
    const kept = new Set<string>();
    for (;;) {
      const old = await store.recordings.list({ before, limit: BATCH + kept.size });
      const rows = old.filter(({ id, state }) => state !== 'recording' && !kept.has(id));
      if (rows.length === 0) return;
      for (const { id, file } of rows) {
        try {
          await removeFile(folder, file);
          await store.recordings.remove(id);
          log.info({ recording: id, file }, 'a recording was removed for its age');
        } catch (err) {
          kept.add(id);
          log.warn({ recording: id, file, error: String(err) }, 'an old recording could not be removed');
        }
      }
    }
  }

  private schedule(): void {
    this.timer = this.deps.clock.after(DAY_MS, () => {
      this.forget().catch((err: unknown) => this.deps.log.warn({ error: String(err) }, 'old recordings could not be removed'));
      this.schedule();
    });
  }
}

/** One recording, from its beginning to its row's last word. Nothing here ever fails. */
export class Entry {
  /** Absolute. */
  readonly path: string;
  private readonly added: Promise<boolean>;

  constructor(
    private readonly archive: Pick<RecordingArchive, 'counters'>,
    private readonly deps: ArchiveDeps,
    private readonly row: Recording,
  ) {
    this.path = join(deps.folder, row.file);
    this.added = deps.store.recordings.add(row).then(
      () => true,
      (err: unknown) => {
        deps.log.warn({ recording: row.id, error: String(err) }, 'a recording could not be noted down yet');
        return false;
      },
    );
  }

  get id(): string {
    return this.row.id;
  }

  /** As in the row. */
  get file(): string {
    return this.row.file;
  }

  ended(end: RecordEnd): Promise<void> {
    const { durationMs, bytes, why, problem } = end;
    return this.settle({ durationMs: Math.floor(durationMs), bytes, state: why === 'failed' ? 'failed' : 'done', problem: why === 'failed' ? (problem ?? 'It could not be written.') : null });
  }

  /** Recording could not begin, or whoever recorded is gone; what is in the file counts all the same. */
  async failed(problem: string): Promise<void> {
    const measured = await measureRecording(this.path).catch(() => ({ durationMs: 0, bytes: 0 }));
    return this.settle({ ...measured, state: 'failed', problem });
  }

  private async settle(end: RecordingEnd): Promise<void> {
    const { log, store } = this.deps;
    const { id, file } = this.row;
    if (end.state === 'failed') {
      this.archive.counters.recordingsFailed++;
      log.warn({ call: this.row.callId, recording: id, file, problem: end.problem }, 'a recording failed');
    }
    try {
      if (await this.added) await store.recordings.end(id, end);
      else await store.recordings.add({ ...this.row, ...end });
    } catch (err) {
      this.archive.counters.recordingsUnlisted++;
      log.error({ recording: id, file, error: String(err) }, 'what became of a recording could not be noted down');
    }
  }
}

/** The row's file, and folders of its day, month and year that it leaves empty. Errors: the system's, but for a file that is gone already. */
export async function removeFile(folder: string, file: string): Promise<void> {
  await rm(join(folder, file), { force: true });
  for (let path = dirname(file), depth = 0; depth < 3 && path.includes('/'); path = dirname(path), depth++) {
    try {
      await rmdir(join(folder, path));
    } catch {
      return;
    }
  }
}

function fileName(when: Date, timeZone: string, { id, from, to }: RecordedCall, ending: string): string {
  const parts = new Intl.DateTimeFormat('en', { timeZone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' }).formatToParts(when);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? '';
  const time = `${of('hour')}${of('minute')}${of('second')}`;
  return `recordings/${of('year')}/${of('month')}/${of('day')}/${time}-${plain(from)}-${plain(to)}-${id}.${ending}`;
}

/** Numbers of extensions are digits; whatever else may come one day is no path. */
const plain = (number: string): string => number.replace(/[^0-9A-Za-z]/g, '_').slice(0, 32);

const sentence = (err: unknown): string => (err instanceof MediaError ? err.message : String(err));
