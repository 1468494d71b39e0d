/** Records of calls, as they are kept. */

/** What is asked for often, and the rest. */
export interface CallRow {
  id: string;
  /** Whose call it was, of the caller; of the first tenant: empty. */
  tenant: string;
  from: string;
  to: string;
  /** Unix milliseconds. */
  startedAt: number;
  /** Null: it was not. */
  answeredAt: number | null;
  endedAt: number;
  cause: string;
  service: string | null;
  details: CallDetails;
}

export interface CallDetails {
  fromName: string | null;
  toName: string | null;
  endedBy: 'caller' | 'callee' | 'system';
  /** ITU-T Q.850. */
  q850: number | null;
  /** SIP status that the caller was told; null: the call was answered. */
  status: number | null;
  reason: string;
  /** From the INVITE until it rang, or was answered without; null: neither. */
  postDialDelayMs: number | null;
  originatedBy: string | null;
  parkedBy: string | null;
  pickedUpBy: string | null;
  transferredBy: string | null;
  transferredTo: string | null;
  /** Extensions whose settings sent it on before it came to `to`. */
  forwarded: ReadonlyArray<{ by: string; why: string }>;
  through: string | null;
  rung: readonly string[];
  legs: readonly LegDetails[];
  /** Files, relative to the data folder. */
  recordings: readonly string[];
  /** What it went out by, where it did. */
  trunk?: string;
  route?: string;
  cost?: { amount: number; currency: string };
}

/** One phone. */
export interface LegDetails {
  side: 'caller' | 'callee';
  party: string;
  callId: string | null;
  address: string;
  userAgent: string | null;
  /** Unix milliseconds. */
  startedAt: number;
  rangAt: number | null;
  answeredAt: number | null;
  endedAt: number;
  cause: string;
  codec: string | null;
  /** The suite; null: plain RTP, or not known. */
  srtp: string | null;
  sound: LegSound | null;
}

/** Received from the phone, as it was counted here; sent to it, as far as it has reported. */
export interface LegSound {
  received: { packets: number; lost: number; late: number; jitterMs: number | null; mos: number | null };
  sent: { packets: number; lost: number | null; jitterMs: number | null; roundTripMs: number | null };
}

export interface CallFilter {
  /** Numbers. */
  from?: string | undefined;
  to?: string | undefined;
  /** One or the other. */
  number?: string | undefined;
  tenant?: string | undefined;
  /** Unix milliseconds: started then or later. */
  since?: number | undefined;
  /** Unix milliseconds: started before that. */
  until?: number | undefined;
  cause?: string | undefined;
  answered?: boolean | undefined;
  service?: string | undefined;
  /** Somewhere in it, whatever the case. */
  text?: string | undefined;
  /** Those that a list has behind this one. */
  behind?: Pick<CallRow, 'startedAt' | 'id'> | undefined;
  /** At most so many. */
  limit?: number | undefined;
}

export interface CallRecordRows {
  /** All or none. One that is there already stays as it was. */
  add(rows: readonly CallRow[]): Promise<void>;
  get(id: string): Promise<CallRow | undefined>;
  /** The newest first. */
  list(filter?: CallFilter): Promise<CallRow[]>;
  count(): Promise<number>;
  /** Removes the oldest, at most `limit`, of those started before that (Unix milliseconds); how many. */
  forget(before: number, limit: number): Promise<number>;
}
