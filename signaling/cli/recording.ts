/** `offhook recording list|show|export|remove`: works on the data folder, whether the server runs or not. */
import { constants } from 'node:fs';
import { copyFile, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { OffhookError } from '../errors';
import { openStore, type Recording, type Store } from '../store/store';
import type { Context } from './context';
import { recordingDetails, recordingJson, recordingTable } from './recording-output';
import { addSettingOptions, configFor, type SettingOptions } from './settings';
import { timeOf } from './times';

interface RecordingOptions extends SettingOptions {
  from?: string;
  to?: string;
  since?: string;
  json?: boolean;
}

export function addRecordingCommands(program: Command, context: Context): void {
  const group = program.command('recording').description('recorded calls; works whether the server runs or not').helpCommand(false);

  const list = group.command('list').description('list recorded calls, the newest first');
  list.option('--from <number>', 'of calls from this number').option('--to <number>', 'of calls to this number');
  list.option('--since <when>', 'begun since then: 2026-11-23, 2026-11-23T14:15Z, or 90m, 12h, 7d ago');
  list.action((options: RecordingOptions) => runList(context, options));

  const show = group.command('show <id>').description('show what is known of a recording');
  show.action((id: string, options: RecordingOptions) => runShow(context, id, options));

  const give = group.command('export <id> [file]').description('copy a recording into this folder, or to a file; nothing is overwritten');
  give.action((id: string, file: string | undefined, options: RecordingOptions) => runExport(context, id, file, options));

  const remove = group.command('remove <id...>').description('remove recordings, with their files');
  remove.action((ids: string[], options: RecordingOptions) => runRemove(context, ids, options));

  for (const command of [list, show, give, remove]) {
    command.option('--json', 'answer in JSON');
    addSettingOptions(command, ['data']);
  }
}

async function runList(context: Context, options: RecordingOptions): Promise<void> {
  const since = options.since === undefined ? undefined : timeOf('--since', options.since, context.clock.wall().getTime());
  await withStore(context, options, async (store, data) => {
    const recordings = await store.recordings.list({ from: options.from, to: options.to, since });
    context.out(options.json ? json(recordings.map((one) => recordingJson(one, data))) : recordingTable(recordings));
  });
}

async function runShow(context: Context, id: string, options: RecordingOptions): Promise<void> {
  await withStore(context, options, async (store, data) => {
    const recording = await existing(store, id);
    context.out(options.json ? json(recordingJson(recording, data)) : recordingDetails(recording, data));
  });
}

async function runExport(context: Context, id: string, target: string | undefined, options: RecordingOptions): Promise<void> {
  await withStore(context, options, async (store, data) => {
    const { file } = await existing(store, id);
    const source = join(data, file);
    const cwd = context.cwd ?? process.cwd();
    const wanted = resolve(cwd, target ?? '.');
    const to = (await isFolder(wanted)) ? join(wanted, basename(file)) : wanted;
    try {
      await copyFile(source, to, constants.COPYFILE_EXCL);
    } catch (error) {
      throw new OffhookError('recording.not-exported', { id, file: to, reason: await copyProblem(error, source, to) }, { cause: error });
    }
    context.out(options.json ? json({ id, file: to }) : `${to}\n`);
  });
}

async function runRemove(context: Context, ids: readonly string[], options: RecordingOptions): Promise<void> {
  await withStore(context, options, async (store, data) => {
    // all of them are looked at before the first one goes
    const recordings = [];
    for (const id of new Set(ids)) {
      const recording = await existing(store, id);
      if (recording.state === 'recording') throw new OffhookError('recording.running', { id });
      recordings.push(recording);
    }
    for (const { id, file } of recordings) {
      try {
        await rm(join(data, file), { force: true });
      } catch (error) {
        throw new OffhookError('recording.not-removed', { id, reason: error instanceof Error ? error.message : String(error) }, { cause: error });
      }
      await store.recordings.remove(id);
      if (!options.json) context.out(`Recording ${id} was removed.\n`);
    }
    if (options.json) context.out(json(recordings.map(({ id }) => ({ id, removed: true }))));
  });
}

async function withStore(context: Context, options: RecordingOptions, work: (store: Store, data: string) => Promise<void>): Promise<void> {
  const { data } = configFor(options, context);
  const store = await openStore({ dataDir: data, create: false, clock: context.clock });
  try {
    await work(store, data);
  } finally {
    await store.close();
  }
}

async function existing(store: Store, id: string): Promise<Recording> {
  const recording = await store.recordings.get(id);
  if (!recording) throw new OffhookError('recording.not-found', { id });
  return recording;
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

async function copyProblem(error: unknown, source: string, to: string): Promise<string> {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') return 'there is a file of that name already';
  if (code === 'ENOENT') return (await stat(source).catch(() => undefined)) === undefined ? `its own file ${source} is gone` : 'the folder does not exist';
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'EACCES' || code === 'EPERM') return `one of ${source} and ${to} may not be used by this user`;
  return message;
}

function json(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
