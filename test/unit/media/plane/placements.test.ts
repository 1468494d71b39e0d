/** Which endpoint is where, without a thread or a socket. */
import { PortPool } from '../../../../media/net/port-pool';
import { Placements } from '../../../../media/plane/placements';
import type { WorkerLink } from '../../../../media/worker-link';
import { fakeLink, refusal, type FakeLink } from './fake-link';

function set(pairs = 4, ...links: FakeLink[]) {
  const range = { portMin: 20_000, portMax: 20_000 + 2 * pairs - 1 };
  const pool = new PortPool({ min: range.portMin, max: range.portMax, drainMs: 0, now: () => 0, random: (bytes) => Buffer.alloc(bytes) });
  const workers = links.length > 0 ? links : [fakeLink(), fakeLink()];
  const placements = new Placements(pool, range, () =>
    workers.map(({ link }) => link).filter(({ alive }) => alive).reduce<WorkerLink | undefined>((best, link) => (best && best.endpoints <= link.endpoints ? best : link), undefined),
  );
  const allocate = (session: string, near?: string) => placements.allocate({ session, near, family: 4, label: session });
  return { pool, placements, workers, allocate };
}

test('a session lives in one worker, another one where there is most room, whoever is near another with it', async () => {
  const { placements, workers, allocate } = set();
  const ids = [await allocate('one'), await allocate('one'), await allocate('two'), await allocate('three', 'one')].map(({ id }) => id);
  const [first, second] = workers.map(({ link }) => link);
  expect(ids.map((id) => placements.find(id).link === first)).toEqual([true, true, false, true]);
  expect([first!.endpoints, second!.endpoints, placements.size, placements.sessions]).toEqual([3, 1, 4, 3]);
  expect([placements.homeOf('one') === first, placements.homeOf('two') === second, placements.homeOf('three')]).toEqual([true, true, undefined]);
});

test('a group that is empty may be elsewhere next', async () => {
  const { placements, workers, allocate } = set();
  const a = await allocate('one');
  await placements.release(a.id);
  expect([placements.homeOf('one'), workers[0]!.link.endpoints]).toEqual([undefined, 0]);
  workers[0]!.link.endpoints = 5;
  const b = await allocate('one');
  expect(placements.find(b.id).link).toBe(workers[1]!.link);
});

test('a port that another program has is passed by and counted; a worker that refuses otherwise takes no port and no place', async () => {
  let tries = 0;
  const worker = fakeLink({ allocate: () => (++tries < 3 ? refusal('port-taken') : null) });
  const { pool, placements, allocate } = set(4, worker);
  await allocate('one');
  expect([tries, placements.portsTaken, pool.inUse]).toEqual([3, 2, 1]);
  worker.answers['allocate'] = refusal('bad-address');
  await expect(allocate('two')).rejects.toMatchObject({ code: 'bad-address' });
  expect([pool.inUse, worker.link.endpoints, placements.homeOf('two'), placements.size]).toEqual([1, 1, undefined, 1]);
});

test('no pair is free: said with the setting', async () => {
  const { allocate } = set(1);
  await allocate('one');
  await expect(allocate('two')).rejects.toMatchObject({ code: 'no-ports', message: expect.stringContaining('1 of 1 in use') });
});

test('no worker runs', async () => {
  const { workers, allocate, pool } = set();
  for (const { link } of workers) link.alive = false;
  await expect(allocate('one')).rejects.toMatchObject({ code: 'worker-lost' });
  expect(pool.inUse).toBe(0);
});

test('released: once in the worker, with the same counters as often as it is asked, and gone at once for everybody else', async () => {
  const stats = { received: { packets: 7 } };
  const worker = fakeLink({ release: stats });
  const { pool, placements, allocate } = set(4, worker);
  const { id } = await allocate('one');
  const both = [placements.release(id), placements.release(id)];
  expect(() => placements.find(id)).toThrow('was released');
  expect(await Promise.all(both)).toEqual([stats, stats]);
  expect(await placements.release(id)).toBe(stats);
  expect([worker.asked.filter((op) => op === 'release').length, pool.inUse, placements.has(id)]).toEqual([1, 0, false]);
  expect(() => placements.find(id)).toThrow('was released');
  for (const never of ['e2', 'e01', 'x1', '']) {
    expect(() => placements.find(never)).toThrow('there is no endpoint');
    await expect(placements.release(never)).rejects.toMatchObject({ code: 'unknown-endpoint' });
  }
});

test('a worker that is gone takes what lived in it, and says whose it was; the rest stays', async () => {
  const { pool, placements, workers, allocate } = set();
  const [a, b] = [await allocate('one'), await allocate('two')];
  await allocate('one');
  expect(placements.forget(workers[0]!.link)).toEqual(['one']);
  expect([placements.has(a.id), placements.has(b.id), placements.size, pool.inUse, placements.homeOf('one')]).toEqual([false, true, 1, 1, undefined]);
  expect(() => placements.find(a.id)).toThrow(expect.objectContaining({ code: 'worker-lost' }));
  expect((await placements.release(a.id)).received.packets).toBe(0);
});

test('a worker that dies while an endpoint is released: its port is given back once', async () => {
  let die: () => void = () => undefined;
  const worker = fakeLink({ release: () => new Promise((_, reject) => (die = () => reject(new Error('lost')))) });
  const { pool, placements, allocate } = set(4, worker);
  const { id } = await allocate('one');
  const released = placements.release(id);
  placements.forget(worker.link);
  die();
  expect((await released).received.packets).toBe(0);
  expect([pool.inUse, pool.free]).toEqual([0, 4]);
});
