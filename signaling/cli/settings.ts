/** Settings on the command line: `--config`, the flags of the table of settings, and `--set KEY=VALUE`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Config, type ConfigSources, loadConfig, settingFlags } from '../config';
import type { Context } from './context';

export interface SettingOptions {
  config?: string;
  set?: Readonly<Record<string, string>>;
  [flag: string]: unknown;
}

/** Adds the options; `only` names the settings that get a flag of their own (all that have one, when left out). */
export function addSettingOptions(command: Command, only?: readonly string[]): Command {
  command.option('--config <file>', 'configuration file (YAML or JSON)');
  for (const { key, flag, help } of settingFlags()) {
    if (!only || only.includes(key)) command.addOption(new Option(flag, help));
  }
  return command.option('--set <key=value>', 'any setting, e.g. --set registrar.maxContacts=3 (repeatable)', collect, {});
}

/** Where `loadConfig` is to look for a command that was called with these options. */
export function configSources(options: SettingOptions, context: Context): ConfigSources {
  const flags: Record<string, string> = { ...options.set };
  for (const { key, flag } of settingFlags()) {
    const value = options[new Option(flag).attributeName()];
    if (typeof value === 'string') flags[key] = value;
  }
  return { file: options.config, flags, env: context.env, cwd: context.cwd, defaults: context.defaults };
}

/** Errors: `config.*`. */
export function configFor(options: SettingOptions, context: Context): Config {
  return loadConfig(configSources(options, context));
}

function collect(text: string, before: Record<string, string>): Record<string, string> {
  const [, key, value] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('It must be KEY=VALUE.');
  return { ...before, [key]: value };
}
