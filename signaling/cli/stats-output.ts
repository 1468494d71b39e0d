/** The engine's counters as tables; what counts nothing is left out. */
import type { EngineStats } from '../api/routes/engine';
import { columns } from './columns';

const KINDS = ['requests', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx', 'unreadable'] as const;

type Row = readonly string[];

/** `before`: an earlier look, for what came since. */
export function statsText(stats: EngineStats, before?: EngineStats): string {
  const sections = [summary(stats), messages(stats, before), counted(stats)];
  return sections.filter((section) => section !== '').join('\n');
}

function summary({ uptimeSeconds, dialogs, connections, applications, transactions, overload, capture, process: { memory, eventLoop } }: EngineStats): string {
  return columns([
    ['up', `${duration(uptimeSeconds)}`],
    ['dialogs', String(dialogs)],
    ['transactions', `${transactions.server} of others, ${transactions.client} of ours, ${transactions.timers} timers`],
    ['connections', `${connections.total}${inBrackets(connections.byTransport)}, ${connections.halfOpen} half open`],
    ['applications', `${applications.authenticated}, ${applications.behind} behind`],
    ['overload', overload ? `${percent(overload.share)} turned away now, ${overload.refused} so far, busy ${percent(overload.busy)}` : 'not controlled'],
    ['capture', capture ? `${capture.sent} sent, ${capture.droppedWithoutAddress + capture.droppedBehind + capture.droppedTooLarge} dropped, ${capture.failed} failed` : 'off'],
    ['memory', `${megabytes(memory.residentBytes)} MB, ${megabytes(memory.heapBytes)} MB of it the heap`],
    ['event loop', `late by ${eventLoop.p50Ms.toFixed(1)} ms, 1 of 100 by ${eventLoop.p99Ms.toFixed(1)}, at most ${eventLoop.maxMs.toFixed(1)}`],
  ]);
}

function messages(stats: EngineStats, before: EngineStats | undefined): string {
  const rows = (['received', 'sent'] as const).flatMap((direction) =>
    Object.entries(stats.messages[direction]).flatMap(([transport, methods]) =>
      Object.entries(methods).map(([method, kinds]) => {
        const since = before ? [String(sum(kinds) - sum(before.messages[direction][transport]?.[method] ?? {}))] : [];
        return [direction, transport, method, ...KINDS.map((kind) => String(kinds[kind] ?? '-')), ...since];
      }),
    ),
  );
  if (rows.length === 0) return 'No SIP message came or went.\n';
  return columns([['MESSAGES', 'OVER', 'METHOD', 'REQUESTS', ...KINDS.slice(1, -1), 'UNREADABLE', ...(before ? ['SINCE'] : [])], ...rows]);
}

function counted({ retransmissions, timersFired, transactionsEnded, parseErrors, overload, counters }: EngineStats): string {
  const rows = [
    ...rowsOf('sent or received again', retransmissions),
    ...rowsOf('timers', timersFired),
    ...Object.entries(transactionsEnded).flatMap(([kind, causes]) => rowsOf(`${kind} transactions`, causes)),
    ...rowsOf('not understood', parseErrors),
    ...(overload ? rowsOf('overload', { began: overload.began, refusedForApplications: overload.refusedForApplications, refusedAgain: overload.refusedAgain, emergencies: overload.emergencies }) : []),
    ...Object.entries(counters).flatMap(([layer, counts]) => rowsOf(layer, counts)),
  ];
  return rows.length === 0 ? '' : columns([['COUNTED', 'WHAT', 'HOW OFTEN'], ...rows]);
}

function rowsOf(title: string, counts: Record<string, number>): Row[] {
  return Object.entries(counts)
    .filter(([, n]) => n !== 0)
    .map(([name, n]) => [title, name, String(n)]);
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, n) => all + n, 0);
const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(0);
const percent = (share: number): string => `${Math.round(share * 100)} %`;

function inBrackets(counts: Record<string, number>): string {
  const named = Object.entries(counts).filter(([, n]) => n !== 0);
  return named.length === 0 ? '' : ` (${named.map(([name, n]) => `${name} ${n}`).join(', ')})`;
}

/** `2d 03:04:05`, `0:04:05` */
function duration(seconds: number): string {
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  return `${days > 0 ? `${days}d ${two(hours)}` : hours}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}
