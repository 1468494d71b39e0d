/**
 * `offhook group add|list|show|set|remove`, and the same of every kind in the catalogue; works on the data folder, whether the server runs or not.
 * Loaded when one of them, or the help, is asked for: it brings what checks settings.
 */
import type { Command } from 'commander';
import { itemText } from '../apply/export';
import { fieldsFrom } from '../apply/fields';
import { OffhookError } from '../errors';
import { anyKinds } from '../settings/catalogue';
import { SettingsDoor, type Stored } from '../settings/door';
import { everything } from '../settings/everything';
import { jsonSchemaOf } from '../settings/json-schema';
import type { AnyKind } from '../settings/kind';
import { withoutSecrets } from '../settings/secrets';
import { openStore } from '../store/store';
import { columns } from './columns';
import type { Context } from './context';
import { addSettingOptions, configFor, type SettingOptions } from './settings';

interface KindOptions extends SettingOptions {
  json?: boolean;
}

export function addKindCommands(program: Command, context: Context): void {
  for (const kind of anyKinds) addKind(program, context, kind);
}

function addKind(program: Command, context: Context, kind: AnyKind): void {
  const key = kind.key;
  const group = program.command(kind.name).description(`${kind.meaning}; works whether the server runs or not`).helpCommand(false);
  const withDoor = <T>(options: KindOptions, create: boolean, work: (door: SettingsDoor) => Promise<T>): Promise<T> => useDoor(context, options, create, work);
  const told = (options: KindOptions, value: unknown, text: string): void => context.out(options.json ? `${JSON.stringify(value)}\n` : text);
  const made = ({ made: secrets = {} }: Stored): string => Object.entries(secrets).map(([field, secret]) => `${field} (shown only now): ${String(secret)}\n`).join('');

  const add = group.command(`add <${key}> [field=value...]`).description(`add one; ${fieldList(kind)}`);
  add.action((one: string, fields: string[], options: KindOptions) =>
    withDoor(options, true, async (door) => {
      const stored = await door.add(kind, { ...fieldsFrom(kind, fields), [key]: one });
      told(options, shown(kind, stored), `${capital(kind.name)} ${one} was added.\n${made(stored)}`);
    }),
  );
  const list = group.command('list').description(`list the ${kind.plural}`);
  list.action((options: KindOptions) =>
    withDoor(options, false, async (door) => {
      const all = await door.list(kind);
      told(options, all.map((stored) => shown(kind, stored)), all.length === 0 ? `There are no ${kind.plural}. Add one: offhook ${kind.name} add ${key.toUpperCase()}\n` : table(kind, all));
    }),
  );
  const show = group.command(`show <${key}>`).description('show one, as a file for “offhook apply” has it');
  show.action((one: string, options: KindOptions) =>
    withDoor(options, false, async (door) => {
      const stored = await door.get(kind, one);
      if (!stored) throw new OffhookError('settings.not-found', { kind: kind.name, key: one });
      told(options, shown(kind, stored), itemText(kind, stored.value));
    }),
  );
  const set = group.command(`set <${key}> <field=value...>`).description(`change fields of one; “field=” gives its default. ${fieldList(kind)}`);
  set.action((one: string, fields: string[], options: KindOptions) =>
    withDoor(options, false, async (door) => {
      const stored = await door.patch(kind, one, fieldsFrom(kind, fields));
      told(options, shown(kind, stored), `${capital(kind.name)} ${one} was changed.\n${made(stored)}`);
    }),
  );
  const remove = group.command(`remove <${key}>`).description('remove one');
  remove.action((one: string, options: KindOptions) =>
    withDoor(options, false, async (door) => {
      if (!(await door.remove(kind, one))) throw new OffhookError('settings.not-found', { kind: kind.name, key: one });
      told(options, { [key]: one, removed: true }, `${capital(kind.name)} ${one} was removed.\n`);
    }),
  );
  for (const command of [add, list, show, set, remove]) {
    command.option('--json', 'answer in JSON');
    addSettingOptions(command, ['data']);
  }
}

async function useDoor<T>(context: Context, options: KindOptions, create: boolean, work: (door: SettingsDoor) => Promise<T>): Promise<T> {
  const config = configFor(options, context);
  const store = await openStore({ dataDir: config.data, create, clock: context.clock });
  try {
    return await work(new SettingsDoor(store, everything, { clock: context.clock, random: context.random, realm: config.sip.realm }));
  } finally {
    await store.close();
  }
}

const shown = (kind: AnyKind, { value, made }: Stored): object => ({ ...withoutSecrets(kind, value), ...made });

const fieldList = (kind: AnyKind): string => `its fields: ${Object.keys(jsonSchemaOf(kind).properties ?? {}).filter((name) => name !== kind.key).join(', ')}`;

/** The key, and what is set, shortly. */
function table(kind: AnyKind, all: readonly Stored[]): string {
  const fields = Object.keys(jsonSchemaOf(kind).properties ?? {}).filter((name) => name !== kind.key && !kind.secrets?.includes(name)).slice(0, 5);
  const cell = (value: unknown): string => {
    const text = value === undefined || value === null ? '' : typeof value === 'string' ? value : Array.isArray(value) && value.every((one) => typeof one !== 'object') ? value.join(',') : JSON.stringify(value);
    return text.length > 32 ? `${text.slice(0, 31)}…` : text;
  };
  return columns([[kind.key, ...fields].map((name) => name.toUpperCase()), ...all.map(({ key, value }) => [key, ...fields.map((name) => cell(value[name]))])]);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
