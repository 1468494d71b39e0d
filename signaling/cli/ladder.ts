/** `offhook ladder`: the messages of calls as a diagram; without words, which calls can be drawn. */
import type { Command } from 'commander';
import type { CallsEnded, CallsUp } from '../api/routes/calls';
import type { RememberedCalls } from '../api/routes/engine';
import { OffhookError } from '../errors';
import { columns } from './columns';
import type { Context } from './context';
import { ask } from './operator';
import { addSettingOptions, configFor, type SettingOptions } from './settings';
import { toTheSecond } from './times';

interface LadderOptions extends SettingOptions {
  json?: boolean;
  all?: boolean;
  columns?: string;
}

type Remembered = RememberedCalls['calls'];
type Dialogs = ReadonlyArray<{ from: string; to: string; since: string; dialogs: CallsUp['calls'][number]['dialogs'] }>;

export function addLadder(program: Command, context: Context): void {
  const command = program
    .command('ladder')
    .description('the SIP messages of calls, drawn; without words the calls that can be')
    .argument('[call...]', 'Call-IDs, all in one diagram; or a number: the latest call from or to it, with all its legs');
  command.option('--all', 'list registrations and whatever else is remembered, too').option('--columns <n>', 'how wide to draw, 80 to 120').option('--json', 'answer in JSON');
  addSettingOptions(command, ['data']).action((words: string[], options: LadderOptions) => (words.length === 0 ? list(context, options) : draw(context, words, options)));
}

async function list(context: Context, options: LadderOptions): Promise<void> {
  const { data } = configFor(options, context);
  const { calls } = await ask<RememberedCalls>(data, '/api/v1/engine/calls');
  const shown = options.all ? calls : calls.filter(({ method }) => method === 'INVITE');
  if (options.json) context.out(`${JSON.stringify(shown)}\n`);
  else if (shown.length === 0) context.out('No call is remembered.\n');
  else context.out(columns([['LAST MESSAGE', 'METHOD', 'FROM', 'TO', 'STATUS', 'MESSAGES', 'CALL-ID'], ...shown.map(row)].map((cells) => cells.map(printable))));
}

async function draw(context: Context, words: readonly string[], options: LadderOptions): Promise<void> {
  const { data } = configFor(options, context);
  const [{ calls: remembered }, up, ended] = [
    await ask<RememberedCalls>(data, '/api/v1/engine/calls?limit=10000'),
    await ask<CallsUp>(data, '/api/v1/calls'),
    await ask<CallsEnded>(data, '/api/v1/calls/ended'),
  ];
  const known = [...up.calls, ...ended.calls].sort((a, b) => b.since.localeCompare(a.since));
  const callIds = [...new Set(words.flatMap((word) => callIdsOf(word, remembered, known)))];
  const width = options.columns ?? (context.columns === undefined ? undefined : String(Math.min(120, Math.max(80, context.columns))));
  const query = new URLSearchParams(callIds.map((id): [string, string] => ['call', id]));
  if (width !== undefined) query.append('columns', width);
  const drawn = await ask<{ diagram: string }>(data, `/api/v1/engine/ladder?${query.toString()}`);
  context.out(options.json ? `${JSON.stringify(drawn)}\n` : drawn.diagram);
}

/** A word that is a Call-ID is that, whatever else it looks like. Errors: `command.usage` for a number of which nothing is known. */
function callIdsOf(word: string, remembered: Remembered, known: Dialogs): string[] {
  if (remembered.some(({ callId }) => callId === word)) return [word];
  const call = known.find(({ from, to, dialogs }) => [from, to, ...dialogs.map(({ party }) => party)].includes(word) && dialogs.some(({ callId }) => remembered.some((one) => one.callId === callId)));
  if (call) return call.dialogs.map(({ callId }) => callId);
  // what never became a call of ours: a password that was wrong, a request that was refused unread
  const alone = remembered.find(({ method, from, to }) => method === 'INVITE' && [from, to].includes(word)) ?? remembered.find(({ from, to }) => [from, to].includes(word));
  if (alone) return [alone.callId];
  throw new OffhookError('engine.no-messages', { calls: word });
}

function row({ callId, method, from, to, lastAt, messages, status }: Remembered[number]): string[] {
  return [toTheSecond(lastAt), method, from, to, status === null ? '-' : String(status), String(messages), callId];
}

/** Nothing that a stranger wrote may move the cursor or turn the line around. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
