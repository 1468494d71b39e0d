/** What is kept of a call that ended: one line in the log, and the last few in memory. */
import type { EndpointStats } from '../../media/plane';
import type { Logger } from '../log';
import type { MediaReport } from './call-media';
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

/** `1500 packets, 3 lost, 1 late, jitter 2.1 ms`; what did not happen is left out. */
function heard({ received, lost, late, foreign, malformed, jitterMs }: EndpointStats): string {
  const counted = Object.entries({ lost, late, foreign, malformed }).filter(([, n]) => n > 0);
  const parts = [`${received.packets} packets`, ...counted.map(([name, n]) => `${n} ${name}`)];
  if (jitterMs !== null) parts.push(`jitter ${Math.round(jitterMs * 10) / 10} ms`);
  return parts.join(', ');
}
