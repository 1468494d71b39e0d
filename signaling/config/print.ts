/** The table of settings for people: the help, the sample file, the settings in force. */
import type { LoadedSettings } from './load';
import { type Row, rows, type Settings } from './settings';

/** What `offhook serve --help` says about settings. */
export function settingsHelp(): string {
  const width = Math.max(...rows.map((row) => row.key.length)) + 2;
  const lines = rows.map((row) => `  ${row.key.padEnd(width)}${row.setting.help} [${defaultText(row)}]`);
  return [
    'Settings, each by --set KEY=VALUE, by an environment variable (sip.listen: OFFHOOK_SIP_LISTEN) or in a configuration file',
    '(“offhook config --sample” prints one), in this order of precedence; the default in [brackets]:',
    '',
    ...lines,
  ].join('\n');
}

/** A configuration file in which every setting stands commented out with its default. */
export function sampleFile(): string {
  const lines = [
    "# Offhook's settings with their defaults: remove the # before a line to change it.",
    '# Flags and environment variables (named in brackets) come before this file.',
  ];
  let group: string | undefined;
  for (const row of rows) {
    if (row.group !== group) lines.push('', `${row.group}:`);
    group = row.group;
    const indent = row.group ? '  ' : '';
    lines.push(`${indent}# ${row.setting.help}; ${row.setting.kind.allowed} [${row.env}]`);
    lines.push(`${indent}#${nameOf(row)}: ${yaml(row.setting.kind.write(row.setting.default))}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The settings in force as a configuration file, each with where it came from; secrets hidden. */
export function effectiveFile(loaded: LoadedSettings): string {
  const lines: string[] = [];
  let group: string | undefined;
  for (const row of rows) {
    if (row.group !== group) lines.push(`${row.group}:`);
    group = row.group;
    const value = row.group ? (loaded.settings as unknown as Record<string, Record<string, unknown>>)[row.group]?.[nameOf(row)] : loaded.settings.data;
    const text = row.setting.secret && value !== null ? '"(hidden)"' : yaml(row.setting.kind.write(value));
    lines.push(`${row.group ? '  ' : ''}${nameOf(row)}: ${text} # ${loaded.origins.get(row.key)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** As in a configuration file; secrets that are set are `true`. */
export interface SettingInForce {
  key: string;
  value: string | number | boolean | null | Array<string | number>;
  help: string;
}

export function inForce(settings: Settings): SettingInForce[] {
  return rows.map((row) => {
    const value = row.group ? (settings as unknown as Record<string, Record<string, unknown>>)[row.group]?.[nameOf(row)] : settings.data;
    return { key: row.key, value: row.setting.secret ? (value === null ? null : true) : (row.setting.kind.write(value) as SettingInForce['value']), help: row.setting.help };
  });
}

function defaultText(row: Row): string {
  const value = row.setting.kind.write(row.setting.default);
  const text = value === null ? 'none' : Array.isArray(value) ? value.join(',') : String(value);
  return row.setting.unit ? `${text} ${row.setting.unit}` : text;
}

function yaml(value: unknown): string {
  const { stringify } = require('yaml') as typeof import('yaml'); // loaded when settings are shown
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trim();
}

function nameOf(row: Row): string {
  return row.key.split('.').at(-1)!;
}
