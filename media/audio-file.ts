/**
 * What a recorder writes to, whatever the format: files that grow while somebody speaks. Implementations: `file/wav.ts`, `file/ogg-opus.ts`.
 *
 * `write` never waits for the disk: it copies, gathers about a second and hands that to the system, one batch after the other. What the disk
 * did not take yet is `pendingMs`; whoever feeds it decides how much of that is too much. After every batch the file is whole: a process that
 * is killed leaves a file that plays, up to the batch before.
 */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MediaError } from './errors';

export interface AudioFileWriter {
  readonly channels: 1 | 2;
  /** Hz. */
  readonly sampleRate: number;
  /** Interleaved, copied. Ignored after `close` and once there is a problem. */
  write(samples: Int16Array): void;
  /** Written, but not yet taken by the disk. */
  readonly pendingMs: number;
  /** Why nothing more is written (a full disk…), a sentence for people. It stays. */
  readonly problem: string | undefined;
  /** `close` will cut the file off here. Nothing is to be written afterwards. Formats that cannot do without it. */
  truncateTo?(ms: number): void;
  /** Writes what is left and brings it to the disk. Never fails: what went wrong is the problem. Idempotent. */
  close(): Promise<AudioFileEnd>;
}

export interface AudioFileEnd {
  /** Of the file. */
  bytes: number;
  durationMs: number;
  problem?: string | undefined;
}

/** What a writer needs of a file; a FileHandle is one. */
export interface GrowingFile {
  write(data: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  truncate(length: number): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A new file to record to, for nobody else to read, with its folders. Errors: MediaError 'file-exists' (also for a link that leads nowhere),
 * 'bad-file'.
 */
export async function createAudioFile(path: string): Promise<GrowingFile> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await open(path, 'wx', 0o600);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && syscall === 'open') throw new MediaError('file-exists', `${path} is there already: a recording never replaces another file.`);
    throw new MediaError('bad-file', `${path} cannot be made: ${systemProblem(error)}.`);
  }
}

/** A system's error for people, as the end of a sentence. */
export function systemProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'EDQUOT') return 'the quota of disk space is used up';
  if (code === 'EFBIG') return 'the file has become too large for this disk';
  if (code === 'EACCES' || code === 'EPERM') return 'this program may not write there';
  if (code === 'EROFS') return 'that disk is read-only';
  if (code === 'EIO') return 'the disk reports a failure';
  if (code === 'EEXIST' || code === 'ENOTDIR') return 'one of its folders is a file';
  if (code === 'EMFILE' || code === 'ENFILE') return 'too many files are open';
  return message;
}
