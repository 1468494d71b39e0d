/**
 * Who serves queues: logged in and out, on a break, being called, talking, and the rest after a call. What somebody has chosen is kept by the store; the
 * rest is of this moment.
 */
import { beside } from '../../../tenants';
import type { AgentRecord, QueueDeps, QueueSettings } from './deps';

/** Those that the queue has by itself, by their ids. */
export const ownAgents = ({ number, agents }: Pick<QueueSettings, 'number' | 'agents'>): string[] => agents.map((agent) => beside(number, agent));

export type AgentState = 'free' | 'called' | 'talking' | 'resting' | 'busy' | 'paused' | 'no-phone';

export interface AgentView {
  number: string;
  /** Where it is logged in. */
  queues: string[];
  paused: boolean;
  state: AgentState;
  /** Since the server began. */
  answered: number;
  missed: number;
  averageTalkMs: number | null;
}

export class Agent {
  in = new Set<string>();
  out = new Set<string>();
  paused = false;
  called = false;
  /** On Clock.now(). */
  talkingSince: number | undefined;
  restsUntil = 0;
  /** Not answered in a row. */
  misses = 0;
  answered = 0;
  missed = 0;
  talkedMs = 0;
  talks = 0;

  constructor(readonly number: string) {}

  isIn(queue: Pick<QueueSettings, 'number' | 'agents' | 'open'>): boolean {
    return ownAgents(queue).includes(this.number) ? !this.out.has(queue.number) : queue.open && this.in.has(queue.number);
  }

  get record(): AgentRecord {
    return { number: this.number, in: [...this.in], out: [...this.out], paused: this.paused };
  }
}

export class Agents {
  private readonly known = new Map<string, Agent>();
  private saving: Promise<void> = Promise.resolve();

  constructor(private readonly deps: Pick<QueueDeps, 'agents' | 'clock' | 'isBusy' | 'hasPhone' | 'log'>) {}

  /** Errors: the store's. */
  async start(): Promise<void> {
    for (const record of await this.deps.agents.load()) {
      const agent = this.of(record.number);
      agent.in = new Set(record.in);
      agent.out = new Set(record.out);
      agent.paused = record.paused;
    }
  }

  of(number: string): Agent {
    const known = this.known.get(number);
    if (known) return known;
    const agent = new Agent(number);
    this.known.set(number, agent);
    return agent;
  }

  /** As `of`, without remembering one of whom nothing is known. */
  seen(number: string): Agent {
    return this.known.get(number) ?? new Agent(number);
  }

  /** Those who are logged in, the queue's own in their order, then the others. */
  in(queue: QueueSettings): Agent[] {
    const numbers = ownAgents(queue);
    const own = numbers.map((number) => this.of(number)).filter((agent) => agent.isIn(queue));
    const others = [...this.known.values()].filter((agent) => !numbers.includes(agent.number) && agent.isIn(queue));
    return [...own, ...others];
  }

  state(agent: Agent): AgentState {
    if (agent.talkingSince !== undefined) return 'talking';
    if (agent.called) return 'called';
    if (agent.paused) return 'paused';
    if (this.deps.isBusy(agent.number)) return 'busy';
    if (agent.restsUntil > this.deps.clock.now()) return 'resting';
    return this.deps.hasPhone(agent.number) ? 'free' : 'no-phone';
  }

  /** What is kept is kept in the order in which it was chosen. Errors: the store's. */
  keep(agent: Agent): Promise<void> {
    const { record } = agent;
    const plain = record.in.length + record.out.length === 0 && !record.paused;
    const work = this.saving.then(() => (plain ? this.deps.agents.remove(record.number) : this.deps.agents.save(record)));
    this.saving = work.catch((err: unknown) => this.deps.log.warn({ agent: record.number, error: String(err) }, 'what an agent has chosen could not be kept'));
    return work;
  }

  view(agent: Agent, queues: readonly QueueSettings[]): AgentView {
    const { number, paused, answered, missed, talkedMs, talks } = agent;
    return {
      number, paused, answered, missed,
      queues: queues.filter((queue) => agent.isIn(queue)).map((queue) => queue.number),
      state: this.state(agent),
      averageTalkMs: talks === 0 ? null : Math.round(talkedMs / talks),
    };
  }
}
