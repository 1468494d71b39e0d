/** `offhook records list|show|export`: works on the data folder, whether the server runs or not. */
import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { OffhookError } from '../errors';
import { csvOf } from '../records-csv';
import { openStore, type CallFilter, type CallRow, type Store } from '../store/store';
import type { Context } from './context';
import { recordDetails, recordJson, recordTable } from './records-output';
import { addSettingOptions, configFor, type SettingOptions } from './settings';
import { timeOf } from './times';

interface RecordsOptions extends SettingOptions {
  from?: string;
  to?: string;
  number?: string;
  since?: string;
  until?: string;
  cause?: string;
  answered?: boolean;
  unanswered?: boolean;
  service?: string;
  text?: string;
  limit?: string;
  json?: boolean;
}

export function addRecordsCommands(program: Command, context: Context): void {
  const group = program.command('records').description('records of calls that ended; works whether the server runs or not').helpCommand(false);
  const list = filtered(group.command('list').description('list calls, the newest first')).option('--limit <count>', 'at most so many', '50');
  list.action((options: RecordsOptions) => runList(context, options));
  const show = group.command('show <id>').description('show what is known of a call: its phones, how it sounded, why it ended');
  show.action((id: string, options: RecordsOptions) => runShow(context, id, options));
  const give = filtered(group.command('export [file]').description('all of them as a table, to a file or the screen; nothing is overwritten')).option('--csv', 'as CSV (RFC 4180), which is the default');
  give.action((file: string | undefined, options: RecordsOptions) => runExport(context, file, options));
  for (const command of [list, show]) command.option('--json', 'answer in JSON');
  for (const command of [list, show, give]) addSettingOptions(command, ['data']);
}

function filtered(command: Command): Command {
  return command
    .option('--from <number>', 'from this number')
    .option('--to <number>', 'to this number')
    .option('--number <number>', 'from or to this number')
    .option('--since <when>', 'begun since then: 2026-11-23, 2026-11-23T14:15Z, or 90m, 12h, 7d ago')
    .option('--until <when>', 'begun before that')
    .option('--cause <cause>', 'that ended so: hung-up, busy, no-answer…')
    .option('--answered', 'that were answered')
    .option('--unanswered', 'that were not')
    .option('--service <name>', 'that this service had')
    .option('--text <text>', 'with this somewhere in it');
}

function filterOf({ from, to, number, since, until, cause, answered, unanswered, service, text }: RecordsOptions, { clock }: Context): CallFilter {
  if (answered && unanswered) throw new OffhookError('command.usage', { problem: '--answered and --unanswered leave nothing.' });
  const at = (option: string, value: string | undefined): number | undefined => (value === undefined ? undefined : timeOf(option, value, clock.wall().getTime()));
  return { from, to, number, since: at('--since', since), until: at('--until', until), cause, answered: answered ? true : unanswered ? false : undefined, service, text };
}

async function runList(context: Context, options: RecordsOptions): Promise<void> {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1) throw new OffhookError('command.usage', { problem: `--limit is “${options.limit}”, but must be a whole number from 1.` });
  const filter = filterOf(options, context);
  await withStore(context, options, async ({ records }) => {
    const rows = await records.list({ ...filter, limit });
    context.out(options.json ? `${JSON.stringify(rows.map(recordJson))}\n` : recordTable(rows));
  });
}

async function runShow(context: Context, id: string, options: RecordsOptions): Promise<void> {
  await withStore(context, options, async ({ records }) => {
    const row = await records.get(id);
    if (!row) throw new OffhookError('record.not-found', { id });
    context.out(options.json ? `${JSON.stringify(recordJson(row))}\n` : recordDetails(row));
  });
}

async function runExport(context: Context, file: string | undefined, options: RecordsOptions): Promise<void> {
  const filter = filterOf(options, context);
  await withStore(context, options, async ({ records }) => {
    const lines = csvOf((behind: Pick<CallRow, 'startedAt' | 'id'> | undefined, limit) => records.list({ ...filter, behind, limit }));
    if (file === undefined) {
      for await (const text of lines) context.out(text);
      return;
    }
    const target = resolve(context.cwd ?? process.cwd(), file);
    try {
      await pipeline(Readable.from(lines), createWriteStream(target, { flags: 'wx', mode: 0o600 }));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new OffhookError('record.not-exported', { file: target, reason: code === 'EEXIST' ? 'there is a file of that name already' : code === 'ENOENT' ? 'the folder does not exist' : message }, { cause: error });
    }
    context.out(`${target}\n`);
  });
}

async function withStore(context: Context, options: RecordsOptions, work: (store: Store) => Promise<void>): Promise<void> {
  const { data } = configFor(options, context);
  const store = await openStore({ dataDir: data, create: false, clock: context.clock });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}
