/**
 * The last messages of the last calls, in memory that is bounded three ways: messages in all, messages of one call, bytes of one message. Keeping
 * one copies its bytes into a place that is there already; everything that costs (which are repetitions, what may be shown) is left to who asks.
 *
 *     calls:  Call-ID ─▶ oldest ─▶ … ─▶ newest        a call over its share gives up its own oldest
 *     slots:  oldest ◀─▶ … ◀─▶ newest, of all calls    when all are taken the oldest goes
 */
import type { Flow, Protocol } from '../transport/types';

export interface LadderLimits {
  /** Messages kept in all; 0: none. */
  messages: number;
  /** Messages of one call. */
  perCall: number;
  /** Bytes kept of one message. */
  bytes: number;
}

/** A message as kept. */
export interface Kept {
  /** Order of arrival. */
  readonly order: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly callId: string;
  readonly sent: boolean;
  readonly protocol: Protocol;
  readonly local: { readonly address: string; readonly port: number };
  readonly remote: { readonly address: string; readonly port: number };
  /** Bytes of the whole message. */
  readonly length: number;
  /** The bytes kept: they are overwritten later. */
  readonly data: Buffer;
}

interface Call {
  readonly id: string;
  oldest: number;
  newest: number;
  count: number;
}

/** Slots whose bytes are taken from the system at once. */
const SLAB = 64;
const NONE = -1;

export class LadderMemory {
  private readonly calls = new Map<string, Call>();
  private readonly slabs: Buffer[] = [];
  private readonly order: Float64Array;
  private readonly at: Float64Array;
  private readonly length: Uint32Array;
  private readonly sent: Uint8Array;
  private readonly protocol: Protocol[] = [];
  private readonly local: Array<Kept['local']> = [];
  private readonly remote: Array<Kept['remote']> = [];
  private readonly call: Call[] = [];
  /** The next message of the same call; neighbours in the order of all. */
  private readonly later: Int32Array;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private oldest = NONE;
  private newest = NONE;
  private used = 0;
  private serial = 0;

  constructor(private readonly limits: LadderLimits) {
    const { messages } = limits;
    this.order = new Float64Array(messages);
    this.at = new Float64Array(messages);
    this.length = new Uint32Array(messages);
    this.sent = new Uint8Array(messages);
    this.later = new Int32Array(messages);
    this.next = new Int32Array(messages);
    this.previous = new Int32Array(messages);
  }

  get callCount(): number {
    return this.calls.size;
  }

  /** Keeps a message of the call with this Call-ID. */
  keep(id: string, data: Buffer, flow: Flow, sent: boolean, at: number): void {
    const slot = this.room(this.calls.get(id));
    // Only now: making room may have taken the call's last message.
    let call = this.calls.get(id);
    if (!call) this.calls.set(id, (call = { id, oldest: slot, newest: slot, count: 0 }));
    else this.later[call.newest] = slot;
    call.newest = slot;
    call.count++;
    this.call[slot] = call;
    this.later[slot] = NONE;
    this.append(slot);
    this.order[slot] = this.serial++;
    this.at[slot] = at;
    this.sent[slot] = sent ? 1 : 0;
    this.length[slot] = data.length;
    // Not the flow itself, which may hold a socket.
    this.protocol[slot] = flow.protocol;
    this.local[slot] = flow.local;
    this.remote[slot] = flow.remote;
    const { bytes } = this.limits;
    data.copy(this.slabOf(slot), (slot % SLAB) * bytes, 0, Math.min(data.length, bytes));
  }

  /** The Call-IDs of the calls that had a message last, the newest first. */
  latest(limit: number): string[] {
    const newest = (call: Call): number => this.order[call.newest] as number;
    return [...this.calls.values()].sort((a, b) => newest(b) - newest(a)).slice(0, limit).map(({ id }) => id);
  }

  /** What is kept of these calls, in the order it came. The Call-IDs are Latin-1, as `callIdText` gives them. */
  of(callIds: readonly string[]): Kept[] {
    const found: Kept[] = [];
    for (const id of new Set(callIds)) {
      const call = this.calls.get(id);
      for (let slot = call?.oldest ?? NONE; slot !== NONE; slot = this.later[slot] as number) found.push(this.kept(slot, id));
    }
    return found.sort((a, b) => a.order - b.order);
  }

  private kept(slot: number, callId: string): Kept {
    const length = this.length[slot] as number;
    const start = (slot % SLAB) * this.limits.bytes;
    return {
      protocol: this.protocol[slot] as Protocol,
      local: this.local[slot] as Kept['local'],
      remote: this.remote[slot] as Kept['remote'],
      order: this.order[slot] as number,
      at: this.at[slot] as number,
      callId,
      sent: this.sent[slot] === 1,
      length,
      data: this.slabOf(slot).subarray(start, start + Math.min(length, this.limits.bytes)),
    };
  }

  /** A free slot: a new one, or that of the message that has to go. */
  private room(call: Call | undefined): number {
    if (call && call.count >= this.limits.perCall) return this.release(call.oldest);
    if (this.used < this.limits.messages) return this.used++;
    return this.release(this.oldest);
  }

  /** The oldest of all is the oldest of its call, too. */
  private release(slot: number): number {
    const call = this.call[slot] as Call;
    call.oldest = this.later[slot] as number;
    if (--call.count === 0) this.calls.delete(call.id);
    const before = this.previous[slot] as number;
    const after = this.next[slot] as number;
    if (before === NONE) this.oldest = after;
    else this.next[before] = after;
    if (after === NONE) this.newest = before;
    else this.previous[after] = before;
    return slot;
  }

  private append(slot: number): void {
    this.previous[slot] = this.newest;
    this.next[slot] = NONE;
    if (this.newest === NONE) this.oldest = slot;
    else this.next[this.newest] = slot;
    this.newest = slot;
  }

  private slabOf(slot: number): Buffer {
    const { bytes, messages } = this.limits;
    const slab = Math.floor(slot / SLAB);
    return (this.slabs[slab] ??= Buffer.allocUnsafeSlow(Math.min(SLAB, messages - slab * SLAB) * bytes));
  }
}
