/** How a connection comes, goes and comes again, on a clock that the test moves. */
import { LastingProblem, type Channel, type ChannelEvents, type Target } from '../../../../client/sip/channel';
import { Connection, CONNECT_TIMEOUT_MS } from '../../../../client/sip/connection';
import { FakeClock } from '../../../support/fake-clock';

interface Attempt {
  target: Target;
  events: ChannelEvents;
  signal: AbortSignal;
  closed: boolean;
  succeed(): void;
  fail(error: Error): void;
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function set(chance = 0.5, target: Target | null = { protocol: 'TCP', host: 'pbx.test' }) {
  const clock = new FakeClock();
  const attempts: Attempt[] = [];
  const told: string[] = [];
  const connection = new Connection({
    target: target ?? undefined,
    clock,
    chance: () => chance,
    open: (to, events, signal) =>
      new Promise<Channel>((resolve, reject) => {
        const attempt: Attempt = {
          target: to, events, signal, closed: false,
          succeed: () => resolve({ protocol: to.protocol, reliable: true, local: undefined, remote: { host: '10.0.0.2', port: 5060 }, send: () => undefined, ping: () => undefined, close: () => void (attempt.closed = true) }),
          fail: reject,
        };
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        attempts.push(attempt);
      }),
    opening: () => void told.push('opening'),
    opened: ({ protocol }) => void told.push(`opened ${protocol}`),
    lost: ({ problem, retryMs, lasting }) => void told.push(`lost: ${problem}, again in ${retryMs}${lasting ? ', lasting' : ''}`),
    message: (_channel, text) => void told.push(text),
    pinged: () => undefined,
  });
  /** What was told since it was last asked. */
  const said = (): string[] => told.splice(0);
  return { clock, attempts, connection, said };
}

test('opens once, whoever asks while it does, and is there then', async () => {
  const { attempts, connection, said } = set();
  expect([connection.isWanted, connection.channel]).toEqual([false, undefined]);
  const both = [connection.open(), connection.open()];
  expect(said()).toEqual(['opening']);
  attempts[0]!.succeed();
  await Promise.all(both);
  await connection.open();
  expect([attempts.length, connection.isWanted, connection.channel?.protocol, said()]).toEqual([1, true, 'TCP', ['opened TCP']]);
});

test('without a server it is a UDP socket for whoever is called', () => {
  const { attempts, connection } = set(0.5, null);
  void connection.open();
  expect(attempts[0]!.target).toEqual({ protocol: 'UDP', host: '' });
});

test('an attempt that nobody answers ends after 10 s, in words, and another one follows', async () => {
  const { clock, attempts, connection, said } = set();
  const opened = expect(connection.open()).rejects.toThrow('no answer within 10 seconds');
  clock.advance(CONNECT_TIMEOUT_MS - 1);
  await settle();
  expect(said()).toEqual(['opening']);
  clock.advance(1);
  await opened;
  expect(said()).toEqual(['lost: no answer within 10 seconds, again in 500']);
  clock.advance(500);
  expect([attempts.length, said()]).toEqual([2, ['opening']]);
});

test.each([
  [0, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]],
  [0.999, [750, 1499, 2998, 5996, 11_992, 23_984, 30_000, 30_000]],
])('pauses grow, by chance (%d) and never beyond 30 s; a message or a pong says that it works again', async (chance, pauses) => {
  const { clock, attempts, connection, said } = set(chance);
  connection.open().catch(() => undefined);
  for (const ms of pauses) {
    attempts.at(-1)!.fail(new Error('refused'));
    await settle();
    expect(said()).toEqual(['opening', `lost: refused, again in ${ms}`]);
    clock.advance(ms);
  }
  for (const works of ['message', 'pong'] as const) {
    attempts.at(-1)!.succeed();
    await settle();
    attempts.at(-1)!.events[works]('SIP/2.0 200 OK');
    said();
    attempts.at(-1)!.events.closed('gone');
    expect(said()).toEqual([`lost: gone, again in ${pauses[0]}`]);
    clock.advance(pauses[0]!);
  }
});

test('an open connection alone says nothing: one that ends at once is not tried ever faster', async () => {
  const { clock, attempts, connection, said } = set();
  connection.open().catch(() => undefined);
  for (const ms of [500, 1000, 2000]) {
    attempts.at(-1)!.succeed();
    await settle();
    attempts.at(-1)!.events.closed('gone');
    expect(said().at(-1)).toBe(`lost: gone, again in ${ms}`);
    clock.advance(ms);
  }
});

test('a channel that ended before it was handed over is a failed attempt', async () => {
  const { attempts, connection, said } = set();
  const opened = expect(connection.open()).rejects.toThrow('closed by the far end');
  attempts[0]!.events.closed('closed by the far end');
  attempts[0]!.succeed();
  await opened;
  expect([connection.channel, said()]).toEqual([undefined, ['opening', 'lost: closed by the far end, again in 500']]);
});

test('what will not pass by itself is told as such', async () => {
  const { attempts, connection, said } = set();
  const opened = expect(connection.open()).rejects.toThrow('it has expired');
  attempts[0]!.fail(new LastingProblem('it has expired'));
  await opened;
  expect(said()).toEqual(['opening', 'lost: it has expired, again in 500, lasting']);
});

test('asked for while it waits: tried at once, and only once', async () => {
  const { clock, attempts, connection } = set();
  connection.open().catch(() => undefined);
  attempts[0]!.fail(new Error('refused'));
  await settle();
  void connection.open();
  clock.advance(5_000);
  expect(attempts).toHaveLength(2);
});

test.each(['while it opens', 'while it is there', 'while it waits'])('closed %s: silently, for good, and no timer is left', async (when) => {
  const { clock, attempts, connection, said } = set();
  const opened = connection.open().catch((error: Error) => error.message);
  if (when === 'while it is there') attempts[0]!.succeed();
  if (when === 'while it waits') attempts[0]!.fail(new Error('refused'));
  if (when !== 'while it opens') await settle();
  said();
  connection.close();
  connection.close();
  const end = await opened;
  expect(end).toBe(when === 'while it opens' ? 'it was given up' : when === 'while it waits' ? 'refused' : undefined);
  attempts[0]!.events.closed('late');
  attempts[0]!.events.message('late');
  expect([said(), clock.waiting, connection.channel, attempts[0]!.closed]).toEqual([[], 0, undefined, when === 'while it is there']);
});

test('a channel that comes although it was given up is closed', async () => {
  const { attempts, connection, said } = set();
  const opened = expect(connection.open()).rejects.toThrow('not wanted any more');
  attempts[0]!.succeed();
  connection.close();
  await opened;
  expect([attempts[0]!.closed, connection.channel, said()]).toEqual([true, undefined, ['opening']]);
});

test('replaced: opened anew at once, however long the pauses have become; never when it is not wanted', async () => {
  const { clock, attempts, connection, said } = set();
  connection.replace();
  expect([attempts.length, said()]).toEqual([0, []]);
  connection.open().catch(() => undefined);
  attempts[0]!.fail(new Error('refused'));
  await settle();
  connection.replace();
  expect(said()).toEqual(['opening', 'lost: refused, again in 500', 'lost: the network has changed, again in 0']);
  clock.advance(0);
  attempts[1]!.succeed();
  await settle();
  expect(said()).toEqual(['opening', 'opened TCP']);
  connection.replace();
  expect(attempts[1]!.closed).toBe(true);
  clock.advance(0);
  expect([attempts.length, said()]).toEqual([3, ['lost: the network has changed, again in 0', 'opening']]);
});
