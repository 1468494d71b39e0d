/** `offhook stats`: what the SIP engine of the running server counts. */
import type { Command } from 'commander';
import type { EngineStats } from '../api/routes/engine';
import type { Context } from './context';
import { ask } from './operator';
import { addSettingOptions, configFor, type SettingOptions } from './settings';
import { statsText } from './stats-output';

interface StatsOptions extends SettingOptions {
  json?: boolean;
  watch?: boolean;
}

const EVERY_MS = 2000;
const CLEAR = '\x1b[H\x1b[2J';

export function addStats(program: Command, context: Context): void {
  const command = program.command('stats').description('what the SIP engine of the running server counts: messages, repetitions, timers, connections, overload');
  command.option('--json', 'answer in JSON').option('--watch', `again every ${EVERY_MS / 1000} seconds, with what came since`);
  addSettingOptions(command, ['data']).action((options: StatsOptions) => runStats(context, options));
}

async function runStats(context: Context, options: StatsOptions): Promise<void> {
  const { data } = configFor(options, context);
  const now = (): Promise<EngineStats> => ask(data, '/api/v1/engine/stats');
  const show = (stats: EngineStats, before?: EngineStats): void => context.out(options.json ? `${JSON.stringify(stats)}\n` : statsText(stats, before));
  let stats = await now();
  show(stats);
  if (!options.watch) return;
  // until the person ends it, or the server does
  for (;;) {
    await new Promise<void>((resolve) => context.clock.after(EVERY_MS, resolve));
    const before = stats;
    stats = await now();
    if (!options.json) context.out(CLEAR);
    show(stats, before);
  }
}
