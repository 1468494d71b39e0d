/** Queues as others see them: plain data, copies. And who is told what happens in them. */
import type { Logger } from '../../../log';
import type { AgentView } from './agents';
import type { Left, QueueStats } from './stats';

export interface CallerView {
  /** Of the call. */
  id: string;
  number: string;
  name: string | null;
  priority: number;
  /** From 1. */
  position: number;
  /** Unix milliseconds. */
  since: number;
  waitedMs: number;
  /** Agents whose phones ring for it. */
  calling: string[];
}

export interface QueueView {
  number: string;
  name: string;
  /** In the order in which they will be served. */
  waiting: CallerView[];
  /** Who is logged in. */
  agents: AgentView[];
  stats: QueueStats;
}

export interface QueueEvents {
  joined: { queue: string; caller: CallerView };
  left: { queue: string; id: string; number: string; why: Left; waitedMs: number; /** Who answered. */ agent: string | undefined };
  /** Logged in or out, on a break or back, called, talking. */
  agent: AgentView;
}

type Listeners = { [E in keyof QueueEvents]: Array<(event: QueueEvents[E]) => void> };

/** A listener that throws harms nobody else. */
export class QueueListeners {
  private readonly listeners: Listeners = { joined: [], left: [], agent: [] };

  constructor(private readonly log: Logger) {}

  on<E extends keyof QueueEvents>(event: E, fn: (event: QueueEvents[E]) => void): void {
    this.listeners[event].push(fn);
  }

  tell<E extends keyof QueueEvents>(event: E, value: QueueEvents[E]): void {
    for (const listener of this.listeners[event]) {
      try {
        listener(value);
      } catch (err) {
        this.log.error({ event, error: String(err) }, 'a listener to queues failed');
      }
    }
  }
}
