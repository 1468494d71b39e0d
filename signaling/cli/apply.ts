/** `offhook apply` and `offhook export`: everything that is set, as a file; whether the server runs or not. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { OffhookError } from '../errors';
import { openStore, type Store } from '../store/store';
import type { Context } from './context';
import { addSettingOptions, configFor, type SettingOptions } from './settings';

interface ApplyFlags extends SettingOptions {
  dryRun?: boolean;
  yes?: boolean;
  prune?: boolean;
  json?: boolean;
}

export function addApply(program: Command, context: Context): void {
  const apply = program.command('apply <file>').description('make extensions, rooms, groups, trunks… as a YAML file says, all of it or nothing; what is not in the file is left alone; “-” is standard input');
  apply.option('--dry-run', 'only show what would be changed').option('--yes', 'do not ask');
  apply.option('--prune', 'remove what the file does not have, of the kinds that it has').option('--json', 'answer in JSON');
  addSettingOptions(apply, ['data']).action((file: string, options: ApplyFlags) => runApply(context, file, options));

  const give = program.command('export').description('write everything that is set as a file that “offhook apply” takes');
  give.option('--secrets', 'with PINs and passwords, those of extensions as digests');
  addSettingOptions(give, ['data']).action((options: SettingOptions & { secrets?: boolean }) => runExport(context, options));
}

async function runApply(context: Context, name: string, options: ApplyFlags): Promise<void> {
  // all of this is loaded for these commands only
  const { readDocument } = require('../apply/document') as typeof import('../apply/document');
  const { applyFile, Refused } = require('../apply/plan') as typeof import('../apply/plan');
  const { changesJson, changesText } = require('../apply/show') as typeof import('../apply/show');
  const { everything } = require('../settings/everything') as typeof import('../settings/everything');
  const { removeFiles } = require('../settings/leftovers') as typeof import('../settings/leftovers');
  const config = configFor(options, context);
  const file = readDocument(textOf(name, context), everything);
  const made = (keep: (shown: string) => boolean) => async (store: Store) => {
    const { prune = false } = options;
    try {
      return await applyFile(store, file, {
        kinds: everything, prune, random: context.random, realm: config.sip.realm, now: context.clock.wall().getTime(), keep: (changes) => keep(changesText(changes)),
      });
    } catch (err) {
      if (!(err instanceof Refused)) throw err;
      throw new OffhookError('apply.refused', { file: name, problems: err.wrong.map(({ line, problem }) => `\n  ${line > 0 ? `${name}:${line}: ` : ''}${problem}`).join('') }, { cause: err });
    }
  };
  await withStore(context, config.data, true, async (store) => {
    const planned = await made(() => false)(store);
    const shown = changesText(planned);
    if (!options.json) context.out(shown);
    if (options.dryRun || planned.length === 0 || !(options.yes || options.json || (await context.confirm?.('Make it so?')) !== false)) {
      if (options.json) context.out(json({ changes: changesJson(planned.map((change) => ({ ...change, made: undefined }))), applied: false }));
      else if (planned.length > 0) context.out('Nothing was changed.\n');
      return;
    }
    let asShown = false;
    const done = await made((now) => (asShown = now === shown))(store);
    if (!asShown) throw new OffhookError('apply.changed', { file: name });
    for (const { kind, key, after } of done) if (after === undefined) await removeFiles(config.data)(kind, key);
    if (options.json) context.out(json({ changes: changesJson(done), applied: true }));
    else for (const { kind, key, made: secrets = {} } of done) for (const [field, secret] of Object.entries(secrets)) context.out(`${kind.name} ${key}: ${field} (shown only now): ${String(secret)}\n`);
  });
}

async function runExport(context: Context, options: SettingOptions & { secrets?: boolean }): Promise<void> {
  const { exportText } = require('../apply/export') as typeof import('../apply/export');
  const { everything } = require('../settings/everything') as typeof import('../settings/everything');
  await withStore(context, configFor(options, context).data, false, async (store) => context.out(await store.transaction((parts) => exportText(parts, everything, { secrets: options.secrets ?? false }))));
}

async function withStore(context: Context, dataDir: string, create: boolean, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ dataDir, create, clock: context.clock });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

/** Errors: `apply.unreadable`. */
function textOf(name: string, context: Context): string {
  try {
    return readFileSync(name === '-' ? 0 : resolve(context.cwd ?? process.cwd(), name), 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reasons: Record<string, string> = { ENOENT: 'there is none', EISDIR: 'it is a folder', EACCES: 'permission denied' };
    throw new OffhookError('apply.unreadable', { file: name, reason: reasons[code ?? ''] ?? message }, { cause: error });
  }
}

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;
