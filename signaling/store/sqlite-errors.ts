/** SQLite's and the file system's errors as ours: one sentence that names the file and what to do. */
import { OffhookError } from '../errors';

/** A `SqliteError` of the driver, by its result code (https://sqlite.org/rescode.html); errors that are ours already stay as they are. */
export function fromSqlite(error: unknown, file: string): OffhookError {
  if (error instanceof OffhookError) return error;
  const { code = '', message = String(error) } = error as { code?: string; message?: string };
  const reason = message.split('\n')[0]!;
  const options = { cause: error };
  // Extended codes (SQLITE_BUSY_SNAPSHOT) begin with the primary one.
  const primary = /^SQLITE_[A-Z]+/.exec(code)?.[0];
  switch (primary) {
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return new OffhookError('store.busy', { file }, options);
    case 'SQLITE_FULL':
      return new OffhookError('store.full', { file }, options);
    case 'SQLITE_NOTADB':
      return new OffhookError('store.not-a-database', { file }, options);
    case 'SQLITE_CORRUPT':
      return new OffhookError('store.corrupt', { file, reason }, options);
    case 'SQLITE_READONLY':
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_PERM':
      return new OffhookError('store.unwritable', { folder: file, reason }, options);
    default:
      return new OffhookError('store.failed', { file, reason }, options);
  }
}

/** An error of making or opening files in the data folder. */
export function fromFileSystem(error: unknown, folder: string): OffhookError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of its path is a file, not a folder',
    EEXIST: 'it is a file, not a folder',
    EISDIR: 'offhook.db in it is a folder, not a file',
    ENOENT: 'it cannot be made here',
  };
  return new OffhookError('store.unwritable', { folder, reason: reasons[code] ?? message }, { cause: error });
}
