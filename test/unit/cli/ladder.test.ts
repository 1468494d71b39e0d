/** `offhook ladder` against a server that is made up: which calls a word stands for. */
import { join } from 'node:path';
import { ended, remembered, T0, up } from '../api/views';
import { offhook, temporaryFolder } from './run-cli';
import { runningServer } from './running-server';

let folder: ReturnType<typeof temporaryFolder>;
let server: Awaited<ReturnType<typeof runningServer>>;
beforeEach(async () => {
  folder = temporaryFolder();
  server = await runningServer(join(folder.path, 'data'));
});
afterEach(async () => {
  await server.close();
  folder.remove();
});
const run = (...argv: string[]) => offhook(folder.path, ['ladder', ...argv], { columns: undefined });
const legs = (...callIds: string[]) => callIds.map((callId, index) => ({ side: index === 0 ? ('caller' as const) : ('callee' as const), party: index === 0 ? '1001' : '1002', callId }));

describe('without words', () => {
  it('lists the calls that can be drawn', async () => {
    server.calls.remembered = [remembered('b@x', { lastAt: T0 + 60_000, from: 'ev\u001b[31mil', status: undefined }), remembered('r', { method: 'REGISTER' }), remembered('a@x', { messages: 12 })];
    expect((await run()).out).toBe(
      'LAST MESSAGE          METHOD  FROM       TO    STATUS  MESSAGES  CALL-ID\n' +
        '2026-01-01T10:01:00Z  INVITE  ev?[31mil  1002  -       7         b@x\n' +
        '2026-01-01T10:00:01Z  INVITE  1001       1002  200     12        a@x\n',
    );
  });

  it('and whatever else is remembered', async () => {
    server.calls.remembered = [remembered('r', { method: 'REGISTER' })];
    expect((await run()).out).toBe('No call is remembered.\n');
    expect((await run('--all')).out).toContain('REGISTER');
    expect(JSON.parse((await run('--all', '--json')).out)).toMatchObject([{ callId: 'r', status: 200 }]);
  });
});

describe('a word is', () => {
  beforeEach(() => {
    server.calls.remembered = ['new-1', 'new-2', 'old-1', 'old-2', '4711', 'wrong'].map((id) => remembered(id, id === 'wrong' ? { from: '1009', to: 'x', status: 403 } : {}));
    server.calls.remembered.push(remembered('reg', { method: 'REGISTER', from: '1008', to: '1008' }), remembered('reg-9', { method: 'REGISTER', from: '1009', to: '1009' }));
    server.calls.ended = [ended({ id: 'n', since: T0 + 9, dialogs: legs('new-1', 'new-2') }), ended({ id: 'o', since: T0, dialogs: legs('old-1', 'old-2') }), ended({ id: 'p', to: '4711', dialogs: legs('old-1') })];
  });

  it.each([
    ['a Call-ID', ['old-2'], ['old-2']],
    ['Call-IDs in one diagram, each once', ['old-2', 'new-1', 'old-2'], ['old-2', 'new-1']],
    ['a number: its latest call, with all legs', ['1001'], ['new-1', 'new-2']],
    ['a Call-ID, whatever it looks like', ['4711'], ['4711']],
    ['a number whose INVITE never became a call', ['1009'], ['wrong']],
    ['a number that only registered', ['1008'], ['reg']],
  ])('%s', async (_, words, callIds) => {
    expect(await run(...words)).toEqual({ code: 0, err: '', out: `a ladder of ${callIds.join(' and ')}\n` });
  });

  it('a number in a call that is up, before those that ended', async () => {
    server.calls.up = [up({ since: T0 + 50, dialogs: legs('4711', 'new-2') })];
    expect((await run('1002')).out).toBe('a ladder of 4711 and new-2\n');
  });

  it('a call of which nothing is remembered any more makes room for an older one', async () => {
    server.calls.ended.unshift(ended({ since: T0 + 99, dialogs: legs('gone-1', 'gone-2') }));
    expect((await run('1001')).out).toBe('a ladder of new-1 and new-2\n');
  });

  it('unknown', async () => {
    expect(await run('1234')).toEqual({ code: 1, out: '', err: 'offhook: No message of 1234 is remembered. “offhook ladder” lists the calls that are.\n' });
  });
});

it('as wide as the terminal, or as asked', async () => {
  server.calls.remembered = [remembered('a')];
  await run('a');
  for (const columns of [20, 97, 300]) await offhook(folder.path, ['ladder', 'a'], { columns });
  await offhook(folder.path, ['ladder', 'a', '--columns', '88'], { columns: 97 });
  expect(server.drawn.map(({ columns }) => columns)).toEqual([undefined, 80, 97, 120, 88]);
  expect(await run('a', '--columns', '7')).toMatchObject({ code: 1, err: expect.stringContaining('columns') as unknown });
});

it('as JSON: messages and drawing', async () => {
  server.calls.remembered = [remembered('a')];
  expect(JSON.parse((await run('a', '--json')).out)).toMatchObject({ messages: [{ callId: 'a', at: '2026-01-01T10:00:00.250Z' }], diagram: 'a ladder of a\n' });
});

it('without a server', async () => {
  await server.close();
  for (const words of [[], ['1001']]) expect(await run(...words)).toMatchObject({ code: 2, err: expect.stringContaining('No server runs') as unknown });
});
