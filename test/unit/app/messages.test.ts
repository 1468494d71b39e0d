import type { Binding } from '../../../signaling/app/binding';
import type { LocationEvent } from '../../../signaling/app/locations';
import { MAX_QUEUED } from '../../../signaling/app/kept-messages';
import type { MessageSrf } from '../../../signaling/app/message-sending';
import { MAX_BYTES, Messages } from '../../../signaling/app/messages';
import { FakeClock } from '../../support/fake-clock';
import { answerOf, binding, FakeLog, FakeRequest, FakeResponder } from './call-fakes';
import { MemoryTexts } from './text-store';

const DAY = 86_400_000;

interface Sent {
  uri: string;
  options: Parameters<MessageSrf['request']>[1];
  answers(status: number): void;
  fails(): void;
}

function world(keepDays = 14, clock = new FakeClock(), texts = new MemoryTexts()) {
  const sent: Sent[] = [];
  const phones = new Map<string, Binding[]>([['1002', [binding('1002', '192.168.9.30'), binding('1002', '192.168.9.31')]]]);
  let happens: (event: LocationEvent) => void = () => undefined;
  let seed = 0;
  const messages = new Messages({
    srf: {
      request: (uri, options, done) => {
        sent.push({ uri, options, answers: (status) => done(null, { on: (_e, fn) => fn(answerOf(status)) }), fails: () => done(new Error('no flow')) });
      },
    },
    store: texts,
    locations: { lookup: (number) => phones.get(number) ?? [], onEvent: (listener) => (happens = listener) },
    directory: { find: async (number) => (['1001', '1002', '1003'].includes(number) ? { name: `Name of ${number}` } : undefined) },
    reach: { isLocal: () => false, addressFor: () => '10.0.0.1' },
    clock,
    random: (bytes) => Buffer.alloc(bytes, ++seed),
    log: new FakeLog(),
    settings: { keepDays },
  });
  const settle = async (): Promise<void> => {
    for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
  };
  const write = async (body = 'hello', to = '1002', headers: Record<string, string> = {}) => {
    const res = new FakeResponder();
    const done = messages.onMessage(new FakeRequest('MESSAGE', body, { 'content-type': 'text/plain', subject: 'x', ...headers }, `sip:${to}@pbx.test`) as never, res, { number: '1001', name: 'Ann' });
    // whoever waits for it hears of it all the same
    done.catch(() => undefined);
    await settle();
    return { res, done };
  };
  /** A phone of that number registers; what is sent to it then is in `sent`. */
  const registers = async (number: string, type: LocationEvent['type'] = 'registered'): Promise<void> => {
    const one = binding(number, '192.168.9.40');
    phones.set(number, [one]);
    happens({ type, binding: one });
    clock.advance(400);
    await settle();
  };
  const answers = async (status: number): Promise<void> => {
    sent.at(-1)!.answers(status);
    await settle();
  };
  return { sent, clock, messages, texts, phones, write, registers, answers, settle };
}

test('goes to every phone with its text, from who it is; the first that takes it decides', async () => {
  const { sent, write, messages, clock, texts } = world();
  const { res, done } = await write('grüße');
  expect(sent.map(({ uri }) => uri)).toEqual(['sip:1002@192.168.9.30:5060', 'sip:1002@192.168.9.31:5060']);
  expect(sent[0]?.options).toMatchObject({ method: 'MESSAGE', body: 'grüße', headers: { From: '"Ann" <sip:1001@localhost>', To: '<sip:1002@localhost>', 'Content-Type': 'text/plain' } });
  expect(sent[0]?.options.headers).not.toHaveProperty('Subject');
  sent[0]?.answers(415);
  sent[1]?.answers(202);
  await done;
  expect(res.final?.status).toBe(202);
  expect([messages.stats(), clock.waiting, texts.all]).toEqual([{ underWay: 0, passed: 1, failed: 0, kept: 0, delivered: 0, expired: 0, waiting: 0 }, 0, []]);
});

test.each<[string, (one: Sent) => void, (one: Sent) => void, number]>([
  ['nobody there, and nothing is kept', (one) => one.fails(), (one) => one.answers(408), 480],
  ['one refuses', (one) => one.answers(408), (one) => one.answers(415), 415],
  ['a challenge is not for the sender', (one) => one.answers(407), (one) => one.fails(), 500],
])('%s', async (_, first, second, status) => {
  const { sent, write } = world(0);
  const { res, done } = await write();
  first(sent[0]!);
  second(sent[1]!);
  await done;
  expect(res.final?.status).toBe(status);
});

test('phones that never answer, and nothing is kept', async () => {
  const { write, clock, settle } = world(0);
  const { res, done } = await write();
  clock.advance(5000);
  await settle();
  clock.advance(34_000);
  await done;
  expect(res.final?.status).toBe(480);
});

test.each<[string, string, Record<string, string>, number]>([
  ['hello', '1004', {}, 404],
  ['hello', 'a b', {}, 484],
  ['hello', '1002', { 'content-type': '' }, 400],
  ['x', '1002', { 'content-encoding': 'deflate' }, 415],
  ['x'.repeat(MAX_BYTES + 1), '1002', {}, 413],
  ['<isComposing/>', '1003', { 'content-type': 'application/im-iscomposing+xml' }, 480],
])('%.5s to %s: refused', async (body, to, headers, status) => {
  const { sent, write, texts } = world();
  const { res } = await write(body, to, headers);
  expect([res.final?.status, sent, texts.all]).toEqual([status, [], []]);
});

describe('nobody is there', () => {
  test('kept, and sent in order, each once, when a phone comes; with the time it was written', async () => {
    const { write, sent, registers, answers, texts, clock, messages } = world();
    expect((await write('one', '1003')).res.final?.status).toBe(202);
    await write('two', '1003');
    clock.advance(60_000);
    await registers('1003');
    expect(sent.map(({ options }) => options.body)).toEqual(['one']);
    expect(sent[0]?.options.headers).toMatchObject({ From: '"Ann" <sip:1001@localhost>', Date: 'Thu, 01 Jan 2026 00:00:00 GMT' });
    // what is written meanwhile waits its turn
    expect((await write('three', '1003')).res.final?.status).toBe(202);
    await answers(200);
    await answers(200);
    await answers(202);
    expect([sent.map(({ options }) => options.body), texts.states()]).toEqual([['one', 'two', 'three'], 'one delivered 1, two delivered 1, three delivered 1']);
    await registers('1003', 'refreshed');
    expect(sent).toHaveLength(3);
    expect(messages.stats()).toMatchObject({ kept: 3, delivered: 3, waiting: 0 });
    const { done } = await write('four', '1003');
    await answers(200);
    await done;
    expect(texts.all).toHaveLength(3);
  });

  test('a restarted server goes on', async () => {
    const first = world();
    await first.write('one', '1003');
    first.messages.close();
    const second = world(14, first.clock, first.texts);
    await second.messages.start();
    await second.registers('1003');
    await second.answers(200);
    expect(second.texts.states()).toBe('one delivered 1');
  });

  test('a phone that comes and does not answer is tried again, later and later; a refusal is the end of that one', async () => {
    const { write, sent, registers, answers, clock, settle, texts } = world();
    await write('one', '1003');
    await write('two', '1003');
    await registers('1003');
    await answers(408);
    expect(sent).toHaveLength(1);
    clock.advance(60_000);
    await settle();
    await answers(503);
    clock.advance(60_000);
    await settle();
    expect(sent).toHaveLength(2);
    clock.advance(60_000);
    await settle();
    await answers(415);
    await answers(200);
    expect(texts.states()).toBe('one failed 3, two delivered 1');
  });

  test('phones that do not answer within seconds: kept, and not sent again when they do', async () => {
    const { write, sent, clock, settle, texts } = world();
    const { res, done } = await write('slow');
    clock.advance(4000);
    await settle();
    await done;
    expect([res.final?.status, texts.states()]).toEqual([202, 'slow queued 0']);
    sent[1]?.answers(200);
    await settle();
    expect([texts.states(), sent.length]).toEqual(['slow delivered 1', 2]);
  });

  test('too many are not kept, and none is by a store that fails', async () => {
    const { write, texts } = world();
    for (let n = 0; n < MAX_QUEUED.each; n++) await write(`${n}`, '1003');
    expect((await write('one more', '1003')).res.final?.status).toBe(480);
    texts.broken = new Error('the disk is full');
    await expect((await write('and more', '1003')).done).rejects.toThrow('full');
  });

  test('what waits too long expires, and is forgotten as long after', async () => {
    const { write, clock, messages, texts, settle } = world(2);
    await messages.start();
    await write('one', '1003');
    const after = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 3_600_000) {
        clock.advance(3_600_000);
        await settle();
      }
    };
    await after(DAY);
    expect(texts.states()).toBe('one queued 0');
    await after(DAY + 3_600_000);
    expect([texts.states(), messages.stats().expired]).toEqual(['one expired 0', 1]);
    await after(2 * DAY + 3_600_000);
    expect(texts.all).toEqual([]);
    messages.close();
    expect(clock.waiting).toBe(0);
  });
});

describe('notices of what became of a message', () => {
  const cpim = (asks: string): string =>
    `From: <sip:1001@pbx.test>\r\nTo: <sip:1003@pbx.test>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: m1\r\nimdn.Disposition-Notification: ${asks}\r\n\r\nContent-Type: text/plain\r\n\r\nhi`;
  const heard = (sent: Sent[]): string[] => sent.filter(({ uri }) => uri.includes('1001')).map(({ options }) => /<(\w+)\/><\/status>/.exec(options.body)?.[1] ?? '');

  test.each<[string, number, string[]]>([
    ['positive-delivery, negative-delivery', 200, ['delivered']],
    ['positive-delivery, negative-delivery', 415, ['failed']],
    ['negative-delivery, processing', 200, ['stored']],
    ['display', 200, []],
  ])('%s asked for, %i: the sender hears %j', async (asks, status, notices) => {
    const { write, registers, sent, phones, settle } = world();
    phones.set('1001', [binding('1001', '192.168.9.20')]);
    await write(cpim(asks), '1003', { 'content-type': 'message/cpim' });
    await registers('1003');
    const message = sent.find(({ uri }) => uri.includes('1003'))!;
    message.answers(status);
    await settle();
    await settle();
    expect(heard(sent)).toEqual(notices);
    const first = sent.find(({ uri }) => uri.includes('1001'));
    if (first) expect(first.options).toMatchObject({ headers: { From: '"Name of 1003" <sip:1003@localhost>', 'Content-Type': 'message/cpim' }, body: expect.stringContaining('<message-id>m1</message-id>') as string });
  });

  test('a sender that is gone meanwhile hears it when it comes back', async () => {
    const { write, registers, answers, texts } = world();
    await write(cpim('positive-delivery'), '1003', { 'content-type': 'message/cpim' });
    await registers('1003');
    await answers(200);
    await registers('1001');
    await answers(200);
    expect(texts.all.map(({ to, state }) => `${to} ${state}`)).toEqual(['1003 delivered', '1001 delivered']);
  });
});
