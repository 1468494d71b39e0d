import { MAX_BYTES, Messages, type MessageSrf } from '../../../signaling/app/messages';
import { FakeClock } from '../../support/fake-clock';
import { answerOf, binding, FakeRequest, FakeResponder } from './call-fakes';

function world() {
  const sent: Array<{ uri: string; options: Parameters<MessageSrf['request']>[1]; answers(status: number): void; fails(): void }> = [];
  const clock = new FakeClock();
  const messages = new Messages({
    srf: {
      request: (uri, options, done) => {
        sent.push({ uri, options, answers: (status) => done(null, { on: (_e, fn) => fn(answerOf(status)) }), fails: () => done(new Error('no flow')) });
      },
    },
    locations: { lookup: (number) => (number === '1002' ? [binding('1002', '192.168.9.30'), binding('1002', '192.168.9.31')] : []) },
    directory: { find: async (number) => (['1002', '1003'].includes(number) ? {} : undefined) },
    reach: { isLocal: () => false },
    clock,
  });
  const write = async (body = 'hello', to = '1002', headers: Record<string, string> = {}) => {
    const res = new FakeResponder();
    const done = messages.onMessage(new FakeRequest('MESSAGE', body, { 'content-type': 'text/plain', subject: 'x', ...headers }, `sip:${to}@pbx.test`) as never, res, { number: '1001', name: 'Ann' });
    await new Promise((resolve) => setImmediate(resolve));
    return { res, done };
  };
  return { sent, clock, messages, write };
}

test('goes to every phone with its text, from who it is; the first that takes it decides', async () => {
  const { sent, write, messages, clock } = world();
  const { res, done } = await write('grüße');
  expect(sent.map(({ uri }) => uri)).toEqual(['sip:1002@192.168.9.30:5060', 'sip:1002@192.168.9.31:5060']);
  expect(sent[0]?.options).toMatchObject({ method: 'MESSAGE', body: 'grüße', headers: { From: '"Ann" <sip:1001@localhost>', To: '<sip:1002@localhost>', 'Content-Type': 'text/plain' } });
  expect(sent[0]?.options.headers).not.toHaveProperty('Subject');
  sent[0]?.answers(415);
  sent[1]?.answers(202);
  await done;
  expect(res.final?.status).toBe(202);
  expect([messages.stats(), clock.waiting]).toEqual([{ underWay: 0, passed: 1, failed: 0 }, 0]);
});

test.each<[string, (one: ReturnType<typeof world>['sent'][number]) => void, (one: ReturnType<typeof world>['sent'][number]) => void, number]>([
  ['nobody there', (one) => one.fails(), (one) => one.answers(408), 480],
  ['one refuses', (one) => one.answers(408), (one) => one.answers(415), 415],
  ['a challenge is not for the sender', (one) => one.answers(407), (one) => one.fails(), 500],
])('%s', async (_, first, second, status) => {
  const { sent, write } = world();
  const { res, done } = await write();
  first(sent[0]!);
  second(sent[1]!);
  await done;
  expect(res.final?.status).toBe(status);
});

test('phones that never answer', async () => {
  const { write, clock } = world();
  const { res, done } = await write();
  clock.advance(34_000);
  await done;
  expect(res.final?.status).toBe(480);
});

test.each<[string, string, Record<string, string>, number]>([
  ['hello', '1004', {}, 404],
  ['hello', '1003', {}, 480],
  ['hello', 'a b', {}, 484],
  ['hello', '1002', { 'content-type': '' }, 400],
  ['x'.repeat(MAX_BYTES + 1), '1002', {}, 413],
])('%.5s to %s: refused', async (body, to, headers, status) => {
  const { sent, write } = world();
  const { res } = await write(body, to, headers);
  expect([res.final?.status, sent]).toEqual([status, []]);
});
