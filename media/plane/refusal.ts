/** What a worker refuses, as the plane's callers hear it. */
import { isMediaErrorCode, MediaError } from '../errors';
import { WorkerRefusal } from '../worker-link';

export function asMediaError(err: unknown): Error {
  if (!(err instanceof WorkerRefusal)) return err as Error;
  return new MediaError(isMediaErrorCode(err.code) ? err.code : 'system', err.message);
}

/** For `catch`. @throws MediaError */
export function refuse(err: unknown): never {
  throw asMediaError(err);
}

/** Nothing of it is there any more: its worker died, or the plane was closed. */
export const isGone = (err: unknown): err is MediaError => err instanceof MediaError && (err.code === 'worker-lost' || err.code === 'closed');
