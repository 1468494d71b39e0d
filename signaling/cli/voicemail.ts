/** `offhook voicemail list|delete|export|pin`: works on the data folder, whether the server runs or not. */
import { constants } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { OffhookError } from '../errors';
import { pinDigest } from '../pin';
import { openStore, type Store, type VoiceMessage } from '../store/store';
import { voicemailFolder } from '../voicemail-folder';
import { columns } from './columns';
import type { Context } from './context';
import { addSettingOptions, configFor, type SettingOptions } from './settings';

interface VoicemailOptions extends SettingOptions {
  clear?: boolean;
  json?: boolean;
}

export function addVoicemailCommands(program: Command, context: Context): void {
  const group = program.command('voicemail').description('messages in mailboxes; works whether the server runs or not').helpCommand(false);

  const list = group.command('list <number>').description('list the messages of an extension, the oldest first');
  list.action((number: string, options: VoicemailOptions) => runList(context, number, options));

  const remove = group.command('delete <number> <id>').description('delete a message');
  remove.action((number: string, id: string, options: VoicemailOptions) => runDelete(context, number, id, options));

  const copy = group.command('export <number> <id> <file>').description('copy the recording of a message to a new WAV file');
  copy.action((number: string, id: string, file: string, options: VoicemailOptions) => runExport(context, number, id, file, options));

  const pin = group.command('pin <number> [pin]').description('set the PIN of a mailbox, or take it away with --clear; a new one also ends a lock-out');
  pin.option('--clear', 'no PIN: only the own phone reaches the mailbox');
  pin.action((number: string, value: string | undefined, options: VoicemailOptions) => runPin(context, number, value, options));

  for (const command of [list, remove, copy, pin]) {
    command.option('--json', 'answer in JSON');
    addSettingOptions(command, ['data']);
  }
}

async function runList(context: Context, number: string, options: VoicemailOptions): Promise<void> {
  await withStore(context, options, async (store, data) => {
    await existing(store, number);
    const messages = await store.voicemail.list({ mailbox: number });
    if (options.json) context.out(json(messages.map((one) => messageJson(one, data))));
    else if (messages.length === 0) context.out(`The mailbox of ${number} is empty.\n`);
    else context.out(columns([['ID', 'STATE', 'FROM', 'NAME', 'RECEIVED', 'LENGTH'], ...messages.map(row)]));
  });
}

async function runDelete(context: Context, number: string, id: string, options: VoicemailOptions): Promise<void> {
  await withStore(context, options, async (store, data) => {
    const message = await messageOf(store, number, id);
    await store.voicemail.remove(number, message.id);
    await rm(join(voicemailFolder(data, number), message.file), { force: true });
    context.out(options.json ? json({ number, id: message.id, deleted: true }) : `Message ${message.id} of ${number} was deleted.\n`);
  });
}

async function runExport(context: Context, number: string, id: string, file: string, options: VoicemailOptions): Promise<void> {
  await withStore(context, options, async (store, data) => {
    const message = await messageOf(store, number, id);
    const target = resolve(context.cwd ?? process.cwd(), file);
    try {
      await copyFile(join(voicemailFolder(data, number), message.file), target, constants.COPYFILE_EXCL);
    } catch (error) {
      const { code, message: reason } = error as NodeJS.ErrnoException;
      throw new OffhookError('mailbox.bad-file', { file: target, reason: code === 'EEXIST' ? 'it is there already' : reason }, { cause: error });
    }
    context.out(options.json ? json({ number, id: message.id, file: target }) : `Message ${message.id} of ${number} is in ${target}\n`);
  });
}

async function runPin(context: Context, number: string, pin: string | undefined, options: VoicemailOptions): Promise<void> {
  if ((pin === undefined) !== (options.clear === true)) throw new OffhookError('command.usage', { problem: 'Name either a PIN of 4 to 10 digits, or --clear.' });
  const digest = pin === undefined ? null : await pinDigest(pin, context.random);
  await withStore(context, options, async (store) => {
    await store.voicemail.set(number, { pin: digest });
    if (options.json) context.out(json({ number, pin: digest !== null }));
    else context.out(digest === null ? `The mailbox of ${number} has no PIN any more.\n` : `The PIN of ${number} was set.\n`);
  });
}

function row({ id, state, from, fromName, receivedAt, durationMs }: VoiceMessage): string[] {
  return [String(id), state, from, fromName ?? '', new Date(receivedAt).toISOString(), state === 'recording' ? '' : `${(durationMs / 1000).toFixed(0)} s`];
}

function messageJson({ id, state, from, fromName, receivedAt, durationMs, file, mailbox }: VoiceMessage, data: string): Record<string, unknown> {
  return { id, state, from, fromName, receivedAt: new Date(receivedAt).toISOString(), durationMs, file: join(voicemailFolder(data, mailbox), file) };
}

async function withStore(context: Context, options: VoicemailOptions, work: (store: Store, data: string) => Promise<void>): Promise<void> {
  const { data } = configFor(options, context);
  const store = await openStore({ dataDir: data, create: false, clock: context.clock });
  try {
    await work(store, data);
  } finally {
    await store.close();
  }
}

async function existing(store: Store, number: string): Promise<void> {
  if (!(await store.extensions.get(number))) throw new OffhookError('store.not-found', { number });
}

async function messageOf(store: Store, number: string, id: string): Promise<VoiceMessage> {
  await existing(store, number);
  const message = /^\d{1,15}$/.test(id) ? await store.voicemail.get(number, Number(id)) : undefined;
  if (!message) throw new OffhookError('mailbox.no-message', { number, id });
  return message;
}

function json(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
