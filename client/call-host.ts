/** What a call needs of its phone. */
import type { PhoneCall } from './call';
import type { Chance, Clock } from './clock';
import type { CallEvent, Party } from './events';
import type { CallMedia } from './media';
import type { DtmfWay } from './phone-types';
import type { Agent } from './sip/agent';
import type { Core } from './sip/sip-js';

export interface CallHost<M extends CallMedia> {
  readonly agent: Agent;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly options: { dtmf: DtmfWay; sessionExpiresS: number; qualityMs: number };
  emit(event: CallEvent): void;
  /** Puts the other calls that are up on hold; resolves when that is so. */
  toFront(call: PhoneCall<M>): Promise<void>;
  ended(call: PhoneCall<M>): void;
  referred(call: PhoneCall<M>, request: Core.IncomingReferRequest): void;
  received(request: Core.IncomingMessageRequest): void;
  /** Who sent this, as far as it may be believed. */
  identify(message: Core.IncomingMessage, own: 'from' | 'to'): Party;
  /** What the far end of a call of ours is referred to. */
  referTo(to: string): string;
  referToCall(other: PhoneCall<M>): string;
  fault(err: unknown): void;
}
