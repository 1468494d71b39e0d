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
  const folder = operatorFolder(data);
  const address = existsSync(folder) ? operatorAddress(folder) : undefined;
  if (!address) throw new OffhookError('server.not-running', { folder: data });
  try {
    return await get<Answer>(address.path, path, data, asking);
  } finally {
    address.release();
  }
}

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
          else reject(new OffhookError('server.refused', { problem: answer.detail ?? `The server answered ${response.statusCode}.` }));
        } catch (error) {
          unreachable('its answer cannot be read', error);
        }
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`it did not answer within ${TIMEOUT_MS / 1000} seconds`)));
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') reject(new OffhookError('server.not-running', { folder }, { cause: error }));
      else unreachable(error.message, error);
    });
    if (body === undefined) asked.end();
    else asked.end(JSON.stringify(body));
  });
}
