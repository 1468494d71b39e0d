/** What is kept of a call that ended: one line in the log, and the last few in memory. */
import type { EndpointStats } from '../../media/plane';
import type { Logger } from '../log';
import type { Call, CallDialog } from './call';
import type { MediaReport } from './call-media';
import type { Hop } from './diversion';
import type { Refusal } from './exchange';
import type { Ending } from './hangup';
import type { CallRefusal, Cause } from './reasons';

export interface CallRecord {
  id: string;
  from: string;
  to: string;
  fromName: string | null;
  toName: string | null;
  /** The service that had the call (first, when it put the caller through). */
  service: string | undefined;
  /** Who has had the system call the caller: a number, the name of a token. */
  originatedBy: string | undefined;
  /** Whoever parked one of the two, and whoever answered in the place of whom it rang at. */
  parkedBy: string | undefined;
  pickedUpBy: string | undefined;
  /** The number of whoever brought the two together by a transfer. */
  transferredBy: string | undefined;
  /** Whose settings sent it on before it came to `to`, and which. */
  forwarded: readonly Hop[];
  /** The group, queue or extension that was rung for, when `to` answered in its place. */
  through: string | undefined;
  /** Whose phones rang, or were to, in this order. */
  rung: readonly string[];
  /** The trunk over which it went out or came in, and the route it took. */
  trunk: string | undefined;
  direction: 'internal' | 'inbound' | 'outbound';
  route: string | undefined;
  /** To whom one of the two was transferred, which ended the call. */
  transferredTo: string | undefined;
  /** Unix milliseconds. */
  startedAt: number;
  /** From the INVITE to the first ringing, to the answer, to the end; milliseconds. */
  rangAfter: number | undefined;
  answeredAfter: number | undefined;
  lasted: number;
  ended: {
    by: 'caller' | 'callee' | 'system';
    cause: Cause | 'refused-request';
    /** What the caller was told when the call was not answered. */
    status: number | undefined;
    q850: number | undefined;
    reason: string;
  };
  media: MediaReport | undefined;
  dialogs: readonly CallDialog[];
  /** The numbers of supervisors who have listened to it. */
  watchedBy: readonly string[];
  /** Files of its recordings, relative to the data folder. */
  recordings: readonly string[];
}

/** `now` on Clock.now(). */
export function recordOf(call: Call, { by, refusal }: Ending, now: number, media: MediaReport): CallRecord {
  const after = (at: number | undefined) => (at === undefined ? undefined : at - call.startedAt);
  return {
    id: call.id,
    from: call.from.number,
    to: call.to.number,
    fromName: call.from.name,
    toName: call.to.name,
    service: call.servedBy,
    originatedBy: call.originatedBy,
    parkedBy: call.parkedBy,
    pickedUpBy: call.pickedUpBy,
    transferredBy: call.transferredBy,
    forwarded: [...call.path],
    through: call.through,
    rung: [...call.rung],
    trunk: call.line?.trunk ?? call.from.trunk,
    direction: call.line ? 'outbound' : call.from.trunk !== undefined ? 'inbound' : 'internal',
    route: call.line?.route,
    transferredTo: call.transferredTo,
    startedAt: call.startedWall.getTime(),
    rangAfter: after(call.rangAt),
    answeredAfter: after(call.answeredAt),
    lasted: now - call.startedAt,
    ended: { by, cause: refusal.cause, status: call.answeredAt === undefined ? refusal.status : undefined, q850: refusal.q850, reason: refusal.reason },
    media: call.answeredAt === undefined ? undefined : media,
    dialogs: [...call.dialogs],
    watchedBy: [...call.watchedBy],
    recordings: [...call.recordings],
  };
}

/** What is known of whoever was refused; `callId`: of the INVITE, when there is one. */
interface Refused {
  caller: { number: string; name?: string | null; trunk?: string | undefined };
  dialled: string;
  originatedBy?: string | undefined;
  transferredBy?: string | undefined;
  callId?: string | undefined;
  path: readonly Hop[];
}

/** Of an INVITE that did not become a call. */
export function refusedRecord({ caller, dialled: to, originatedBy, transferredBy, callId, path }: Refused, id: string, startedAt: number, refusal: CallRefusal | Refusal): CallRecord {
  const cause = 'cause' in refusal ? refusal.cause : 'refused-request';
  return {
    id,
    from: caller.number,
    to,
    fromName: caller.name ?? null,
    toName: null,
    service: undefined,
    originatedBy,
    parkedBy: undefined,
    pickedUpBy: undefined,
    transferredBy,
    forwarded: [...path],
    through: undefined,
    rung: [],
    trunk: caller.trunk,
    direction: caller.trunk === undefined ? 'internal' : 'inbound',
    route: undefined,
    transferredTo: undefined,
    startedAt,
    rangAfter: undefined,
    answeredAfter: undefined,
    lasted: 0,
    ended: { by: 'system', cause, status: refusal.status, q850: 'cause' in refusal ? refusal.q850 : undefined, reason: refusal.reason },
    media: undefined,
    dialogs: callId === undefined ? [] : [{ side: 'caller', party: caller.number, callId }],
    watchedBy: [],
    recordings: [],
  };
}

export class CallRecords {
  private readonly kept: CallRecord[] = [];

  constructor(
    private readonly max: number,
    private readonly log: Logger,
  ) {}

  add(record: CallRecord): void {
    this.kept.push(record);
    if (this.kept.length > this.max) this.kept.shift();
    this.log.info(fields(record), record.answeredAfter === undefined ? 'call failed' : 'call ended');
  }

  /** The newest first. */
  recent(): CallRecord[] {
    return [...this.kept].reverse();
  }
}

function fields({ id, from, to, service, trunk, route, originatedBy, parkedBy, pickedUpBy, transferredBy, forwarded, through, rung, transferredTo, answeredAfter, lasted, ended, media, watchedBy, recordings }: CallRecord): Record<string, unknown> {
  return {
    call: id,
    from,
    to,
    ...(service !== undefined && { service }),
    ...(trunk !== undefined && { trunk }),
    ...(route !== undefined && { route }),
    ...(originatedBy !== undefined && { originatedBy }),
    ...(parkedBy !== undefined && { parkedBy }),
    ...(pickedUpBy !== undefined && { pickedUpBy }),
    ...(transferredBy !== undefined && { transferredBy }),
    ...(forwarded.length > 0 && { forwardedBy: forwarded.map((hop) => `${hop.from.number} (${hop.why})`).join(', ') }),
    ...(through !== undefined && { through }),
    ...(rung.length > 1 && { rung: rung.join(' ') }),
    ...(transferredTo !== undefined && { transferredTo }),
    why: ended.reason,
    by: ended.by,
    ...(answeredAfter === undefined ? { status: ended.status, seconds: seconds(lasted) } : { waited: seconds(answeredAfter), talked: seconds(lasted - answeredAfter) }),
    ...(media?.caller && { fromCaller: heard(media.caller) }),
    ...(media?.callee && { fromCallee: heard(media.callee) }),
    ...(media?.pipeline !== undefined && { pipeline: media.pipeline }),
    ...(watchedBy.length > 0 && { watchedBy: watchedBy.join(' ') }),
    ...(recordings.length > 0 && { recordings: recordings.join(' ') }),
  };
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10;

/** `1500 packets, 3 lost, 1 late, jitter 2.1 ms, MOS 4.3`; what did not happen, or is not known, is left out. */
function heard({ received, lost, late, foreign, malformed, jitterMs, audio, srtp, mos }: EndpointStats): string {
  const counted = Object.entries({
    lost, late, foreign, malformed,
    'not authentic': srtp?.authFailed ?? 0,
    replayed: srtp?.replayed ?? 0,
    'too late to be heard': audio?.latePackets ?? 0,
    undecodable: audio?.undecodable ?? 0,
  }).filter(([, n]) => n > 0);
  const parts = [`${received.packets} packets`, ...counted.map(([name, n]) => `${n} ${name}`)];
  if (jitterMs !== null) parts.push(`jitter ${Math.round(jitterMs * 10) / 10} ms`);
  if (mos != null) parts.push(`MOS ${mos.toFixed(1)}`);
  return parts.join(', ');
}
