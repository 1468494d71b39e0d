/**
 * Seeing inside: every message passes here once on its way in or out, is counted, kept for its ladder, and copied to a collector, as far as each is
 * wanted.
 */
import type { Clock } from '../../clock';
import type { Flow, Log, Tap } from '../transport/types';
import { callIdText } from '../wire/peek';
import { Capture, type CaptureOptions, type CaptureStats } from './capture';
import { ladderOf, type Ladder, type LocalAddress } from './ladder';
import { rememberedCalls, type RememberedCall } from './ladder-calls';
import { LadderMemory, type LadderLimits } from './ladder-memory';
import { Traffic, type TrafficCounts } from './traffic';
import { WallTime } from './wall-time';

export interface ObserverOptions {
  ladder: LadderLimits;
  /** Undefined: no feed. */
  capture: CaptureOptions | undefined;
}

export class Observer implements Tap {
  private readonly traffic = new Traffic();
  private readonly memory: LadderMemory | undefined;
  private readonly capture: Capture | undefined;
  private readonly time: WallTime;
  /** Somebody wants more than numbers. */
  private readonly keeps: boolean;

  constructor(
    { ladder, capture }: ObserverOptions,
    private readonly deps: { clock: Clock; log: Log; localAddress: LocalAddress },
  ) {
    this.memory = ladder.messages > 0 ? new LadderMemory(ladder) : undefined;
    this.capture = capture && new Capture(capture, deps);
    this.time = new WallTime(deps.clock);
    this.keeps = this.memory !== undefined || this.capture !== undefined;
  }

  received(data: Buffer, flow: Flow): void {
    this.traffic.received(data, flow);
    if (this.keeps) this.keep(data, flow, false);
  }

  sent(data: Buffer, flow: Flow): void {
    this.traffic.sent(data, flow);
    if (this.keeps) this.keep(data, flow, true);
  }

  /** @param columns of the diagram; 80 to 120 */
  ladder(callIds: readonly string[], columns?: number): Ladder {
    return this.memory ? ladderOf(this.memory, callIds, this.deps.localAddress, columns) : { messages: [], diagram: 'No messages are remembered: limits.ladderMessages is 0.' };
  }

  /** The newest first, at most `limit`. */
  calls(limit: number): RememberedCall[] {
    return this.memory ? rememberedCalls(this.memory, limit) : [];
  }

  counts(): TrafficCounts {
    return this.traffic.counts();
  }

  captureStats(): CaptureStats | undefined {
    return this.capture?.stats();
  }

  close(): void {
    this.capture?.close();
  }

  private keep(data: Buffer, flow: Flow, sent: boolean): void {
    const at = this.time.now();
    const callId = callIdText(data);
    if (callId !== undefined) this.memory?.keep(callId, data, flow, sent, at);
    this.capture?.copy(callId, data, flow, sent, at);
  }
}
