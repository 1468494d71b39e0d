/** What is kept of a call that ended: one line in the log, and the last few in memory. */
import type { Logger } from '../log';
import type { MediaReport, StreamCounts } from './call-media';
import type { Cause } from './reasons';

export interface CallRecord {
  id: string;
  from: string;
  to: string;
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
    reason: string;
  };
  media: MediaReport | undefined;
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

function fields({ id, from, to, answeredAfter, lasted, ended, media }: CallRecord): Record<string, unknown> {
  return {
    call: id,
    from,
    to,
    why: ended.reason,
    by: ended.by,
    ...(answeredAfter === undefined ? { status: ended.status, seconds: seconds(lasted) } : { waited: seconds(answeredAfter), talked: seconds(lasted - answeredAfter) }),
    ...(media?.caller && { fromCaller: heard(media.caller) }),
    ...(media?.callee && { fromCallee: heard(media.callee) }),
    ...(media?.pipeline !== undefined && { pipeline: media.pipeline }),
  };
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10;

const heard = ({ packets, lost, jitterMs }: StreamCounts): string => `${packets} packets, ${lost} lost, jitter ${Math.round(jitterMs * 10) / 10} ms`;
