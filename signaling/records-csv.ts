/**
 * Records of calls as a table (CSV, RFC 4180), for spreadsheets and for those who bill.
 *
 * A spreadsheet takes what begins with = + - @ for a formula, and anybody may choose the name that he calls under: such a field gets a ' before it,
 * also a number such as +49…
 */
import type { CallRow, LegDetails } from './store/store';

type Cell = string | number | null | undefined;

const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
const seconds = (ms: number): number => Math.round(ms / 100) / 10;
/** The phone that talked. */
const talked = ({ details }: CallRow, side: LegDetails['side']): LegDetails | undefined => details.legs.filter((leg) => leg.side === side && leg.answeredAt !== null).at(-1);

const columns: Record<string, (row: CallRow) => Cell> = {
  id: ({ id }) => id,
  tenant: ({ tenant }) => tenant,
  started: ({ startedAt }) => time(startedAt),
  answered: ({ answeredAt }) => time(answeredAt),
  ended: ({ endedAt }) => time(endedAt),
  from: ({ from }) => from,
  from_name: ({ details }) => details.fromName,
  to: ({ to }) => to,
  to_name: ({ details }) => details.toName,
  through: ({ details }) => details.through,
  service: ({ service }) => service,
  seconds: ({ startedAt, endedAt }) => seconds(endedAt - startedAt),
  talk_seconds: ({ answeredAt, endedAt }) => (answeredAt === null ? null : seconds(endedAt - answeredAt)),
  post_dial_delay_ms: ({ details }) => details.postDialDelayMs,
  cause: ({ cause }) => cause,
  q850: ({ details }) => details.q850,
  status: ({ details }) => details.status,
  reason: ({ details }) => details.reason,
  ended_by: ({ details }) => details.endedBy,
  forwarded_by: ({ details }) => details.forwarded.map(({ by, why }) => `${by} (${why})`).join(' '),
  transferred_by: ({ details }) => details.transferredBy,
  transferred_to: ({ details }) => details.transferredTo,
  parked_by: ({ details }) => details.parkedBy,
  picked_up_by: ({ details }) => details.pickedUpBy,
  originated_by: ({ details }) => details.originatedBy,
  trunk: ({ details }) => details.trunk,
  route: ({ details }) => details.route,
  cost: ({ details }) => details.cost?.amount,
  currency: ({ details }) => details.cost?.currency,
  codec: (row) => talked(row, 'callee')?.codec ?? talked(row, 'caller')?.codec,
  caller_mos: (row) => talked(row, 'caller')?.sound?.received.mos,
  caller_lost: (row) => talked(row, 'caller')?.sound?.received.lost,
  caller_jitter_ms: (row) => talked(row, 'caller')?.sound?.received.jitterMs,
  callee_mos: (row) => talked(row, 'callee')?.sound?.received.mos,
  callee_lost: (row) => talked(row, 'callee')?.sound?.received.lost,
  callee_jitter_ms: (row) => talked(row, 'callee')?.sound?.received.jitterMs,
  recordings: ({ details }) => details.recordings.join(' '),
};

export const csvHead = (): string => lineOf(Object.keys(columns));
export const csvLine = (row: CallRow): string => lineOf(Object.values(columns).map((cell) => cell(row)));

const lineOf = (cells: readonly Cell[]): string => `${cells.map(field).join(',')}\r\n`;

function field(cell: Cell): string {
  if (cell == null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = /^[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** Read in one go. */
const PAGE = 500;

/** The whole list as text, piece by piece; while one is on its way the next is not read. */
export async function* csvOf(list: (behind: Pick<CallRow, 'startedAt' | 'id'> | undefined, limit: number) => Promise<readonly CallRow[]>): AsyncGenerator<string> {
  yield csvHead();
  let behind: CallRow | undefined;
  for (;;) {
    const rows = await list(behind, PAGE);
    if (rows.length > 0) yield rows.map(csvLine).join('');
    if (rows.length < PAGE) return;
    behind = rows.at(-1);
  }
}
