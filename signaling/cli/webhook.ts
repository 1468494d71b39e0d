/** `offhook webhook status|test|dead-letters`: how webhooks of the running server are doing. */
import type { Command } from 'commander';
import type { DeadLetters, WebhookStates, WebhookTest } from '../api/routes/webhooks';
import { OffhookError } from '../errors';
import { columns } from './columns';
import type { Context } from './context';
import { ask } from './operator';
import { addSettingOptions, configFor, type SettingOptions } from './settings';
import { toTheSecond } from './times';

interface Options extends SettingOptions {
  json?: boolean;
  redeliver?: boolean;
}

const at = (name: string): string => `/api/v1/webhooks/${encodeURIComponent(name)}`;

/** To the commands of the kind. */
export function addWebhookCommands(program: Command, context: Context): void {
  const group = program.commands.find((one) => one.name() === 'webhook');
  if (!group) return;
  const told = (options: Options, value: unknown, text: string): void => context.out(options.json ? `${JSON.stringify(value)}\n` : text);
  const data = (options: Options): string => configFor(options, context).data;

  const status = group.command('status').description('how they are doing; needs a running server').option('--json', 'answer in JSON');
  addSettingOptions(status, ['data']).action(async (options: Options) => {
    const states = await ask<WebhookStates>(data(options), '/api/v1/webhook-states');
    told(options, states, webhookTable(states));
  });
  const test = group.command('test <name>').description('send it an event of the type test; needs a running server').option('--json', 'answer in JSON');
  addSettingOptions(test, ['data']).action(async (name: string, options: Options) => {
    const result = await ask<WebhookTest>(data(options), `${at(name)}/test`, { method: 'POST' });
    const { status: answered, problem, tookMs } = result;
    const good = answered !== null && answered >= 200 && answered < 300;
    if (options.json) told(options, result, '');
    else if (good) context.out(`It answered ${answered} after ${tookMs} ms.\n`);
    if (!good) throw new OffhookError('webhook.test-failed', { name, problem: problem ?? `it answered ${answered}` });
  });
  const dead = group.command('dead-letters <name>').description('events that were given up; needs a running server').option('--redeliver', 'send them all again').option('--json', 'answer in JSON');
  addSettingOptions(dead, ['data']).action(async (name: string, options: Options) => {
    if (options.redeliver) {
      const { events } = await ask<{ events: number }>(data(options), `${at(name)}/dead-letters/redeliver`, { method: 'POST', body: {} });
      return told(options, { events }, events === 1 ? 'One event is sent again.\n' : `${events} events are sent again.\n`);
    }
    const found = await ask<DeadLetters>(data(options), `${at(name)}/dead-letters?limit=1000`);
    told(options, found, letterTable(found));
  });
}

export function webhookTable({ webhooks }: WebhookStates): string {
  if (webhooks.length === 0) return 'There are no webhooks. Add one: offhook webhook add NAME url=https://… secrets=[…]\n';
  return columns([
    ['NAME', 'STATE', 'WAITING', 'DELIVERED', 'FAILED', 'GIVEN UP', 'AGAIN', 'PROBLEM'],
    ...webhooks.map(({ name, state, waiting, delivered, failed, buried, nextAt, problem }) => [name, state, String(waiting), String(delivered), String(failed), String(buried), toTheSecond(nextAt), problem ?? '-']),
  ]);
}

export function letterTable({ letters }: DeadLetters): string {
  if (letters.length === 0) return 'Nothing was given up.\n';
  return columns([['EVENT', 'TYPE', 'HAPPENED', 'GIVEN UP', 'TRIES', 'PROBLEM'], ...letters.map(({ event, type, createdAt, endedAt, tries, problem }) => [String(event), type, toTheSecond(createdAt), toTheSecond(endedAt), String(tries), problem ?? '-'])]);
}
