/** What a monitoring system is shown, gathered from everything that runs. */
import type { MediaPlane } from '../media/plane';
import type { EngineView } from './api/routes/engine';
import type { MetricsView } from './api/routes/metrics';
import type { Alarms } from './app/alarms';
import type { CallHistory } from './app/call-history';
import type { AppProgram } from './app-program/app-program';
import type { Calls } from './app/calls';
import type { Queues } from './app/features';
import type { Locations } from './app/locations';
import type { Trunks } from './app/trunks/trunks';
import type { Webhooks } from './app/webhooks/webhooks';
import type { LoopDelay } from './loop-delay';

export interface MetricsViewDeps {
  calls: () => Pick<Calls, 'list' | 'stats' | 'totals'>;
  locations: Pick<Locations, 'stats'>;
  trunks: Pick<Trunks, 'list' | 'stats'>;
  alarms: Pick<Alarms, 'up'>;
  webhooks: Pick<Webhooks, 'list'>;
  /** Of events, over WebSocket. */
  listeners: () => number;
  queues: Pick<Queues, 'list'>;
  history: Pick<CallHistory, 'stats'>;
  plane: Pick<MediaPlane, 'load'>;
  loop: Pick<LoopDelay, 'lateness'>;
  engine: Pick<EngineView, 'stats'> | undefined;
  /** Of the user's own. */
  program?: Pick<AppProgram, 'counters'> | undefined;
  process: Pick<NodeJS.Process, 'memoryUsage' | 'cpuUsage'>;
  /** Unix milliseconds. */
  startedAt: number;
}

const STATES = ['routing', 'ringing', 'answering', 'up'];

export function metricsView({ calls, locations, trunks, alarms, webhooks, listeners, queues, history, plane, loop, engine, program, process, startedAt }: MetricsViewDeps): MetricsView {
  return {
    async read() {
      const [{ ports, workers, workersLost }, counted] = await Promise.all([plane.load(), engine?.stats()]);
      const { active: _now, started, answered: _answered, refused: _refused, recorded: _recorded, ...callFaults } = calls().stats();
      const states = calls().list();
      const sum = (of: (worker: (typeof workers)[number]) => number): number => workers.reduce((all, worker) => all + of(worker), 0);
      const { user, system } = process.cpuUsage();
      const { contacts, extensions } = locations.stats();
      const recorded = history.stats();
      return {
        calls: Object.fromEntries(STATES.map((name) => [name, states.filter(({ state }) => state === name).length])),
        started,
        ...calls().totals(),
        callFaults,
        registrations: { contacts, extensions },
        media: {
          ports: { free: ports.free, inUse: ports.inUse, draining: ports.draining },
          packets: sum(({ packets }) => packets),
          ticks: { made: sum(({ sound }) => sound.ticks), late: sum(({ sound }) => sound.late), skipped: sum(({ sound }) => sound.skipped) },
          workersLost,
        },
        trunks: trunks.list().map(({ name, state, calls: over, spentToday }) => ({ name, up: state === 'up', calls: over, spentToday })),
        refusedByLimits: trunks.stats().refusedByLimit,
        queues: queues.list().map(({ number, waiting, agents, stats }) => ({
          number, waiting: waiting.length, agents: agents.length, free: agents.filter(({ state }) => state === 'free').length, answered: stats.answered, abandoned: stats.abandoned,
        })),
        records: { waiting: recorded.waiting, written: recorded.written, dropped: recorded.dropped, failed: recorded.failed },
        alarms: alarms.up().map(({ name, subject, severity }) => ({ name, subject, severity })),
        eventListeners: listeners(),
        webhooks: webhooks.list().map(({ name, waiting, delivered, failed, buried }) => ({ name, waiting, delivered, failed, buried })),
        eventLoop: loop.lateness(),
        process: { residentBytes: process.memoryUsage().rss, cpuSeconds: (user + system) / 1e6, startedAt: startedAt / 1000 },
        app: program?.counters,
        engine: counted,
      };
    },
  };
}
