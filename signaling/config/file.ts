/** A configuration file (YAML, of which JSON is a part) as a list of `key → raw value`, with unknown keys refused. */
import { readFileSync } from 'node:fs';
import { OffhookError } from '../errors';
import { nearest } from './nearest';
import { rows } from './settings';

/** Errors: `config.unreadable-file`, `config.bad-file`, `config.unknown-setting`. */
export function readConfigFile(path: string): Map<string, unknown> {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new OffhookError('config.unreadable-file', { file: path, reason: fileReason(error) }, { cause: error });
  }
  const { parseDocument } = require('yaml') as typeof import('yaml'); // loaded when there is such a file
  const document = parseDocument(content);
  const problem = document.errors[0];
  if (problem) throw badFile(path, problem.message.split('\n')[0]!.replace(/:$/, ''));
  return flatten(path, document.toJS() as unknown);
}

function flatten(path: string, tree: unknown): Map<string, unknown> {
  const found = new Map<string, unknown>();
  if (tree === null || tree === undefined) return found;
  if (!isMapping(tree)) throw badFile(path, 'it must hold settings as KEY: VALUE');
  const groups = new Set(rows.map((row) => row.group));
  for (const [name, value] of Object.entries(tree)) {
    if (rows.some((row) => row.key === name && !row.group)) found.set(name, value);
    else if (!groups.has(name)) throw unknownSetting(name, path);
    // A group whose settings are all commented out reads as null.
    else if (value === null) continue;
    else if (!isMapping(value)) throw badFile(path, `${name} must hold settings of its own, indented below it`);
    else for (const [inner, one] of Object.entries(value)) found.set(`${name}.${inner}`, one);
  }
  for (const key of found.keys()) if (!rows.some((row) => row.key === key)) throw unknownSetting(key, path);
  return found;
}

/** The error for a key that is not in the table, naming the nearest that is. */
export function unknownSetting(key: string, source: string): OffhookError {
  const groups = [...new Set(rows.flatMap((row) => row.group ?? []))];
  const near = nearest(key, [...rows.map((row) => row.key), ...(key.includes('.') ? [] : groups)]) ?? sameName(key);
  const hint = near ? `Did you mean ${near}?` : '“offhook config” lists them all.';
  return new OffhookError('config.unknown-setting', { setting: key, source, hint });
}

/** A setting of this name in another group: `maxContacts` for `registrar.maxContacts`. */
function sameName(key: string): string | undefined {
  const name = key.split('.').at(-1);
  return rows.find((row) => row.group && row.key.split('.')[1] === name)?.key;
}

function badFile(file: string, reason: string): OffhookError {
  return new OffhookError('config.bad-file', { file, reason });
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fileReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a folder';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return (error as Error).message;
}
