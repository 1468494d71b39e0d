/** `offhook alarms`: what is wrong with the running server just now. Exit code 1: something is, so that a script can ask. */
import type { Command } from 'commander';
import type { AlarmList } from '../api/routes/alarms';
import { columns } from './columns';
import type { Context, SetExitCode } from './context';
import { ask } from './operator';
import { addSettingOptions, configFor, type SettingOptions } from './settings';
import { toTheSecond } from './times';

interface AlarmOptions extends SettingOptions {
  json?: boolean;
  past?: boolean;
}

export function addAlarms(program: Command, context: Context, setExitCode: SetExitCode): void {
  const command = program.command('alarms').description('what is wrong with the running server just now; exit code 1: something is').option('--json', 'answer in JSON').option('--past', 'also those that are over');
  addSettingOptions(command, ['data']).action(async (options: AlarmOptions) => {
    const list = await ask<AlarmList>(configFor(options, context).data, '/api/v1/alarms');
    context.out(options.json ? `${JSON.stringify(list)}\n` : alarmTable(list, options.past === true));
    if (list.alarms.length > 0) setExitCode(1);
  });
}

export function alarmTable({ alarms, past }: AlarmList, withPast: boolean): string {
  const row = ({ severity, name, subject, since, text }: AlarmList['alarms'][number], until: string): string[] => [severity, subject === '' ? name : `${name} ${subject}`, toTheSecond(since), until, text];
  const rows = [...alarms.map((one) => row(one, 'now')), ...(withPast ? past.map((one) => row(one, toTheSecond(one.clearedAt))) : [])];
  return rows.length === 0 ? 'Nothing is wrong.\n' : columns([['SEVERITY', 'ALARM', 'SINCE', 'UNTIL', 'WHAT'], ...rows]);
}
