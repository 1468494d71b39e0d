/** A call that becomes poor is told once, and once that it is fine again. */
import type { EndpointStats } from '../../../media/plane';
import { CallQuality, type Sounding } from '../../../signaling/app/call-quality';
import { FakeClock } from '../../support/fake-clock';

function world(count = 1) {
  const clock = new FakeClock();
  const told: string[] = [];
  const asked: string[] = [];
  const parties: Sounding[] = Array.from({ length: count }, (_, n) => ({ call: `c${n}`, from: '1001', side: 'caller', number: '1001', endpoint: `e${n}` }));
  const stats = new Map<string, { packets: number; lost: number; jitterMs: number | null }>();
  const quality = new CallQuality({
    clock,
    sounding: () => parties,
    stats: async (endpoint) => {
      asked.push(endpoint);
      const one = stats.get(endpoint);
      if (!one) throw new Error('it is gone');
      return { received: { packets: one.packets, bytes: 0 }, lost: one.lost, jitterMs: one.jitterMs, mos: 3.9 } as EndpointStats;
    },
    tell: (what, { call, loss, jitterMs }) => told.push(`${what} ${call} ${loss.toFixed(3)} ${jitterMs}`),
  });
  /** The party is looked at again, when so much more has come. */
  const next = async (packets: number, lost: number, jitterMs: number | null = 5) => {
    const before = stats.get('e0') ?? { packets: 0, lost: 0 };
    stats.set('e0', { packets: before.packets + packets, lost: before.lost + lost, jitterMs });
    for (let step = 0; step < 10; step++) await quality.look();
  };
  return { clock, told, asked, parties, stats, quality, next };
}

test('by what came since the last look, with room between poor and fine', async () => {
  const { told, next } = world();
  await next(500, 100);
  expect(told).toEqual([]);
  await next(500, 10);
  await next(475, 25);
  await next(475, 25);
  expect(told).toEqual(['poor c0 0.050 5']);
  await next(485, 15);
  expect(told).toHaveLength(1);
  await next(500, 5);
  expect(told.slice(1)).toEqual(['restored c0 0.010 5']);
  await next(500, 0, 61);
  await next(500, 0, 45);
  await next(500, 0, 39);
  expect(told.slice(2)).toEqual(['poor c0 0.000 61', 'restored c0 0.000 39']);
});

test('whoever says nothing is not judged, nor what came late after all', async () => {
  const { told, next } = world();
  await next(500, 0);
  await next(10, 30);
  await next(500, -30);
  expect(told).toEqual([]);
});

test('each party once in ten steps, at steps of its own; one that is gone harms nobody', async () => {
  const { asked, parties, stats, quality } = world(3);
  for (const endpoint of ['e0', 'e2']) stats.set(endpoint, { packets: 1, lost: 0, jitterMs: null });
  await quality.look();
  expect(asked).toEqual(['e0', 'e1', 'e2']);
  parties.push({ ...parties[0]!, call: 'c3', endpoint: 'e3' });
  stats.set('e3', { packets: 1, lost: 0, jitterMs: null });
  for (let step = 1; step < 10; step++) await quality.look();
  expect(asked.filter((endpoint) => endpoint !== 'e1').slice(2)).toEqual(['e3']);
  parties.splice(0, 3);
  for (let step = 0; step < 10; step++) await quality.look();
  expect(asked.filter((endpoint) => endpoint === 'e3')).toHaveLength(2);
});

test('one tenth each second, until it is closed', async () => {
  const { clock, asked, stats, quality } = world();
  stats.set('e0', { packets: 1, lost: 0, jitterMs: null });
  quality.start();
  for (let second = 0; second < 20; second++) {
    clock.advance(1000);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(asked).toHaveLength(2);
  quality.close();
  clock.advance(60_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toHaveLength(2);
});
