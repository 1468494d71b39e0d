/**
 * Queues: callers wait until an agent is free. Agents log in and out and take breaks from their phones, or by the API.
 *
 *   650         waits                     *50650  log in to that one       *50  to the only one, or it is asked for
 *   *52         a break, and back         *51650  out of that one          *51  out of all
 */
import { beside } from '../../tenants';
import { exactly, type Feature, type ServiceCall } from '../feature';
import { refuse } from '../reasons';
import type { Queues } from './queue/queues';
import { visit } from './queue/visit';

export { Queues } from './queue/queues';
export type { AgentView } from './queue/agents';
export type { AgentRecord, QueueDeps } from './queue/deps';
export type { QueueEvents, QueueView } from './queue/views';

const BREATH_MS = 400;
const ROUNDS = 3;
const MAX_DIGITS = 15;

export function queue(queues: Queues): Feature {
  return {
    name: 'queue',
    numbers: [
      { pattern: 'a queue', meaning: 'who dials it waits until an agent is free', matches: (_number, id) => (queues.settings(id) ? { queue: id } : undefined) },
      code('*50', 'in', 'agents log in'),
      code('*51', 'out', 'agents log out'),
      exactly('*52', 'agents take a break, and are back', { args: { agent: 'pause' } }),
    ],
    // one who waits may be muted
    silence: 'asks',
    async answer(call, { queue: number, agent, at = '' }) {
      if (agent === undefined) {
        const settings = queues.settings(number ?? '');
        // removed in this very moment
        return settings ? visit(call, queues, settings) : call.hangup(refuse('unknown-number', number ?? ''));
      }
      await call.answer();
      await call.pause(BREATH_MS);
      if (agent === 'in') await login(call, queues, at);
      else if (agent === 'out') await call.say([(await queues.logout(call.caller.number, at === '' ? undefined : beside(call.caller.number, at))) ? 'agent-logged-out' : 'agent-not-logged-in']);
      else await pause(call, queues);
      await call.say(['goodbye']);
    },
  };
}

const code = (dialled: string, agent: string, meaning: string): Feature['numbers'][number] => ({
  pattern: `${dialled}[QUEUE]`,
  meaning,
  matches: (number) => (number.startsWith(dialled) && /^\d{0,15}$/.test(number.slice(dialled.length)) ? { agent, at: number.slice(dialled.length) } : undefined),
});

async function login(call: ServiceCall, queues: Queues, dialled: string): Promise<void> {
  const { number } = call.caller;
  const open = queues.openTo(number);
  let at = dialled === '' && open.length === 1 ? (open[0] as string) : dialled;
  for (let round = 0; round < ROUNDS; round++) {
    if (at === '') {
      await call.say(['enter-number'], { interrupt: true });
      ({ digits: at } = await call.gather({ max: MAX_DIGITS }));
    }
    if (at !== '' && (await queues.login(number, beside(number, at)))) {
      await call.say(['agent-logged-in']);
      return;
    }
    await call.say(['agent-no-queue']);
    at = '';
  }
}

async function pause(call: ServiceCall, queues: Queues): Promise<void> {
  const { number } = call.caller;
  const paused = !queues.agent(number).paused;
  const done = await queues.pause(number, paused);
  await call.say([!done ? 'agent-not-logged-in' : paused ? 'agent-paused' : 'agent-back']);
}
