/**
 * Configuration: the only door to settings, and the only place where `process.env` is read.
 *
 * The table of settings is `config/settings.ts`; the sources and their precedence are in `config/load.ts`.
 */
import { type ConfigSources, loadSettings, type LoadedSettings, strayVariables } from './config/load';
import { effectiveFile, inForce, sampleFile, type SettingInForce, settingsHelp } from './config/print';
import { rows, type Settings } from './config/settings';

export type { ConfigSources };
export { formatHostPort, type HostPort } from './config/kinds';

export interface DrachtioServer {
  host: string;
  port: number;
  secret: string;
}

/** Everything that can be set, checked. `data` is an absolute path; null stands for "none". */
export interface Config extends Omit<Settings, 'drachtio'> {
  /** The drachtio-server to use; null = the embedded engine. */
  drachtio: DrachtioServer | null;
}

/** Errors: `config.*`, each naming the setting, where the value came from, and what is allowed. */
export function loadConfig(sources: ConfigSources = {}): Config {
  const { drachtio, ...settings } = load(sources).settings;
  // `checks` have made sure that an address comes with a secret.
  return { ...settings, drachtio: drachtio.address && drachtio.secret ? { ...drachtio.address, secret: drachtio.secret } : null };
}

/** The settings in force as a configuration file, each with where it came from; secrets hidden. Errors as `loadConfig`. */
export function describeConfig(sources: ConfigSources = {}): string {
  return effectiveFile(load(sources));
}

/** Every setting of a server that runs with this. */
export function settingsInForce({ drachtio, ...settings }: Config): SettingInForce[] {
  return inForce({ ...settings, drachtio: drachtio ? { address: { host: drachtio.host, port: drachtio.port }, secret: drachtio.secret } : { address: null, secret: null } });
}

/** Environment variables that begin with OFFHOOK_ and name no setting. */
export function unknownVariables(env: ConfigSources['env'] = process.env): string[] {
  return strayVariables(env);
}

/** Settings with a flag of their own, for the command line. */
export function settingFlags(): Array<{ key: string; flag: string; help: string }> {
  return rows.flatMap(({ key, setting }) => (setting.flag ? [{ key, flag: setting.flag, help: setting.help }] : []));
}

export { sampleFile, settingsHelp };

function load(sources: ConfigSources): LoadedSettings {
  return loadSettings({ ...sources, env: sources.env ?? process.env });
}
