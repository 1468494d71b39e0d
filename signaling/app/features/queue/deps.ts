/** What queues use of the rest. */
import type { Clock, Random } from '../../../clock';
import type { Logger } from '../../../log';
import type { ValueOf } from '../../../settings/values';

export type QueueSettings = ValueOf<'queue'>;

/** What is kept of an agent when the server stops. Numbers are ids. */
export interface AgentRecord {
  number: string;
  /** Queues that it has logged in to, and those of its own that it has logged out of. */
  in: readonly string[];
  out: readonly string[];
  paused: boolean;
}

export interface QueueDeps {
  book: { get(kind: 'queue', number: string): QueueSettings | undefined; all(kind: 'queue'): readonly QueueSettings[] };
  /** Errors of all: the store's. */
  agents: { load(): Promise<readonly AgentRecord[]>; save(record: AgentRecord): Promise<void>; remove(number: string): Promise<void> };
  /** Whether it is in a call of any kind; when it last hung up, on Clock.now(). */
  isBusy(number: string): boolean;
  talkedUntil(number: string): number | undefined;
  hasPhone(number: string): boolean;
  /** The files of a setting for music or speech; empty: silence. */
  sound(setting: string): Promise<readonly string[]>;
  sayNumber: (n: number) => readonly string[];
  clock: Clock;
  random: Random;
  log: Logger;
}
