/** `offhook stats` against a server that is made up. */
import { createServer, type Server } from 'node:net';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FakeClock } from '../../support/fake-clock';
import { eventually } from '../../support/wait';
import { stats } from '../api/views';
import { offhook, temporaryFolder } from './run-cli';
import { runningServer } from './running-server';

let folder: ReturnType<typeof temporaryFolder>;
let server: Awaited<ReturnType<typeof runningServer>> | undefined;
beforeEach(() => (folder = temporaryFolder()));
afterEach(async () => {
  await server?.close();
  server = undefined;
  folder.remove();
});
const data = () => join(folder.path, 'data');
const run = (...argv: string[]) => offhook(folder.path, ['stats', ...argv]);

it('as tables', async () => {
  server = await runningServer(data());
  expect(`\n${(await run()).out}`).toBe(`
up            2:03:04
dialogs       2
transactions  1 of others, 2 of ours, 5 timers
connections   1 (tcp 1), 0 half open
applications  1, 0 behind
overload      not controlled
capture       off
memory        150 MB, 30 MB of it the heap
event loop    late by 0.2 ms, 1 of 100 by 1.3, at most 12.0

MESSAGES  OVER  METHOD    REQUESTS  1xx  2xx  3xx  4xx  5xx  6xx  UNREADABLE
received  udp   INVITE    2         -    1    -    -    -    -    -
sent      tcp   REGISTER  -         -    -    -    4    -    -    -

COUNTED                 WHAT          HOW OFTEN
sent or received again  requestsSent  3
timers                  A             3
client transactions     done          9
not understood          name-addr     1
transport               malformed     1
`);
});

it('what is switched on is told, and days', async () => {
  server = await runningServer(data());
  server.engine.stats = async () =>
    stats({
      uptimeSeconds: 2 * 86_400 + 61,
      messages: { received: {}, sent: {} },
      overload: { share: 0.256, applicationShare: 0, busy: 0.9, began: 1, refused: 12, refusedForApplications: 0, refusedAgain: 0, emergencies: 0 },
      capture: { sent: 5, droppedWithoutAddress: 1, droppedBehind: 2, droppedTooLarge: 0, failed: 4 },
    });
  const { out } = await run();
  for (const line of ['up            2d 00:01:01', 'overload      26 % turned away now, 12 so far, busy 90 %', 'capture       5 sent, 3 dropped, 4 failed', 'No SIP message came or went.']) expect(out.split('\n')).toContain(line);
});

it('as JSON', async () => {
  server = await runningServer(data());
  expect(JSON.parse((await run('--json')).out)).toEqual(stats());
});

it('again and again, with what came since, until the server is gone', async () => {
  server = await runningServer(data());
  let invites = 2;
  server.engine.stats = async () => stats({ messages: { received: { udp: { INVITE: { requests: invites++ } } }, sent: {} } });
  const clock = new FakeClock();
  let out = '';
  const running = offhook(folder.path, ['stats', '--watch'], { clock, out: (text) => (out += text) });
  await eventually('the first look', () => clock.waiting === 1);
  expect(out).not.toContain('SINCE');
  clock.advance(2000);
  await eventually('the second look', () => clock.waiting === 1);
  expect(out.split('\x1b[H\x1b[2J')[1]).toMatch(/INVITE {2}3 .* 1\n/);
  await server.close();
  clock.advance(2000);
  expect(await running).toMatchObject({ code: 2, err: expect.stringContaining('No server runs') as unknown });
});

describe('nobody to ask', () => {
  const noServer = () => ({ code: 2, out: '', err: `offhook: No server runs on the data folder ${data()}. Start one with “offhook serve”, or name the folder of one that runs with --data.\n` });

  it('there is no folder, or no socket in it', async () => {
    expect(await run()).toEqual(noServer());
    mkdirSync(join(data(), 'run'), { recursive: true });
    expect(await run()).toEqual(noServer());
  });

  it('it is named with --data', async () => {
    server = await runningServer(join(folder.path, 'other'));
    expect((await run()).code).toBe(2);
    expect((await run('--data', 'other')).code).toBe(0);
  });

  it('the engine is elsewhere', async () => {
    server = await runningServer(data(), { engine: false });
    expect(await run()).toEqual({ code: 1, out: '', err: 'offhook: This server runs on a drachtio-server, and has no SIP engine of its own that could be asked.\n' });
  });

  it.each([
    ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<p>', 'its answer cannot be read'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{', 'aborted'],
    ['SSH-2.0\r\n', 'Parse Error'],
    ['', 'socket hang up'],
  ])('somebody else is there, and says %j', async (said, reason) => {
    mkdirSync(join(data(), 'run'), { recursive: true });
    const other: Server = createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.end(said)));
    await new Promise<void>((resolve) => other.listen(join(data(), 'run', 'operator.sock'), resolve));
    const { code, err } = await run();
    await new Promise((resolve) => other.close(resolve));
    expect([code, err]).toEqual([1, expect.stringMatching(new RegExp(`^offhook: The server on the data folder .* cannot be asked: .*${reason}.*\\.\n$`))]);
  });
});
