/** How long answers are kept, and what is remembered of places that failed. */
import { CachedNames, defaultCache } from '../../../../signaling/engine/resolve/cache';
import { FailedPlaces } from '../../../../signaling/engine/resolve/failed-places';
import type { Place } from '../../../../signaling/engine/resolve/places';
import { hostsEntries } from '../../../../signaling/engine/resolve/system-names';
import { FakeClock } from '../../../support/fake-clock';
import { FakeNames } from './fake-names';

function setUp(): { clock: FakeClock; names: FakeNames; cache: CachedNames } {
  const clock = new FakeClock();
  const names = new FakeNames().hasAddress('a.test', '192.0.2.1').hasSrv('_sip._udp.a.test', '1 1 5060 a.test');
  return { clock, names, cache: new CachedNames(names, clock, { ...defaultCache, maxEntries: 3 }) };
}

test('for its time to live, and once for questions at the same time', async () => {
  const { clock, names, cache } = setUp();
  names.ttlMs = 20_000;
  await Promise.all([cache.addresses('a.test'), cache.addresses('A.test')]);
  clock.advance(19_999);
  await cache.addresses('a.test');
  expect(names.asked).toEqual(['A a.test']);
  clock.advance(1);
  expect((await cache.addresses('a.test')).records).toEqual([{ address: '192.0.2.1', family: 4 }]);
  expect(names.asked).toHaveLength(2);
});

test('a minute when nobody said; that there is nothing for half of one; a failure for five seconds', async () => {
  const { clock, names, cache } = setUp();
  names.fails('A down.test');
  const ask = async (): Promise<number> => {
    await Promise.allSettled([cache.srv('_sip._udp.a.test'), cache.addresses('none.test'), cache.addresses('down.test')]);
    return names.asked.length;
  };
  expect(await ask()).toBe(3);
  clock.advance(4_999);
  expect(await ask()).toBe(3);
  clock.advance(1);
  expect(await ask()).toBe(4);
  clock.advance(25_000);
  expect(await ask()).toBe(6);
  clock.advance(30_000);
  expect(await ask()).toBe(9);
});

test('no time to live is a second, and a long one an hour', async () => {
  const { clock, names, cache } = setUp();
  for (const [ttlMs, kept] of [[0, 1_000], [86_400_000, 3_600_000]] as const) {
    names.ttlMs = ttlMs;
    const before = names.asked.length;
    await cache.addresses('a.test');
    clock.advance(kept - 1);
    await cache.addresses('a.test');
    expect(names.asked.length).toBe(before + 1);
    clock.advance(1);
    await cache.addresses('a.test');
    expect(names.asked.length).toBe(before + 2);
    clock.advance(86_400_000);
  }
});

test('bounded', async () => {
  const { cache } = setUp();
  for (let n = 0; n < 50; n++) await cache.addresses(`n${n}.test`);
  expect(cache.size).toBe(3);
});

describe('places that failed', () => {
  const place = (n: number): Place => ({ protocol: 'udp', address: `192.0.2.${n}`, port: 5060 });

  test('come last for a minute, in the order they had', () => {
    const clock = new FakeClock();
    const failed = new FailedPlaces(clock);
    failed.add(place(1));
    failed.add(place(2));
    expect(failed.inOrder([place(1), place(2), place(3)])).toEqual([place(3), place(1), place(2)]);
    failed.remove(place(1));
    expect(failed.inOrder([place(1), place(2), place(3)])).toEqual([place(1), place(3), place(2)]);
    clock.advance(60_000);
    expect(failed.inOrder([place(2), place(3)])).toEqual([place(2), place(3)]);
  });
});

test('hosts(5)', () => {
  const text = '# a comment\n127.0.0.1\tlocalhost loop # more\n::1 localhost\n192.0.2.1  Trunk.Test trunk\nnonsense trunk.test\n';
  expect(hostsEntries(text, 'localhost')).toEqual([{ address: '127.0.0.1', family: 4 }, { address: '::1', family: 6 }]);
  expect(hostsEntries(text, 'trunk.test.')).toEqual([{ address: '192.0.2.1', family: 4 }]);
  expect(hostsEntries(text, 'more')).toEqual([]);
});
