/** What a monitoring system is shown, gathered from everything that runs. */
import type { MediaPlane } from '../media/plane';
import type { EngineView } from './api/routes/engine';
import type { MetricsView } from './api/routes/metrics';
import type { Calls } from './app/calls';
import type { Locations } from './app/locations';
import type { LoopDelay } from './loop-delay';

export interface MetricsViewDeps {
  calls: () => Pick<Calls, 'list' | 'stats' | 'totals'>;
  locations: Pick<Locations, 'stats'>;
  plane: Pick<MediaPlane, 'load'>;
  loop: Pick<LoopDelay, 'lateness'>;
  engine: Pick<EngineView, 'stats'> | undefined;
  process: Pick<NodeJS.Process, 'memoryUsage' | 'cpuUsage'>;
  /** Unix milliseconds. */
  startedAt: number;
}

const STATES = ['routing', 'ringing', 'answering', 'up'];

export function metricsView({ calls, locations, plane, loop, engine, process, startedAt }: MetricsViewDeps): MetricsView {
  return {
    async read() {
      const [{ ports, workers, workersLost }, counted] = await Promise.all([plane.load(), engine?.stats()]);
      const { active: _now, started, answered: _answered, refused: _refused, recorded: _recorded, ...callFaults } = calls().stats();
      const states = calls().list();
      const sum = (of: (worker: (typeof workers)[number]) => number): number => workers.reduce((all, worker) => all + of(worker), 0);
      const { user, system } = process.cpuUsage();
      const { contacts, extensions } = locations.stats();
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
        eventLoop: loop.lateness(),
        process: { residentBytes: process.memoryUsage().rss, cpuSeconds: (user + system) / 1e6, startedAt: startedAt / 1000 },
        engine: counted,
      };
    },
  };
}
