/**
 * All queues: who waits, who serves, and bringing the two together. Also the door to them for a console or an API: plain data in, plain data out.
 *
 *   somebody came, an agent is free (again), a second has passed ─▶ assign ─▶ agents are called ─┬▶ one answers: they talk, then the agent rests
 *                                                                                                └▶ nobody does: the caller waits on
 */
import { tenantOf } from '../../../tenants';
import type { Party } from '../../feature';
import type { Cause } from '../../reasons';
import { Agents, ownAgents, type Agent, type AgentView } from './agents';
import { assign, byTurn, type Serving, type Waiting } from './assign';
import type { QueueDeps, QueueSettings } from './deps';
import { QueueCounts, type Left } from './stats';
import { QueueListeners, type CallerView, type QueueEvents, type QueueView } from './views';

/** While somebody waits: rests end, phones register, calls outside the queue are over. */
const LOOK_MS = 1000;

/** One who waits. */
export interface Place extends Waiting {
  readonly caller: Party;
  /** Unix milliseconds. */
  readonly sinceWall: number;
  readonly tried: Set<string>;
  /** Agents who are being called for it. */
  calling: readonly string[];
  /** Calls them. Whatever comes of it is reported. */
  call(agents: readonly string[], report: Report): void;
  agent: string | undefined;
}

export interface Report {
  refused(agent: string, cause: Cause): void;
  answered(agent: string, over: Promise<void>): void;
  /** Nobody has answered. */
  failed(): void;
}

export class Queues {
  private readonly agents: Agents;
  private readonly listeners: QueueListeners;
  private readonly places = new Map<string, Place>();
  private readonly counts = new Map<string, QueueCounts>();
  /** Who was called last, by queue. */
  private readonly last = new Map<string, string>();
  private ticking = false;

  constructor(readonly deps: QueueDeps) {
    this.agents = new Agents(deps);
    this.listeners = new QueueListeners(deps.log);
  }

  /** Before calls come. Errors: the store's. */
  async start(): Promise<void> {
    await this.agents.start();
  }

  settings(number: string): QueueSettings | undefined {
    return this.deps.book.get('queue', number);
  }

  // — for callers —

  /** Whether nobody is there who could be waited for: all who are logged in are on a break, or nobody is. */
  isEmpty(queue: QueueSettings): boolean {
    return !this.agents.in(queue).some(({ paused }) => !paused);
  }

  length(number: string): number {
    return this.line(number).length;
  }

  /** From 1; 0: it does not wait any more. */
  position(place: Place): number {
    return this.line(place.queue).indexOf(place) + 1;
  }

  /** How long it will still be, in milliseconds; undefined: nobody can know. */
  expectedMs(place: Place, queue: QueueSettings): number | undefined {
    return this.countsOf(queue.number).expectedMs(this.position(place), this.agents.in(queue).filter(({ paused }) => !paused).length);
  }

  enter(place: Place): void {
    this.countsOf(place.queue).came();
    this.places.set(place.id, place);
    this.listeners.tell('joined', { queue: place.queue, caller: this.callerView(place) });
    this.look();
    this.tick();
  }

  /** One who came and did not even wait. */
  turnedAway(queue: QueueSettings): void {
    const counts = this.countsOf(queue.number);
    counts.came();
    counts.left('overflow', 0, queue.serviceLevelSeconds * 1000);
  }

  leave(place: Place, why: Left): void {
    if (!this.places.delete(place.id)) return;
    this.letGo(place);
    const waitedMs = this.deps.clock.now() - place.since;
    this.countsOf(place.queue).left(why, waitedMs, (this.settings(place.queue)?.serviceLevelSeconds ?? 20) * 1000);
    this.listeners.tell('left', { queue: place.queue, id: place.id, number: place.caller.number, why, waitedMs, agent: place.agent });
    this.look();
  }

  /** Something may have changed: an agent hung up elsewhere. */
  look(): void {
    if (this.places.size === 0) return;
    const waiting = [...this.places.values()].filter(({ calling }) => calling.length === 0);
    const queues = new Map<string, Serving>();
    for (const { queue: number } of waiting) {
      const queue = queues.has(number) ? undefined : this.settings(number);
      if (queue) queues.set(number, { weight: queue.weight, strategy: queue.strategy, agents: this.agents.in(queue).map((agent) => agent.number), last: this.last.get(number) });
    }
    const { random, talkedUntil } = this.deps;
    for (const { id, agents } of assign(waiting, queues, (agent) => this.agents.state(this.agents.of(agent)) === 'free', { random, talkedUntil })) {
      const place = this.places.get(id);
      if (place) this.call(place, agents);
    }
  }

  private call(place: Place, numbers: readonly string[]): void {
    const called = numbers.map((number) => this.agents.of(number));
    place.calling = numbers;
    for (const agent of called) agent.called = true;
    if (numbers[0] !== undefined) this.last.set(place.queue, numbers[0]);
    for (const agent of called) this.tell(agent);
    place.call(numbers, {
      refused: (number, cause) => this.refused(place, this.agents.of(number), cause),
      answered: (number, over) => this.answered(place, this.agents.of(number), over),
      failed: () => {
        this.letGo(place);
        this.look();
      },
    });
  }

  private refused(place: Place, agent: Agent, cause: Cause): void {
    const queue = this.settings(place.queue);
    if (cause === 'cancelled' || !queue) return;
    place.tried.add(agent.number);
    // what fails at once is not tried again and again
    agent.restsUntil = this.deps.clock.now() + Math.max(queue.retrySeconds, cause === 'no-answer' ? 0 : 1) * 1000;
    if (cause !== 'no-answer') return;
    agent.missed++;
    agent.misses++;
    if (queue.maxMisses === 0 || agent.misses < queue.maxMisses) return;
    this.deps.log.info({ agent: agent.number, queue: place.queue, misses: agent.misses }, 'an agent does not answer and is paused');
    agent.misses = 0;
    agent.paused = true;
    this.agents.keep(agent).catch(() => undefined);
  }

  private answered(place: Place, agent: Agent, over: Promise<void>): void {
    const { clock } = this.deps;
    const since = clock.now();
    place.agent = agent.number;
    agent.misses = 0;
    agent.answered++;
    agent.talkingSince = since;
    this.leave(place, 'answered');
    this.tell(agent);
    void over.then(() => {
      const ms = clock.now() - since;
      const restMs = (this.settings(place.queue)?.wrapUpSeconds ?? 0) * 1000;
      agent.talkingSince = undefined;
      agent.talks++;
      agent.talkedMs += ms;
      agent.restsUntil = clock.now() + restMs;
      this.countsOf(place.queue).talkedFor(ms, restMs);
      this.tell(agent);
      this.look();
    });
  }

  private letGo(place: Place): void {
    const called = place.calling.map((number) => this.agents.of(number));
    place.calling = [];
    for (const agent of called) agent.called = false;
    for (const agent of called) if (agent.talkingSince === undefined) this.tell(agent);
  }

  private tick(): void {
    if (this.ticking || this.places.size === 0) return;
    this.ticking = true;
    this.deps.clock.after(LOOK_MS, () => {
      this.ticking = false;
      this.look();
      this.tick();
    });
  }

  private line(number: string): Place[] {
    return [...this.places.values()].filter(({ queue }) => queue === number).sort(byTurn);
  }

  private countsOf(number: string): QueueCounts {
    const known = this.counts.get(number);
    if (known) return known;
    const counts = new QueueCounts();
    this.counts.set(number, counts);
    return counts;
  }

  private tell(agent: Agent): void {
    this.listeners.tell('agent', this.agentView(agent));
  }

  // — for agents, the console and the API —

  /** False: there is no such queue, or it is not open to this one. Errors of these three: the store's, when it could not be kept; it holds all the same. */
  async login(number: string, queue: string): Promise<boolean> {
    const settings = this.settings(queue);
    const own = settings && ownAgents(settings).includes(number);
    if (!settings || (!settings.open && !own)) return false;
    const agent = this.agents.of(number);
    agent.out.delete(queue);
    if (!own) agent.in.add(queue);
    agent.paused = false;
    return this.changed(agent);
  }

  /** Without a queue: out of all. False: it was in none. */
  async logout(number: string, queue?: string): Promise<boolean> {
    const left = this.queuesOf(this.agents.seen(number)).filter((one) => queue === undefined || one.number === queue);
    if (left.length === 0) return false;
    const agent = this.agents.of(number);
    for (const one of left) {
      agent.in.delete(one.number);
      if (ownAgents(one).includes(number)) agent.out.add(one.number);
    }
    return this.changed(agent);
  }

  /** Whether it is logged in anywhere, and paused. */
  agent(number: string): AgentView {
    return this.agentView(this.agents.seen(number));
  }

  /** False: it is logged in nowhere. */
  async pause(number: string, paused: boolean): Promise<boolean> {
    if (this.queuesOf(this.agents.seen(number)).length === 0) return false;
    const agent = this.agents.of(number);
    agent.paused = paused;
    agent.misses = 0;
    return this.changed(agent);
  }

  private async changed(agent: Agent): Promise<true> {
    this.tell(agent);
    this.look();
    await this.agents.keep(agent);
    return true;
  }

  private queuesOf(agent: Agent): QueueSettings[] {
    return this.deps.book.all('queue').filter((queue) => agent.isIn(queue));
  }

  /** The queues of a tenant that this one may log in to. */
  openTo(number: string): string[] {
    return this.deps.book.all('queue').filter((queue) => tenantOf(queue.number) === tenantOf(number) && (queue.open || ownAgents(queue).includes(number))).map((queue) => queue.number);
  }

  list(): QueueView[] {
    return this.deps.book.all('queue').map((queue) => this.view(queue));
  }

  queue(number: string): QueueView | undefined {
    const settings = this.settings(number);
    return settings && this.view(settings);
  }

  on<E extends keyof QueueEvents>(event: E, fn: (event: QueueEvents[E]) => void): void {
    this.listeners.on(event, fn);
  }

  private view(queue: QueueSettings): QueueView {
    const { number, name } = queue;
    return {
      number, name,
      waiting: this.line(number).map((place) => this.callerView(place)),
      agents: this.agents.in(queue).map((agent) => this.agentView(agent)),
      stats: this.countsOf(number).view(),
    };
  }

  private agentView(agent: Agent): AgentView {
    return this.agents.view(agent, this.deps.book.all('queue'));
  }

  private callerView(place: Place): CallerView {
    const { id, caller, priority, since, sinceWall, calling } = place;
    return { id, number: caller.number, name: caller.name, priority, position: this.position(place), since: sinceWall, waitedMs: this.deps.clock.now() - since, calling: [...calling] };
  }
}
