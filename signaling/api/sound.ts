/** Files of sound as they are sent: whole, or the part that was asked for (RFC 9110 §14). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { OffhookError } from '../errors';

const types: Record<string, string> = { '.wav': 'audio/wav', '.ogg': 'audio/ogg' };

/** For the description. */
export const soundResponse = { content: { 'audio/wav': { schema: z.string().describe('The file; with Range, a part of it (206)') } } };

/** `name`: what a browser saves it as. Errors: `api.no-file`, `api.bad-range`. */
export async function sendSound(request: FastifyRequest, reply: FastifyReply, path: string, name: string): Promise<FastifyReply> {
  const file = await open(path, 'r').catch((err: unknown) => {
    throw new OffhookError('api.no-file', {}, { cause: err });
  });
  try {
    const { size } = await file.stat();
    const type = extname(path).toLowerCase();
    const part = partOf(request.headers.range, size);
    reply.headers({ 'content-type': types[type] ?? 'application/octet-stream', 'accept-ranges': 'bytes', 'content-disposition': `attachment; filename="${name.replace(/[^\w.-]/g, '_')}${type}"` });
    if (part) reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${size}`);
    const { start, end } = part ?? { start: 0, end: size - 1 };
    reply.header('content-length', end - start + 1);
    if (size === 0 || request.method === 'HEAD') {
      await file.close();
      // as text it would have a length of its own
      return reply.send(Readable.from([]));
    }
    // closes the file at its end, and when whoever asked is gone
    return reply.send(file.createReadStream({ start, end }));
  } catch (err) {
    await file.close().catch(() => undefined);
    throw err;
  }
}

/** Of several parts none is sent alone: the whole is. Errors: `api.bad-range`. */
function partOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (start >= size || start > end) throw new OffhookError('api.bad-range', { size });
  return { start, end };
}
