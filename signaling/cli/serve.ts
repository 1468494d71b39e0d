/** `offhook serve`: runs the system until it is told to stop. */
import type { Command } from 'commander';
import { settingsHelp, unknownVariables } from '../config';
import type { Context, SetExitCode } from './context';
import { addSettingOptions, configFor, type SettingOptions } from './settings';

export function addServe(program: Command, context: Context, setExitCode: SetExitCode): void {
  const command = program
    .command('serve')
    .description('run the phone system; prints “ready {…}” on stdout when calls can be made')
    .addHelpText('after', () => `\n${settingsHelp()}`)
    .action(async (options: SettingOptions) => {
      const config = configFor(options, context);
      const { createLogger } = require('../log') as typeof import('../log'); // other commands write no log
      const log = createLogger({ level: config.log.level, format: config.log.format, write: context.err });
      for (const name of unknownVariables(context.env)) log.warn(`environment variable ${name} is not a setting of Offhook`);
      const { serve } = await context.loadServer();
      setExitCode(await serve(config, log));
    });
  addSettingOptions(command);
}
