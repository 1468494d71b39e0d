/** What a worker refuses: told to the plane by its code. */
/** 'port-taken' and 'bind-address' are for the plane alone: it tries another port, or refuses to start. */
const codes = ['port-taken', 'bind-address', 'unknown-endpoint', 'bad-address', 'bad-key', 'no-codec', 'no-audio', 'file-exists', 'bad-file', 'setting', 'system'] as const;

export type WorkerErrorCode = (typeof codes)[number];

export const isWorkerErrorCode = (code: string): code is WorkerErrorCode => (codes as readonly string[]).includes(code);

export class WorkerError extends Error {
  constructor(
    readonly code: WorkerErrorCode,
    message: string,
  ) {
    super(message);
  }
}
