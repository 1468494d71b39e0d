/** Webhooks: in order, signed, again when it fails, given up when it must be, and kept over a restart. */
import { createHmac } from 'node:crypto';
import { EventBus } from '../../../../signaling/app/event-bus';
import type { Posted, Request } from '../../../../signaling/app/webhooks/post';
import { Webhooks } from '../../../../signaling/app/webhooks/webhooks';
import { silentLogger } from '../../../../signaling/log';
import { webhook } from '../../../../signaling/settings/kinds/webhook';
import type { Deliveries, Delivery } from '../../../../signaling/store/store';
import { FakeClock } from '../../../support/fake-clock';

const SECRET = 'a secret of some length';

/** As the store does it (test/contract/store/deliveries.test.ts). */
class Rows implements Deliveries {
  all: Delivery[] = [];
  failing = false;

  async write(puts: readonly Delivery[], removes: ReadonlyArray<{ hook: string; event: number }>): Promise<void> {
    if (this.failing) throw new Error('the disk is full');
    for (const one of [...removes, ...puts]) this.all = this.all.filter(({ hook, event }) => hook !== one.hook || event !== one.event);
    this.all.push(...puts);
  }
  async hooks(): Promise<string[]> {
    return [...new Set(this.all.map(({ hook }) => hook))];
  }
  async list({ hook, state, after = 0, limit }: Parameters<Deliveries['list']>[0]): Promise<Delivery[]> {
    return this.all.filter((row) => row.hook === hook && row.state === state && row.event > after).sort((a, b) => a.event - b.event).slice(0, limit);
  }
  async forget(name: string): Promise<void> {
    this.all = this.all.filter(({ hook }) => hook !== name);
  }
  async sweep(): Promise<void> {}
  get states(): string[] {
    return this.all.map(({ type, state, problem }) => `${type} ${state} ${problem ?? '-'}`);
  }
}

function world(rows = new Rows(), clock = new FakeClock()) {
  const events = new EventBus({ clock, log: silentLogger });
  const sent: Request[] = [];
  /** What is answered, in turn; then 200. */
  const answers: Array<number | Partial<Posted> | Promise<Posted>> = [];
  let listener: () => unknown = () => undefined;
  let settings: Array<ReturnType<typeof webhook.schema.parse>> = [];
  const set = (...all: Array<Record<string, unknown>>): void => {
    settings = all.map((one) => webhook.schema.parse({ name: 'crm', url: 'http://crm.example/', secrets: [SECRET], ...one }));
    listener();
  };
  set({});
  const webhooks = new Webhooks({
    book: { all: () => settings, onChanged: (fn) => void (listener = fn) },
    events, rows, clock,
    random: (bytes) => Buffer.alloc(bytes, 0x80),
    poster: {
      post: async (request) => {
        sent.push(request);
        const answer = answers.shift() ?? 200;
        if (answer instanceof Promise) return answer;
        return { problem: undefined, retryAfter: undefined, ...(typeof answer === 'number' ? { status: answer } : { status: 0, ...answer }) };
      },
      close: () => undefined,
    },
    log: silentLogger,
  });
  const turn = async (): Promise<void> => {
    for (let n = 0; n < 30; n++) await new Promise((resolve) => setImmediate(resolve));
  };
  const after = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turn();
  };
  const types = (): string[] => sent.map(({ body }) => (JSON.parse(body) as { type: string }).type);
  const state = () => webhooks.list()[0]!;
  return { rows, clock, events, sent, answers, set, webhooks, turn, after, types, state };
}

test('events leave at once, in order, signed with every secret', async () => {
  const w = world();
  w.set({ secrets: [SECRET, 'the next secret of ours'] });
  await w.webhooks.start();
  let answer: (posted: Posted) => void = () => undefined;
  w.answers.push(new Promise((resolve) => (answer = resolve)));
  w.events.tell('call.started', '', { call: 'a' });
  w.events.tell('call.ended', '', { call: 'a' });
  await w.turn();
  expect(w.types()).toEqual(['call.started']);
  answer({ status: 204, problem: undefined, retryAfter: undefined });
  await w.turn();
  expect(w.types()).toEqual(['call.started', 'call.ended']);
  const { url, body, headers, timeoutMs } = w.sent[0]!;
  const timestamp = String(w.clock.wall().getTime() / 1000);
  const signed = (secret: string) => `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
  expect([url, timeoutMs, headers['offhook-timestamp'], headers['offhook-signature'], headers['content-type'], headers['offhook-webhook']]).toEqual(['http://crm.example/', 10_000, timestamp, `${signed(SECRET)},${signed('the next secret of ours')}`, 'application/json', 'crm']);
  expect([JSON.parse(body), headers['offhook-id']]).toEqual([expect.objectContaining({ type: 'call.started', tenant: '', data: { call: 'a' } }), String((JSON.parse(body) as { id: number }).id)]);
  expect(w.state()).toMatchObject({ state: 'fine', waiting: 0, delivered: 2, failed: 0, problem: null });
  await w.after(5000);
  expect(w.rows.all).toEqual([]);
});

test('each is sent what it wants, of its tenant', async () => {
  const w = world();
  w.set({ name: 'all' }, { name: 'calls', events: ['call'] }, { name: 'stars', events: ['call.*', 'dtmf'] }, { name: 'acme', tenant: 'acme.example' }, { name: 'off', enabled: false });
  await w.webhooks.start();
  for (const [type, tenant] of [['call.ended', ''], ['dtmf', ''], ['voicemail.new', 'acme.example']] as const) w.events.tell(type, tenant, {});
  await w.turn();
  const got = (name: string) => w.sent.filter(({ headers }) => headers['offhook-webhook'] === name).map(({ body }) => (JSON.parse(body) as { type: string }).type);
  expect(['all', 'calls', 'stars', 'acme', 'off'].map(got)).toEqual([['call.ended', 'voicemail.new'], ['call.ended'], ['call.ended', 'dtmf'], ['voicemail.new'], []]);
});

test('what fails is tried again at growing intervals, the rest waits behind it and is kept', async () => {
  const w = world();
  await w.webhooks.start();
  w.answers.push(500, { problem: 'nobody listens there' }, 503);
  for (const type of ['call.started', 'call.ended'] as const) w.events.tell(type, '', {});
  await w.turn();
  expect(w.state()).toMatchObject({ state: 'failing', waiting: 2, failed: 1, problem: 'it answered 500', failingSince: w.clock.wall().getTime(), nextAt: expect.closeTo(w.clock.wall().getTime() + 1000, -2) });
  await w.after(500);
  expect(w.rows.states.sort()).toEqual(['call.ended waiting -', 'call.started waiting it answered 500']);
  await w.after(501);
  expect([w.sent.length, w.state().problem]).toEqual([2, 'nobody listens there']);
  await w.after(1990);
  expect(w.sent).toHaveLength(2);
  await w.after(20);
  expect(w.sent).toHaveLength(3);
  await w.after(4010);
  expect(w.types()).toEqual([...Array<string>(4).fill('call.started'), 'call.ended']);
  expect(w.state()).toMatchObject({ state: 'fine', waiting: 0, delivered: 2, failed: 3, problem: null, failingSince: null, nextAt: null });
  await w.after(500);
  expect(w.rows.all).toEqual([]);
});

test('an hour at most, but as long as it asks for; after a day it is given up, and the next is tried', async () => {
  const w = world();
  await w.webhooks.start();
  w.answers.push({ status: 503, retryAfter: 60 }, ...Array<number>(200).fill(500));
  w.events.tell('call.started', '', {});
  await w.turn();
  await w.after(59_000);
  expect(w.sent).toHaveLength(1);
  await w.after(1001);
  expect(w.sent).toHaveLength(2);
  for (let minute = 0; minute < 60 * 23; minute++) await w.after(60_000);
  const tries = w.sent.length;
  expect([tries > 30, tries < 45, w.state().buried]).toEqual([true, true, 0]);
  for (let minute = 0; minute < 60 * 3; minute++) await w.after(60_000);
  expect(w.state()).toMatchObject({ waiting: 0, buried: 1 });
  await w.after(500);
  expect(w.rows.states).toEqual(['call.started dead it answered 500']);
}, 60_000);

test('what it will not have is given up after three times; 410 ends all until it is changed', async () => {
  const w = world();
  await w.webhooks.start();
  w.answers.push(400, 400, 302, 200, 410);
  for (const type of ['call.started', 'call.answered', 'call.ended', 'voicemail.new'] as const) w.events.tell(type, '', {});
  for (let n = 0; n < 4; n++) await w.after(5000);
  expect([w.types(), w.state()]).toMatchObject([['call.started', 'call.started', 'call.started', 'call.answered', 'call.ended'], { state: 'gone', waiting: 0, delivered: 1, buried: 3 }]);
  w.events.tell('call.started', '', {});
  await w.after(1000);
  expect([w.sent.length, w.rows.states]).toEqual([5, ['call.started dead it answered 302', 'call.ended dead it answered 410', 'voicemail.new dead it answered 410']]);
  await expect(w.webhooks.redeliver('crm', undefined)).rejects.toMatchObject({ code: 'webhook.off' });
  w.set({ url: 'http://other.example/' });
  w.events.tell('dtmf', '', {});
  w.events.tell('call.held', '', {});
  await w.turn();
  expect([w.sent.at(-1)!.url, w.types().at(-1), w.state().state]).toEqual(['http://other.example/', 'call.held', 'fine']);
});

test('dead letters are listed, sent again, and forgotten', async () => {
  const w = world();
  await w.webhooks.start();
  w.answers.push(410);
  for (const type of ['call.started', 'call.answered', 'call.ended'] as const) w.events.tell(type, '', {});
  await w.turn();
  const letters = await w.webhooks.dead('crm', { limit: 2 });
  expect(letters.map(({ type, state, problem }) => [type, state, problem])).toEqual([['call.started', 'dead', 'it answered 410'], ['call.answered', 'dead', 'it answered 410']]);
  expect((await w.webhooks.dead('crm', { after: letters[1]!.event, limit: 2 })).map(({ type }) => type)).toEqual(['call.ended']);
  expect([await w.webhooks.removeDead('crm', letters[0]!.event), await w.webhooks.removeDead('crm', letters[0]!.event)]).toEqual([true, false]);
  w.set({ events: ['call'] });
  expect(await w.webhooks.redeliver('crm', [letters[1]!.event, 5])).toBe(1);
  expect(await w.webhooks.redeliver('crm', undefined)).toBe(1);
  await w.after(500);
  expect([w.types().slice(1), w.rows.all]).toEqual([['call.answered', 'call.ended'], []]);
  for (const ask of [w.webhooks.test('none'), w.webhooks.dead('none', { limit: 1 }), w.webhooks.redeliver('none', undefined), w.webhooks.removeDead('none', 1)]) await expect(ask).rejects.toMatchObject({ code: 'settings.not-found' });
});

test('what waits survives a restart; what a webhook left that is not there any more does not', async () => {
  const w = world();
  w.set({}, { name: 'gone' });
  await w.webhooks.start();
  w.answers.push(500, 500);
  w.events.tell('call.started', '', {});
  w.events.tell('call.ended', '', {});
  await w.turn();
  await w.webhooks.close();
  expect(w.rows.all).toHaveLength(4);
  const again = world(w.rows, w.clock);
  await again.webhooks.start();
  again.events.tell('voicemail.new', '', {});
  await again.turn();
  await again.after(500);
  expect([again.types(), again.rows.all]).toEqual([['call.started', 'call.ended', 'voicemail.new'], []]);
});

test('one that is removed takes what waits along; one that is changed is tried at once', async () => {
  const w = world();
  await w.webhooks.start();
  w.answers.push(500);
  w.events.tell('call.started', '', {});
  await w.turn();
  await w.after(600);
  expect(w.rows.all).toHaveLength(1);
  w.set({ url: 'http://other.example/' });
  await w.turn();
  expect([w.sent.map(({ url }) => url), w.state().waiting]).toEqual([['http://crm.example/', 'http://other.example/'], 0]);
  w.answers.push(500);
  w.events.tell('call.started', '', {});
  await w.turn();
  w.set();
  await w.after(5000);
  expect([w.webhooks.list(), w.rows.all, w.sent.length]).toEqual([[], [], 3]);
});

test('only so many wait; a store that fails is tried again', async () => {
  const w = world();
  await w.webhooks.start();
  w.rows.failing = true;
  w.answers.push(500);
  for (let n = 0; n < 5003; n++) w.events.tell('call.started', '', { n });
  await w.turn();
  expect(w.state()).toMatchObject({ waiting: 5000, buried: 3 });
  await w.after(500);
  expect(w.rows.all).toEqual([]);
  w.rows.failing = false;
  w.answers.push(...Array<number>(50).fill(500));
  await w.after(10_000);
  expect(w.rows.all).toHaveLength(5003);
  expect((await w.webhooks.dead('crm', { limit: 10 })).map(({ problem }) => problem)).toEqual(Array(3).fill('5000 were waiting already'));
});

test('a test goes past those that wait', async () => {
  const w = world();
  await w.webhooks.start();
  w.answers.push(500, 202, { problem: 'there is no such host' });
  w.events.tell('call.started', '', {});
  await w.turn();
  expect([await w.webhooks.test('crm'), await w.webhooks.test('crm')]).toEqual([{ status: 202, problem: null, tookMs: 0 }, { status: null, problem: 'there is no such host', tookMs: 0 }]);
  expect([w.types(), w.state().waiting]).toEqual([['call.started', 'test', 'test'], 1]);
});
