import { WorkerCore } from '../../../media/worker-core';
import type { Answer, Command, CommandName, Commands } from '../../../media/worker-protocol';
import { FakeNet } from './support/fake-net';
import { rtp } from './support/packets';

const OPEN = { flow: true };
const SHUT = { flow: false };

function worker(options: { bind6?: string | null; silenceMs?: number } = {}) {
  const clock = { ms: 0 };
  const net = new FakeNet(() => clock.ms);
  const core = new WorkerCore(net, { bind4: '0.0.0.0', bind6: '::', silenceMs: 1000, toneCountry: 'us', ...options }, {
    now: () => clock.ms,
    wallMs: () => 1_700_000_000_000 + clock.ms,
    random: () => 0.5,
    onDigit: () => undefined,
    onTalking: () => undefined,
    onSimple: () => undefined,
  });
  const answerAll = (commands: Command[]) => Promise.all(commands.map((command) => core.answer(command)));
  let n = 0;
  const ask = async <K extends CommandName>(op: K, what: Commands[K]['ask']): Promise<unknown> => {
    const [answer] = await answerAll([{ ...what, op, n: ++n } as Command]);
    if (answer && 'error' in answer) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer?.value;
  };
  const allocate = (id: string, port: number, family: 4 | 6 = 4) => ask('allocate', { id, session: 's', family, label: id, port });
  return { clock, net, core, ask, allocate, answerAll };
}

async function connected() {
  const all = worker();
  await all.allocate('a', 40000);
  await all.allocate('b', 40010);
  await all.allocate('c', 40020);
  for (const [id, port] of [['a', 1000], ['b', 2000], ['c', 3000]] as const) await all.ask('setRemote', { id, remote: { address: '192.0.2.1', port }, relatch: false });
  await all.ask('connect', { a: 'a', b: 'b', aToB: OPEN, bToA: OPEN });
  return all;
}

test('several commands to a message take effect in order and are answered by number', async () => {
  const { answerAll } = worker();
  const commands: Command[] = [
    { op: 'allocate', n: 7, id: 'a', session: 's', family: 4, label: 'caller', port: 40000 },
    { op: 'stats', n: 8, id: 'nobody' },
    { op: 'load', n: 9 },
  ];
  const answers: Answer[] = await answerAll(commands);
  expect(answers).toMatchObject([{ n: 7, value: null }, { n: 8, error: { code: 'unknown-endpoint' } }, { n: 9, value: { packets: 0, faults: 0 } }]);
  expect(await answerAll([{ op: 'describe', n: 1, id: 'a' }])).toEqual([{ n: 1, value: 'udp(:40000)' }]);
});

test('a port that somebody else has is said to be taken, and the pair’s other one is free again', async () => {
  const { net, allocate } = worker();
  net.taken.add(40001);
  await expect(allocate('a', 40000)).rejects.toMatchObject({ code: 'port-taken' });
  expect(net.sockets.get(40000)!.closed).toBe(true);
});

test('IPv6 that is switched off is refused', async () => {
  await expect(worker({ bind6: null }).allocate('a', 40000, 6)).rejects.toMatchObject({ code: 'bad-address' });
});

test.each<[CommandName, object]>([
  ['setRemote', { remote: null, relatch: false }],
  ['connect', { a: 'x', b: 'y', aToB: OPEN, bToA: OPEN }],
  ['stats', {}],
  ['describe', {}],
  ['release', {}],
])('%s of an endpoint that is not there is refused', async (op, what) => {
  await expect(worker().ask(op, { id: 'x', ...what } as never)).rejects.toMatchObject({ code: 'unknown-endpoint' });
});

test('an address of the other family is refused with the address', async () => {
  const { ask, allocate } = worker();
  await allocate('a', 40000);
  await expect(ask('setRemote', { id: 'a', remote: { address: '::1', port: 5 }, relatch: false })).rejects.toMatchObject({ code: 'bad-address', message: expect.stringContaining('::1 port 5') });
});

test('connecting again changes the directions, whichever way round it is said', async () => {
  const { net, ask } = await connected();
  await ask('connect', { a: 'b', b: 'a', aToB: OPEN, bToA: SHUT });
  expect(await ask('describe', { id: 'a' })).toBe('udp(:40000) <- relay <- udp(:40010)');
  net.deliver(40000, '192.0.2.1:1000', rtp());
  net.deliver(40010, '192.0.2.1:2000', rtp());
  expect([net.sent(40010).length, net.sent(40000).length]).toEqual([0, 1]);
});

test('connecting to another takes the endpoint from the one before', async () => {
  const { net, ask } = await connected();
  await ask('connect', { a: 'a', b: 'c', aToB: OPEN, bToA: OPEN });
  net.deliver(40000, '192.0.2.1:1000', rtp());
  net.deliver(40010, '192.0.2.1:2000', rtp());
  expect([net.sent(40020).length, net.sent(40010).length, net.sent(40000).length]).toEqual([1, 0, 0]);
  expect(await ask('describe', { id: 'b' })).toBe('udp(:40010)');
  expect(await ask('stats', { id: 'b' })).toMatchObject({ gated: 1 });
});

test('a release answers with the counters, closes both sockets and leaves the partner alone', async () => {
  const { net, ask } = await connected();
  net.deliver(40000, '192.0.2.1:1000', rtp());
  expect(await ask('release', { id: 'a' })).toMatchObject({ received: { packets: 1 } });
  expect([40000, 40001, 40010, 40011].map((port) => net.sockets.get(port)!.closed)).toEqual([true, true, false, false]);
  net.deliver(40010, '192.0.2.1:2000', rtp());
  expect(await ask('stats', { id: 'b' })).toMatchObject({ gated: 1 });
  await expect(ask('stats', { id: 'a' })).rejects.toMatchObject({ code: 'unknown-endpoint' });
});

test('silence names endpoint, session and label; none is watched when switched off', async () => {
  const { clock, core } = await connected();
  clock.ms = 1500;
  expect(core.silences()).toEqual([{ id: 'a', session: 's', label: 'a', silentMs: 1500 }, { id: 'b', session: 's', label: 'b', silentMs: 1500 }]);
  expect(core.silences()).toEqual([]);
  const off = worker({ silenceMs: 0 });
  await off.allocate('a', 40000);
  await off.allocate('b', 40010);
  await off.ask('connect', { a: 'a', b: 'b', aToB: OPEN, bToA: OPEN });
  off.clock.ms = 1e9;
  expect(off.core.silences()).toEqual([]);
});

test('an address that this machine does not have is heard of before the first call', async () => {
  const { core, net } = worker();
  await core.tryAddresses();
  expect([...net.sockets.values()].every((socket) => socket.closed)).toBe(true);
});

test('closing closes everything', async () => {
  const { ask, net } = await connected();
  await ask('close', {});
  expect([...net.sockets.values()].every((socket) => socket.closed)).toBe(true);
  expect(net.closed).toBe(true);
});

test('how a relayed party sounds: reckoned where its codec and jitter are known, unknown otherwise', async () => {
  const { ask, clock, net } = await connected();
  let sequence = 0;
  const hear = (lost: number) => {
    for (let i = 0; i < 200; i++) {
      const step = i < lost ? 2 : 1;
      sequence += step;
      clock.ms += 20 * step;
      net.deliver(40000, '192.0.2.1:1000', rtp({ sequence, timestamp: clock.ms * 8 }));
    }
  };
  hear(0);
  expect(await ask('stats', { id: 'a' })).toMatchObject({ mos: null });
  await ask('connect', { a: 'a', b: 'b', aToB: { ...OPEN, formats: [{ codec: 'PCMU', payloadType: 0 }] }, bToA: OPEN });
  const clean = (await ask('stats', { id: 'a' })) as { mos: number };
  expect(clean.mos).toBeCloseTo(4.41, 1);
  hear(40);
  const lossy = (await ask('stats', { id: 'a' })) as { mos: number };
  expect(lossy.mos).toBeLessThan(clean.mos - 0.5);
  expect(await ask('stats', { id: 'b' })).toMatchObject({ mos: null });
});
