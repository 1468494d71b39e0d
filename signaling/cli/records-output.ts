/** Records of calls as they are shown. */
import type { CallRow, LegDetails } from '../store/store';
import { columns } from './columns';
import { lasting, toTheSecond } from './times';

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** The same as the API answers. */
export function recordJson({ details, startedAt, answeredAt, endedAt, ...row }: CallRow): Record<string, unknown> {
  const legs = details.legs.map((leg) => ({ ...leg, startedAt: iso(leg.startedAt), rangAt: iso(leg.rangAt), answeredAt: iso(leg.answeredAt), endedAt: iso(leg.endedAt) }));
  return { ...row, startedAt: iso(startedAt), answeredAt: iso(answeredAt), endedAt: iso(endedAt), ...details, legs };
}

export function recordTable(rows: readonly CallRow[]): string {
  if (rows.length === 0) return 'There are no such calls.\n';
  const lines = rows.map(({ id, startedAt, from, to, answeredAt, endedAt, details }) => [id, toTheSecond(startedAt), from, to, answeredAt === null ? '-' : lasting(endedAt - answeredAt), details.reason]);
  return columns([['ID', 'STARTED', 'FROM', 'TO', 'TALKED', 'WHY IT ENDED'], ...lines]);
}

export function recordDetails({ id, from, to, startedAt, answeredAt, endedAt, service, cause, details }: CallRow): string {
  const { fromName, toName, reason, endedBy, q850, status, postDialDelayMs, forwarded, legs, recordings, cost } = details;
  const named = (number: string, name: string | null): string => (name === null ? number : `${number} (${name})`);
  const said: Array<[string, string | number | null | undefined]> = [
    ['id', id],
    ['from', named(from, fromName)],
    ['to', named(to, toName)],
    ['through', details.through],
    ['service', service],
    ['started', iso(startedAt)],
    ['rang after', postDialDelayMs === null ? null : `${postDialDelayMs} ms`],
    ['answered', iso(answeredAt)],
    ['ended', iso(endedAt)],
    ['talked', answeredAt === null ? null : lasting(endedAt - answeredAt)],
    ['why', `${reason} (${[cause, q850 === null ? '' : `Q.850 ${q850}`, status === null ? '' : `SIP ${status}`].filter(Boolean).join(', ')}), by the ${endedBy}`],
    ['forwarded by', forwarded.map(({ by, why }) => `${by} (${why})`).join(', ') || null],
    ['transferred by', details.transferredBy],
    ['transferred to', details.transferredTo],
    ['parked by', details.parkedBy],
    ['picked up by', details.pickedUpBy],
    ['originated by', details.originatedBy],
    ['trunk', details.trunk],
    ['cost', cost && `${cost.amount} ${cost.currency}`],
    ['recordings', recordings.join(' ') || null],
    ...legs.flatMap((leg, index): Array<[string, string]> => [[`leg ${index + 1}`, legText(leg)]]),
  ];
  return columns(said.filter((line): line is [string, string | number] => line[1] != null).map(([name, value]) => [name, String(value)]));
}

function legText({ side, party, address, userAgent, codec, srtp, cause, answeredAt, sound }: LegDetails): string {
  const parts = [`${side} ${party} at ${address}`, userAgent, answeredAt === null ? `not answered: ${cause}` : `${codec ?? 'no media'}${srtp === null ? '' : `, ${srtp}`}`];
  if (sound) {
    const { packets, lost, jitterMs, mos } = sound.received;
    parts.push(`${packets} packets, ${lost} lost`, jitterMs === null ? null : `jitter ${jitterMs} ms`, mos === null ? null : `MOS ${mos}`);
  }
  return parts.filter((part) => part !== null).join('; ');
}
