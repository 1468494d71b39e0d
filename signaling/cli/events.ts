/** `offhook events`: what happens in the running server, as it happens. */
import type { Command } from 'commander';
import { connect } from 'node:net';
import { OffhookError } from '../errors';
import type { Context } from './context';
import { refusedWith, unreached, withOperator } from './operator';
import { addSettingOptions, configFor, type SettingOptions } from './settings';

interface Options extends SettingOptions {
  type?: string;
  since?: string;
  json?: boolean;
  count?: string;
}

interface Told {
  id?: number;
  type: string;
  time?: string;
  tenant?: string;
  missed?: boolean;
  data?: Record<string, unknown>;
}

export function addEvents(program: Command, context: Context): void {
  const command = program
    .command('events')
    .description('what happens in the running server, as it happens: calls, registrations, voicemail, queues, trunks, alarms')
    .option('--type <types>', 'only these: call.ended, or call for all of calls; several with commas. Keys (dtmf) are told only by name')
    .option('--since <id>', 'also what was told after the event of this id')
    .option('--count <number>', 'end after so many')
    .option('--json', 'a line of JSON each');
  addSettingOptions(command, ['data']).action((options: Options) => follow(context, options));
}

/** Until the person ends it, or the server does. Errors: `server.not-running`, `server.refused`, `server.unreachable`. */
async function follow(context: Context, options: Options): Promise<void> {
  const folder = configFor(options, context).data;
  const { WebSocket } = require('ws') as typeof import('ws');
  const query = new URLSearchParams({ ...(options.type !== undefined && { type: options.type }), ...(options.since !== undefined && { since: options.since }) });
  let left = options.count === undefined ? Infinity : Number(options.count);
  if (!(left >= 1)) throw new OffhookError('events.bad-count', { count: options.count ?? '' });
  await withOperator(folder, (path) => new Promise<void>((resolve, reject) => {
    const socket = new WebSocket(`ws://offhook/api/v1/events?${query.toString()}`, { createConnection: () => connect(path) });
    socket.on('message', (message: Buffer) => {
      const event = JSON.parse(message.toString()) as Told;
      if (event.type === 'hello') {
        if (event.missed) context.err('offhook: some events since then are not remembered any more.\n');
        return;
      }
      if (left-- <= 0) return;
      context.out(options.json ? `${message.toString()}\n` : eventLine(event));
      if (left <= 0) socket.close();
    });
    socket.on('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        try {
          reject(refusedWith(JSON.parse(Buffer.concat(chunks).toString()) as { detail?: string }, response.statusCode));
        } catch (error) {
          reject(unreached(new Error('its answer cannot be read', { cause: error }), folder));
        }
      });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => reject(unreached(error, folder)));
    socket.on('close', (code, reason) => (left <= 0 || code === 1001 ? resolve() : reject(unreached(new Error(reason.toString() || 'it closed the connection'), folder))));
  }));
}

/** `2026-11-24T08:00:00.123Z call.ended  from=1001 to=1002` */
export function eventLine({ time = '', type, tenant = '', data = {} }: Told): string {
  const fields = Object.entries(data).filter(([, value]) => value !== null && value !== '');
  const shown = fields.map(([name, value]) => `${name}=${typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`);
  return `${[time, type.padEnd(14), ...(tenant === '' ? [] : [`[${tenant}]`]), ...shown].join(' ').trimEnd()}\n`;
}
