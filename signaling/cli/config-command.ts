/** `offhook config`: the settings in force, or a configuration file to begin with. */
import type { Command } from 'commander';
import { describeConfig, sampleFile } from '../config';
import type { Context } from './context';
import { addSettingOptions, configSources, type SettingOptions } from './settings';

export function addConfig(program: Command, context: Context): void {
  const command = program
    .command('config')
    .description('print the settings in force, each with where it comes from; secrets hidden')
    .option('--sample', 'print a configuration file with every setting and its default instead')
    .action((options: SettingOptions & { sample?: boolean }) => {
      context.out(options.sample ? sampleFile() : describeConfig(configSources(options, context)));
    });
  addSettingOptions(command);
}
