/** `offhook prompt add|list|remove`: sounds that menus play; works on the data folder, whether the server runs or not. */
import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadWav, WavError } from '../../media/file/wav';
import { OffhookError } from '../errors';
import { isPromptFile, promptsFolder } from '../prompt-folder';
import { columns } from './columns';
import type { Context } from './context';
import { addSettingOptions, configFor, type SettingOptions } from './settings';

interface PromptOptions extends SettingOptions {
  name?: string;
  json?: boolean;
}

interface Prompt {
  name: string;
  seconds: number | null;
  /** Why it cannot be played. */
  problem: string | null;
}

export function addPromptCommands(program: Command, context: Context): void {
  const group = program.command('prompt').description('sounds that menus play; works whether the server runs or not').helpCommand(false);
  const add = group.command('add <file>').description('check a WAV file and copy it to where menus find it; one of that name is replaced');
  add.option('--name <name>', 'what menus call it (default: the name of the file)');
  add.action((file: string, options: PromptOptions) => runAdd(context, file, options));
  const list = group.command('list').description('list the sounds');
  list.action((options: PromptOptions) => runList(context, options));
  const remove = group.command('remove <name>').description('remove a sound; menus go on without it');
  remove.action((name: string, options: PromptOptions) => runRemove(context, name, options));
  for (const command of [add, list, remove]) {
    command.option('--json', 'answer in JSON');
    addSettingOptions(command, ['data']);
  }
}

async function runAdd(context: Context, file: string, options: PromptOptions): Promise<void> {
  const folder = promptsFolder(configFor(options, context).data);
  const from = resolve(context.cwd ?? '.', file);
  const name = options.name ?? basename(file);
  if (!isPromptFile(name)) throw new OffhookError('prompt.bad', { problem: `“${name}” cannot be the name of a sound: it must be letters, digits, dots, - and _, and end in .wav.` });
  const prompt = await look(from, name);
  if (prompt.problem !== null) throw new OffhookError('prompt.bad', { problem: prompt.problem });
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await copyFile(from, join(folder, name));
  } catch (err) {
    throw new OffhookError('prompt.bad', { problem: `${file} cannot be copied to ${folder}: ${err instanceof Error ? err.message : String(err)}.` });
  }
  context.out(options.json ? `${JSON.stringify(prompt)}\n` : `Menus can play ${name} now (${prompt.seconds} s).\n`);
}

async function runList(context: Context, options: PromptOptions): Promise<void> {
  const folder = promptsFolder(configFor(options, context).data);
  const names = (await readdir(folder).catch(() => [])).filter(isPromptFile).sort();
  const prompts = await Promise.all(names.map((name) => look(join(folder, name), name)));
  if (options.json) context.out(`${JSON.stringify(prompts)}\n`);
  else if (prompts.length === 0) context.out('There are no sounds yet; “offhook prompt add FILE” adds one.\n');
  else context.out(columns([['NAME', 'SECONDS', 'PROBLEM'], ...prompts.map(({ name, seconds, problem }) => [name, seconds === null ? '-' : String(seconds), problem ?? ''])]));
}

async function runRemove(context: Context, name: string, options: PromptOptions): Promise<void> {
  const path = join(promptsFolder(configFor(options, context).data), name);
  if (!isPromptFile(name) || !(await stat(path).catch(() => undefined))) throw new OffhookError('prompt.not-found', { name });
  await rm(path);
  context.out(options.json ? `${JSON.stringify({ name, removed: true })}\n` : `${name} was removed.\n`);
}

/** As the media plane would read it. */
async function look(path: string, name: string): Promise<Prompt> {
  try {
    const { pcm, sampleRate } = await loadWav(path);
    return { name, seconds: Math.round((pcm.length / sampleRate) * 10) / 10, problem: null };
  } catch (err) {
    if (!(err instanceof WavError)) throw err;
    return { name, seconds: null, problem: err.message };
  }
}
