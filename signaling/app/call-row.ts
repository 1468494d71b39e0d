/** A call's record in the form in which the store keeps it. */
import type { EndpointStats } from '../../media/plane';
import type { CallRow, LegDetails } from '../store/store';
import { FIRST_TENANT, tenantOf } from '../tenants';
import type { Call } from './call';
import type { MediaReport } from './call-media';
import type { CallRecord } from './call-record';
import type { Ending } from './hangup';
import type { Leg } from './leg';

export function rowOf(record: CallRecord, legs: readonly LegDetails[]): CallRow {
  const { id, from, to, startedAt, rangAfter, answeredAfter, lasted, ended, service } = record;
  const tenant = tenantOf(from);
  const postDial = rangAfter ?? answeredAfter;
  return {
    id, from, to,
    tenant: tenant === FIRST_TENANT ? '' : tenant,
    startedAt: Math.round(startedAt),
    answeredAt: answeredAfter === undefined ? null : Math.round(startedAt + answeredAfter),
    endedAt: Math.round(startedAt + lasted),
    cause: ended.cause,
    service: service ?? null,
    details: {
      fromName: record.fromName,
      toName: record.toName,
      endedBy: ended.by,
      q850: ended.q850 ?? null,
      status: ended.status ?? null,
      reason: ended.reason,
      postDialDelayMs: postDial === undefined ? null : Math.round(postDial),
      originatedBy: record.originatedBy ?? null,
      parkedBy: record.parkedBy ?? null,
      pickedUpBy: record.pickedUpBy ?? null,
      transferredBy: record.transferredBy ?? null,
      transferredTo: record.transferredTo ?? null,
      forwarded: record.forwarded.map(({ from: { number }, why }) => ({ by: number, why })),
      through: record.through ?? null,
      rung: record.rung,
      legs,
      recordings: record.recordings,
      ...(record.trunk !== undefined && { trunk: record.trunk }),
      ...(record.route !== undefined && { route: record.route }),
    },
  };
}

/** `now` on Clock.now(); `earlier`: of phones that had left before the end. */
export function legsOf(call: Call, { refusal }: Ending, now: number, media: MediaReport, earlier: ReadonlyMap<Leg, EndpointStats>): LegDetails[] {
  const sound = (leg: Leg): EndpointStats | undefined => (leg === call.caller ? media.caller : leg === call.callee ? media.callee : undefined) ?? earlier.get(leg);
  return call.legs.details(now, call.startedWall.getTime() - call.startedAt, refusal.cause, sound);
}
