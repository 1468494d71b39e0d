/** Which of those who wait is served next, and by whom. Pure: from who waits and who is free to who is called for whom. */
import { inOrder, type Strategy, type TurnDeps } from '../../turns';

export interface Waiting {
  /** Of the call. */
  readonly id: string;
  readonly queue: string;
  readonly priority: number;
  /** On Clock.now(). */
  readonly since: number;
  /** Agents who were called for this one and did not answer. */
  readonly tried: ReadonlySet<string>;
}

export interface Serving {
  readonly weight: number;
  readonly strategy: Strategy;
  /** Everybody who is logged in, in the order of the queue. */
  readonly agents: readonly string[];
  /** Who was called last. */
  readonly last: string | undefined;
}

/** Whose turn it is within a queue. */
export const byTurn = (a: Pick<Waiting, 'priority' | 'since'>, b: Pick<Waiting, 'priority' | 'since'>): number => b.priority - a.priority || a.since - b.since;

export interface Assignment {
  readonly id: string;
  /** One, or with `all` everybody who is free. */
  readonly agents: readonly string[];
}

/** Nobody is assigned to two. A queue that is not in `queues` is not served. */
export function assign(waiting: readonly Waiting[], queues: ReadonlyMap<string, Serving>, isFree: (agent: string) => boolean, turns: Omit<TurnDeps, 'last'>): Assignment[] {
  const taken = new Set<string>();
  const weightOf = ({ queue }: Waiting): number => queues.get(queue)?.weight ?? 0;
  return [...waiting]
    .sort((a, b) => weightOf(b) - weightOf(a) || byTurn(a, b))
    .flatMap(({ id, queue, tried }) => {
      const serving = queues.get(queue);
      const free = serving?.agents.filter((agent) => !taken.has(agent) && isFree(agent)) ?? [];
      if (!serving || free.length === 0) return [];
      const order = inOrder(serving.strategy, serving.agents, { ...turns, last: serving.last }).filter((agent) => free.includes(agent));
      // the others first; when all have been tried, from the beginning
      const first = order.find((agent) => !tried.has(agent)) ?? (order[0] as string);
      const agents = serving.strategy === 'all' ? order : [first];
      for (const agent of agents) taken.add(agent);
      return [{ id, agents }];
    });
}
