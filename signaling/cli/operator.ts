/** Asking the server that runs on a data folder. */
import { request } from 'node:http';
import { existsSync } from 'node:fs';
import { OffhookError } from '../errors';
import { operatorAddress, operatorFolder } from '../operator-path';

/** Longer than any answer takes; a server that is stopped in a debugger gives none. */
const TIMEOUT_MS = 10_000;

export interface Asking {
  method?: 'GET' | 'POST';
  /** As JSON. */
  body?: unknown;
}

/** What the server on `data` answers to `GET path`, or as `asking` says. Errors: `server.not-running`, `server.unreachable`, and the server's own sentence as `server.refused`. */
export async function ask<Answer>(data: string, path: string, asking: Asking = {}): Promise<Answer> {
  return withOperator(data, (socketPath) => get<Answer>(socketPath, path, data, asking));
}

/** `work` with the path of the socket of the server on `data`. Errors: `server.not-running`, those of the work. */
export async function withOperator<T>(data: string, work: (socketPath: string) => Promise<T>): Promise<T> {
  const folder = operatorFolder(data);
  const address = existsSync(folder) ? operatorAddress(folder) : undefined;
  if (!address) throw new OffhookError('server.not-running', { folder: data });
  try {
    return await work(address.path);
  } finally {
    address.release();
  }
}

/** What went wrong on the way to the server on `folder`. */
export function unreached(error: NodeJS.ErrnoException, folder: string): OffhookError {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return new OffhookError('server.not-running', { folder }, { cause: error });
  return new OffhookError('server.unreachable', { folder, reason: error.message }, { cause: error });
}

/** The server's own sentence, when it answers with a problem. */
export const refusedWith = ({ detail }: { detail?: string }, status: number | undefined): OffhookError => new OffhookError('server.refused', { problem: detail ?? `The server answered ${status}.` });

function get<Answer>(socketPath: string, path: string, folder: string, { method = 'GET', body }: Asking): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const unreachable = (reason: string, cause?: unknown): void => reject(new OffhookError('server.unreachable', { folder, reason }, { cause }));
    const asked = request({ socketPath, path, method, agent: false, timeout: TIMEOUT_MS, headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error) => unreachable(error.message, error));
      response.on('end', () => {
        try {
          const answer = JSON.parse(Buffer.concat(chunks).toString()) as Answer & { detail?: string };
          if (response.statusCode === 200) resolve(answer);
          else reject(refusedWith(answer, response.statusCode));
        } catch (error) {
          unreachable('its answer cannot be read', error);
        }
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`it did not answer within ${TIMEOUT_MS / 1000} seconds`)));
    asked.on('error', (error: NodeJS.ErrnoException) => reject(unreached(error, folder)));
    if (body === undefined) asked.end();
    else asked.end(JSON.stringify(body));
  });
}
