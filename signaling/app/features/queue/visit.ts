/**
 * A caller's time in a queue: straight-line code, that ends wherever it stands when the caller hangs up or an agent answers.
 *
 *   full? nobody there? ─▶ in line ─▶ welcome ─▶ music, and now and then the position ─┬▶ an agent answers
 *                                                                                      └▶ a key, too long, everybody gone: overflow
 */
import { shown } from '../../../tenants';
import { CallOver, type ServiceCall } from '../../feature';
import type { QueueSettings } from './deps';
import type { Place, Queues, Report } from './queues';

const BREATH_MS = 400;
/** How long a caller goes unlooked at: what is set may change, and agents log out. */
const LOOK_MS = 5000;

export async function visit(call: ServiceCall, queues: Queues, queue: QueueSettings): Promise<void> {
  await call.answer();
  await call.pause(BREATH_MS);
  const full = queue.maxLength !== null && queues.length(queue.number) >= queue.maxLength;
  if (full || isLeft(queues, queue)) {
    queues.turnedAway(queue);
    return overflow(call, queue, full ? 'queue-full' : 'queue-nobody-there');
  }
  const stop = new AbortController();
  const stay = new Stay(call, queues, queue, stop.signal);
  queues.enter(stay.place);
  try {
    await wait(call, queues, queue, stay);
    // nobody is to answer any more, and whoever was called is free again
    stop.abort();
    queues.leave(stay.place, 'overflow');
    await stay.called;
  } finally {
    // one who was answered has left by now
    queues.leave(stay.place, 'abandoned');
  }
  await overflow(call, queue, 'queue-nobody-there');
}

/** Whether there is nobody to wait for, in a queue in which nobody waits for that. */
const isLeft = (queues: Queues, queue: QueueSettings): boolean => queue.withoutAgents === 'overflow' && queues.isEmpty(queue);

/** One caller's place, and the agents who are called for it. */
class Stay {
  readonly place: Place;
  /** Resolves when no agent is being called. Never rejects. */
  called: Promise<void> = Promise.resolve();

  constructor(call: ServiceCall, { deps }: Queues, queue: QueueSettings, signal: AbortSignal) {
    const { caller } = call;
    this.place = {
      id: call.id, caller,
      queue: queue.number,
      priority: priorityOf(queue, caller.number),
      since: deps.clock.now(),
      sinceWall: deps.clock.wall().getTime(),
      tried: new Set(), calling: [], agent: undefined,
      call: (agents, report) => {
        this.called = this.ring(call, queue, agents, report, signal).catch((err: unknown) => {
          if (err instanceof CallOver) return;
          deps.log.error({ call: call.id, queue: queue.number, error: String(err) }, 'agents could not be called');
          report.failed();
        });
      },
    };
  }

  private async ring(call: ServiceCall, { agentSeconds: seconds, prefix }: QueueSettings, any: readonly string[], { refused, answered, failed }: Report, signal: AbortSignal): Promise<void> {
    await call.transferTo({ any, prefix: prefix === '' ? undefined : `${prefix} ` }, { hears: 'the same', seconds, signal, refused, answered });
    failed();
  }
}

/** Of the longest beginning that fits. */
export function priorityOf({ priorities }: Pick<QueueSettings, 'priorities'>, caller: string): number {
  const fitting = priorities.filter(({ callers }) => shown(caller).startsWith(callers));
  return fitting.sort((a, b) => b.callers.length - a.callers.length)[0]?.priority ?? 0;
}

/** Resolves when the caller is to go on. */
async function wait(call: ServiceCall, queues: Queues, queue: QueueSettings, { place }: Stay): Promise<void> {
  const { deps } = queues;
  const { clock } = deps;
  const greeting = queue.welcome === null || queue.welcome === 'default' ? [] : await deps.sound(queue.welcome);
  if (queue.welcome === 'default') await call.say(['queue-welcome'], { interrupt: true });
  else await call.play(greeting.map((file) => ({ file })), { interrupt: true });
  const music = queue.music === null ? [] : await deps.sound(queue.music);
  const every = queue.sayEverySeconds * 1000;
  const last = queue.maxWaitSeconds === null ? Infinity : place.since + queue.maxWaitSeconds * 1000;
  let next = every === 0 ? Infinity : clock.now();
  let plays = false;
  for (;;) {
    const now = clock.now();
    const settings = queues.settings(queue.number);
    // nobody is sent away while a phone rings for it
    const idle = place.calling.length === 0;
    if (!settings || (idle && (now >= last || isLeft(queues, settings)))) return;
    if (idle && now >= next) {
      const words = about(queues, settings, place);
      if (words.length > 0) {
        await call.say(words, { interrupt: true });
        plays = false;
      }
      next = clock.now() + every;
    }
    if (!plays && music.length > 0) {
      plays = true;
      void call.play(music.map((file) => ({ file })), { loop: true });
    }
    const until = Math.min(next, last, now + LOOK_MS) - clock.now();
    const key = await call.digit(Math.max(until, 200));
    if (key !== undefined && key === settings.exitKey) return;
  }
}

/** Where it stands, and how long it may take. */
export function about(queues: Queues, queue: QueueSettings, place: Place): string[] {
  const { sayNumber } = queues.deps;
  const position = queues.position(place);
  const words: string[] = [];
  if (queue.sayPosition) words.push(...(position === 1 ? ['queue-you-are-next'] : ['queue-you-are-number', ...sayNumber(position), 'queue-in-line']));
  const ms = queue.sayWait ? queues.expectedMs(place, queue) : undefined;
  const minutes = ms === undefined ? undefined : Math.round(ms / 60_000);
  if (minutes === 0) words.push('queue-less-than-a-minute');
  else if (minutes !== undefined) words.push('queue-wait-is-about', ...sayNumber(minutes), minutes === 1 ? 'queue-minute' : 'queue-minutes');
  return words;
}

async function overflow(call: ServiceCall, { overflow: to }: QueueSettings, words: string): Promise<void> {
  if (to !== null) await call.transferTo(to, { asDialled: true });
  await call.say([words, 'goodbye']);
}
