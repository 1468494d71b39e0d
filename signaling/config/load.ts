/**
 * Settings from their sources. Precedence: flags, then environment, then configuration file, then defaults.
 */
import { dirname, resolve } from 'node:path';
import { OffhookError } from '../errors';
import { checks } from './checks';
import { readConfigFile, unknownSetting } from './file';
import { type Row, rows, type Settings } from './settings';

export interface ConfigSources {
  /** Configuration file; default: the one that `OFFHOOK_CONFIG` names, or none. */
  file?: string | undefined;
  /** Raw values by key (`sip.listen`), as given on the command line. */
  flags?: Readonly<Record<string, string>> | undefined;
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Raw values by key that stand in for the table's defaults. */
  defaults?: Readonly<Record<string, string>> | undefined;
  /** What relative folders are relative to, except in a file, where it is the file's own folder. */
  cwd?: string | undefined;
}

export interface LoadedSettings {
  settings: Settings;
  /** Where each value came from: `--sip`, `OFFHOOK_SIP_LISTEN`, the file's path, `default`. */
  origins: ReadonlyMap<string, string>;
}

interface Given {
  raw: unknown;
  from: string;
  /** What a relative folder is relative to. */
  base: string;
}

/** Errors: `config.*`. */
export function loadSettings(sources: ConfigSources): LoadedSettings {
  const cwd = sources.cwd ?? process.cwd();
  const env = sources.env ?? {};
  const named = sources.file ?? (env['OFFHOOK_CONFIG'] || undefined);
  const path = named === undefined ? undefined : resolve(cwd, named);
  const file = path === undefined ? new Map<string, unknown>() : readConfigFile(path);
  for (const key of [...Object.keys(sources.flags ?? {}), ...Object.keys(sources.defaults ?? {})]) {
    if (!rows.some((row) => row.key === key)) throw unknownSetting(key, '--set');
  }

  const given = (row: Row): Given | undefined => {
    const flag = sources.flags?.[row.key];
    if (flag !== undefined) return { raw: flag, from: flagName(row), base: cwd };
    const variable = env[row.env];
    if (variable !== undefined) return { raw: variable, from: row.env, base: cwd };
    if (file.has(row.key)) return { raw: file.get(row.key), from: path!, base: dirname(path!) };
    const other = sources.defaults?.[row.key];
    return other === undefined ? undefined : { raw: other, from: 'default', base: cwd };
  };

  const origins = new Map<string, string>();
  const tree: Record<string, unknown> = {};
  for (const row of rows) {
    const found = given(row);
    const value = found ? parse(row, found) : row.setting.default;
    origins.set(row.key, found?.from ?? 'default');
    const group = row.group === undefined ? tree : ((tree[row.group] ??= {}) as Record<string, unknown>);
    group[row.key.split('.').at(-1)!] = absolute(row, value, found?.base ?? cwd);
  }
  const settings = tree as Settings;
  for (const check of checks) {
    const problem = check(settings);
    if (problem) throw new OffhookError('config.conflict', { problem });
  }
  return { settings, origins };
}

/** Settings that name files or folders. */
const paths: ReadonlySet<string> = new Set([
  'data', 'app.file', 'media.holdMusic', 'sip.tlsCertificates', 'sip.tlsKeys', 'sip.tlsAuthorities',
  'engine.tlsCertificate', 'engine.tlsKey', 'engine.tlsAuthorities', 'engine.handlerAuthorities',
]);

/** Made absolute here, since what it is relative to depends on where it was written. */
function absolute({ key }: Row, value: unknown, base: string): unknown {
  if (!paths.has(key) || value === null || (key === 'media.holdMusic' && value === 'default')) return value;
  return Array.isArray(value) ? value.map((one) => resolve(base, String(one))) : resolve(base, String(value));
}

/** Variables that look like ours and are not: a typing error, most likely. Those of the phone are its own. */
export function strayVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(['OFFHOOK_CONFIG', ...rows.map((row) => row.env)]);
  return Object.keys(env).filter((name) => name.startsWith('OFFHOOK_') && !name.startsWith('OFFHOOK_PHONE_') && !known.has(name)).sort();
}

function parse(row: Row, given: Given): unknown {
  const result = row.setting.kind.schema.safeParse(given.raw);
  if (result.success) return result.data;
  throw new OffhookError('config.bad-value', {
    setting: row.key,
    value: row.setting.secret ? '(hidden)' : shown(given.raw),
    source: given.from,
    allowed: row.setting.kind.allowed,
  });
}

function shown(raw: unknown): string {
  if (raw === null || raw === undefined || raw === '') return 'empty';
  return typeof raw === 'string' ? `“${raw}”` : JSON.stringify(raw);
}

function flagName(row: Row): string {
  return row.setting.flag?.split(' ')[0] ?? '--set';
}
