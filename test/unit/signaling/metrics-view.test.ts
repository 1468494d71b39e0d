/** What is gathered for a monitoring system, from everything that runs. */
import type { PlaneLoad } from '../../../media/plane';
import { metricsView, type MetricsViewDeps } from '../../../signaling/metrics-view';

const worker = (packets: number, ticks: number) => ({ packets, sound: { ticks, late: 1, skipped: 2 } });

test('workers are added up, states counted, and what is no fault is left out', async () => {
  const none = { bounds: [], counts: [0], sum: 0 };
  const deps = {
    calls: () => ({
      list: () => [{ state: 'up' }, { state: 'up' }, { state: 'ringing' }],
      stats: () => ({ active: 3, started: 8, answered: 5, refused: 4, recorded: 1, recordingsFailed: 6, glare: 2 }),
      totals: () => ({ ended: [], postDialDelay: none, talk: none, mos: none, loss: none, jitter: none }),
    }),
    trunks: { list: () => [{ name: 'a', state: 'up', calls: 1, spentToday: 2, label: '' }, { name: 'b', state: 'refused', calls: 0, spentToday: 0, label: '' }], stats: () => ({ refusedByLimit: [{ trunk: 'a', calls: 4 }], up: 1, total: 2 }) },
    alarms: { up: () => [{ name: 'disk', subject: '', severity: 'critical', text: 'full', since: 0 }] },
    listeners: () => 7,
    webhooks: { list: () => [{ name: 'crm', state: 'fine', waiting: 1, delivered: 2, failed: 3, buried: 4, problem: null, failingSince: null, nextAt: null }] },
    queues: { list: () => [{ number: '650', name: '', waiting: [{}, {}], agents: [{ state: 'free' }, { state: 'talking' }], stats: { answered: 5, abandoned: 6 } }] },
    history: { stats: () => ({ waiting: 1, written: 2, dropped: 3, failed: 9, swept: 0 }) },
    locations: { stats: () => ({ contacts: 5, extensions: 4, journal: {} }) },
    plane: { load: async () => ({ ports: { total: 9, inUse: 2, draining: 1, free: 6 }, workers: [worker(10, 3), worker(5, 0)], workersLost: 1 }) as unknown as PlaneLoad },
    loop: { lateness: () => ({ p50Ms: 1, p99Ms: 2, maxMs: 3 }) },
    engine: undefined,
    process: { memoryUsage: () => ({ rss: 77 }), cpuUsage: () => ({ user: 1_500_000, system: 500_000 }) },
    startedAt: 5000,
  } as unknown as MetricsViewDeps;
  expect(await metricsView(deps).read()).toEqual({
    calls: { routing: 0, ringing: 1, answering: 0, up: 2 },
    started: 8, ended: [], postDialDelay: none, talk: none, mos: none, loss: none, jitter: none,
    trunks: [{ name: 'a', up: true, calls: 1, spentToday: 2 }, { name: 'b', up: false, calls: 0, spentToday: 0 }],
    refusedByLimits: [{ trunk: 'a', calls: 4 }],
    alarms: [{ name: 'disk', subject: '', severity: 'critical' }],
    eventListeners: 7,
    webhooks: [{ name: 'crm', waiting: 1, delivered: 2, failed: 3, buried: 4 }],
    queues: [{ number: '650', waiting: 2, agents: 2, free: 1, answered: 5, abandoned: 6 }],
    records: { waiting: 1, written: 2, dropped: 3, failed: 9 },
    callFaults: { recordingsFailed: 6, glare: 2 },
    registrations: { contacts: 5, extensions: 4 },
    media: { ports: { free: 6, inUse: 2, draining: 1 }, packets: 15, ticks: { made: 3, late: 2, skipped: 4 }, workersLost: 1 },
    eventLoop: { p50Ms: 1, p99Ms: 2, maxMs: 3 },
    process: { residentBytes: 77, cpuSeconds: 2, startedAt: 5 },
    engine: undefined,
  });
});
