/** `offhook token add|list|remove`: what programs show to ask the API; works on the data folder, whether the server runs or not. */
import { type Command, Option } from 'commander';
import { scopes, type Scope } from '../api/access';
import { OffhookError } from '../errors';
import { openStore, type Store } from '../store/store';
import { newToken, tokenDigest } from '../token';
import { columns } from './columns';
import type { Context } from './context';
import { addSettingOptions, configFor, type SettingOptions } from './settings';
import { toTheSecond } from './times';

interface TokenOptions extends SettingOptions {
  scope?: Scope;
  json?: boolean;
}

export function addTokenCommands(program: Command, context: Context): void {
  const group = program.command('token').description('what programs show to ask the HTTP API (serve --http); works whether the server runs or not').helpCommand(false);
  const add = group.command('add <name>').description('make a token, and show it once');
  add.addOption(new Option('--scope <scope>', 'what may be done with it: look, change things, or everything').choices(scopes).default('read'));
  add.action((name: string, options: TokenOptions) => runAdd(context, name, options));
  const list = group.command('list').description('list the tokens');
  list.action((options: TokenOptions) => runList(context, options));
  const remove = group.command('remove <name>').description('remove a token: whoever shows it is refused from now on');
  remove.action((name: string, options: TokenOptions) => runRemove(context, name, options));
  for (const command of [add, list, remove]) {
    command.option('--json', 'answer in JSON');
    addSettingOptions(command, ['data']);
  }
}

async function runAdd(context: Context, name: string, { scope = 'read', ...options }: TokenOptions): Promise<void> {
  checkName(name);
  const token = newToken(context.random);
  const createdAt = context.clock.wall().getTime();
  await withStore(context, options, async (store) => {
    await store.tokens.add({ name, scope, digest: tokenDigest(token), createdAt });
    if (options.json) context.out(json({ name, scope, createdAt: new Date(createdAt).toISOString(), token }));
    else context.out(`Token ${name} was made. It is shown now and never again:\n\n    ${token}\n\nPrograms show it as “Authorization: Bearer ${token.slice(0, 12)}…”.\n`);
  });
}

async function runList(context: Context, options: TokenOptions): Promise<void> {
  await withStore(context, options, async (store) => {
    const tokens = (await store.tokens.list()).map(({ name, scope, createdAt }) => ({ name, scope, createdAt: new Date(createdAt).toISOString() }));
    if (options.json) context.out(json(tokens));
    else if (tokens.length === 0) context.out('There are no tokens. Make one: offhook token add NAME\n');
    else context.out(columns([['NAME', 'SCOPE', 'MADE'], ...tokens.map(({ name, scope, createdAt }) => [name, scope, toTheSecond(createdAt)])]));
  });
}

async function runRemove(context: Context, name: string, options: TokenOptions): Promise<void> {
  await withStore(context, options, async (store) => {
    if (!(await store.tokens.remove(name))) throw new OffhookError('store.token-not-found', { name });
    context.out(options.json ? json({ name, removed: true }) : `Token ${name} was removed.\n`);
  });
}

async function withStore(context: Context, options: TokenOptions, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore({ dataDir: configFor(options, context).data, create: false, clock: context.clock });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

/** Errors: `token.bad-name`. */
function checkName(name: string): void {
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._ -]{0,63}$/u.test(name)) throw new OffhookError('token.bad-name', { name });
}

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;
