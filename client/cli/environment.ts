/** What the phone takes from the environment; the only place in `client/cli` where it is read. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface PhoneEnvironment {
  /** OFFHOOK_PHONE_PASSWORD: other users of the machine do not see it, as they would see an argument. */
  password: string | undefined;
  /** NO_COLOR is set (https://no-color.org), or the terminal has none. */
  colour: boolean;
  /** The terminal shows more than ASCII. */
  unicode: boolean;
  /** Where history and contacts are kept. */
  dataFolder: string;
}

export function phoneEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): PhoneEnvironment {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const data = env['XDG_DATA_HOME'];
  return {
    password: env['OFFHOOK_PHONE_PASSWORD'],
    colour: !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    // where nothing is said it is a modern terminal
    unicode: env['TERM'] !== 'linux' && (locale === '' || /utf-?8/i.test(locale)),
    // the specification has relative paths ignored
    dataFolder: join(data?.startsWith('/') ? data : join(homedir(), '.local', 'share'), 'offhook'),
  };
}
