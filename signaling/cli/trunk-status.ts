/** `offhook trunk status`: how the trunks of the running server are. */
import type { Command } from 'commander';
import type { TrunkStates } from '../api/routes/trunks';
import { columns } from './columns';
import type { Context } from './context';
import { ask } from './operator';
import { addSettingOptions, configFor, type SettingOptions } from './settings';
import { toTheSecond } from './times';

interface StatusOptions extends SettingOptions {
  json?: boolean;
}

/** To the commands of the kind. */
export function addTrunkStatus(program: Command, context: Context): void {
  const group = program.commands.find((one) => one.name() === 'trunk');
  const command = group?.command('status').description('how they are now: registered, answering, and why not; needs a running server').option('--json', 'answer in JSON');
  if (command) addSettingOptions(command, ['data']).action((options: StatusOptions) => run(context, options));
}

async function run(context: Context, options: StatusOptions): Promise<void> {
  const states = await ask<TrunkStates>(configFor(options, context).data, '/api/v1/trunk-states');
  context.out(options.json ? `${JSON.stringify(states)}\n` : trunkTable(states));
}

export function trunkTable({ trunks }: TrunkStates): string {
  if (trunks.length === 0) return 'There are no trunks. Add one: offhook trunk add NAME hosts=HOST\n';
  return columns([
    ['NAME', 'STATE', 'HOST', 'CALLS', 'SPENT TODAY', 'SINCE', 'PROBLEM'],
    ...trunks.map(({ name, enabled, state, registered, host, calls, spentToday, since, problem }) => [
      name, enabled ? (registered ? 'registered' : state) : 'off', host, String(calls), spentToday.toFixed(2), toTheSecond(since), problem ?? '-',
    ]),
  ]);
}
