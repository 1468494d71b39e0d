/** Menus, opening hours, intercom, paging and supervisors: what is dialled, heard and pressed, over phones and a media plane that are played. */
import { isPrompt } from '../../../media/speech';
import type { Feature } from '../../../signaling/app/feature';
import { openingHours } from '../../../signaling/app/features/hours';
import { intercom } from '../../../signaling/app/features/intercom';
import { menu } from '../../../signaling/app/features/menu';
import { paging } from '../../../signaling/app/features/paging';
import { supervisor } from '../../../signaling/app/features/supervisor';
import { office, superviseFrom, type OfficeDeps } from '../../../signaling/app/office';
import { hours as hoursKind } from '../../../signaling/settings/kinds/hours';
import { menu as menuKind } from '../../../signaling/settings/kinds/menu';
import { paging as pagingKind } from '../../../signaling/settings/kinds/paging';
import { noDiversion, type ExtensionSettings, type Item } from '../../../signaling/store/store';
import { sipp } from '../media/sdp-offers';
import { binding, extension, FakeLog, nothing, World, type FakeDialog } from './call-fakes';

const NOW = new Date('2026-11-23T09:00:00Z');
const kinds = { hours: hoursKind, menu: menuKind, paging: pagingKind };

const answer = (address: string) => ['v=0', `o=- 5 5 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', 'm=audio 7000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', ''].join('\r\n');

/** 1001 dials; 1002 and 1003 have phones; what is set is this. */
class Office {
  readonly items = new Map<string, Item>();
  readonly log = new FakeLog();
  readonly deps: OfficeDeps;
  w!: World;

  constructor(more: readonly Feature[] = []) {
    const valueOf = (kind: string, key: string) => this.items.get(`${kind} ${key}`)?.value;
    this.deps = {
      settings: {
        get: ((kind: string, key: string) => valueOf(kind, key)) as never,
        all: ((kind: string) => [...this.items.values()].filter((one) => one.kind === kind).map(({ value }) => value)) as never,
      },
      directory: { find: async (number) => this.w.extensions.get(number) },
      locations: { lookup: (number) => (number === '1002' ? this.w.phones : (this.w.registered.get(number) ?? [])) },
      store: { transaction: (work) => work({ items: { get: async (kind: string, key: string) => this.items.get(`${kind} ${key}`), put: async (item: Item) => void this.items.set(`${item.kind} ${item.key}`, item) } } as never) },
      changed: async () => undefined,
      calls: () => this.w.calls,
      clock: { wall: () => NOW },
      data: '/data',
      prompt: (key) => (isPrompt(key) ? `/prompts/${key}.wav` : undefined),
      sayDigits: (number) => [...number],
      log: this.log,
    };
    const { hours, menu: menus, intercom: calls, paging: pages, supervisor: supervisors } = office(this.deps);
    this.w = new World({ features: [openingHours(hours), menu(menus), intercom(calls), paging(pages), supervisor(supervisors), ...more], prompt: this.deps.prompt });
    this.w.registered.set('1003', [binding('1003', '192.168.9.31')]);
  }

  set<N extends keyof typeof kinds>(kind: N, value: object): void {
    const checked = kinds[kind].schema.strict().parse(value) as { number?: string; name?: string };
    const key = String(kinds[kind].key === 'number' ? checked.number : checked.name);
    this.items.set(`${kind} ${key}`, { kind, key, value: checked, updatedAt: 0 });
  }

  extension(number: string, settings: ExtensionSettings): void {
    this.w.extensions.set(number, extension(number, { settings }));
  }

  async dial(number: string, from = '1001', source = '192.168.7.20'): Promise<Awaited<ReturnType<World['dial']>>> {
    const dialled = await this.w.dial(sipp, {}, `sip:${number}@pbx.test`, source, from);
    await this.after(400);
    return dialled;
  }

  async after(ms: number): Promise<void> {
    await this.w.settle();
    this.w.clock.advance(ms);
    await this.w.settle();
  }

  async press(keys: string, endpoint = 'e0'): Promise<void> {
    for (const digit of keys) this.w.plane.emit('digit', { id: endpoint, session: this.w.plane.held.get(endpoint)?.session, digit, durationMs: 100, by: 'rfc4733' });
    await this.w.settle();
  }

  /** What is heard now comes to its end. */
  async heardOut(): Promise<void> {
    this.w.plane.finishes();
    await this.w.settle();
  }

  /** What was played since the last look: files by their name, tones by theirs. */
  heard(): string[] {
    const plays = this.w.plane.of('play').map(([, , what]) => (what as Array<{ file?: string; tone?: string }>).map(({ file, tone }) => file?.replace(/^\/prompts\/|\.wav$/g, '') ?? tone).join(' '));
    this.w.plane.calls.splice(0, this.w.plane.calls.length, ...this.w.plane.calls.filter(([name]) => name !== 'play'));
    return plays;
  }

  rung(): string[] {
    return this.w.srf.forks.map(({ uri }) => /sip:(\d+)@/.exec(uri)![1]!);
  }

  cause(): unknown {
    return this.w.calls.recent()[0]?.ended.cause;
  }
}

const hangUp = async (o: Office, dialog: FakeDialog): Promise<void> => {
  dialog.bye();
  await o.w.settle();
};

describe('a menu', () => {
  const with610 = (more: object = {}): Office => {
    const o = new Office();
    o.set('menu', { number: '610', prompt: ['welcome.wav', 'one-moment'], options: { '1': '1002', '2': '611', '22': '1003', '9': 'repeat', '0': 'hangup' }, ...more });
    o.set('menu', { number: '611', prompt: ['enter-number'], options: { '*': '610' } });
    return o;
  };

  test('a key during the prompt ends it and leads to a phone at once', async () => {
    const o = with610();
    await o.dial('610');
    expect(o.heard()).toEqual(['/data/prompts/welcome one-moment']);
    await o.press('1');
    expect([o.rung(), o.heard()]).toEqual([['1002'], ['ringback']]);
    o.w.fork().answers(answer('192.168.9.30'));
    await o.w.settle();
    expect(o.w.calls.list()).toMatchObject([{ from: '1001', to: '1002', service: undefined, state: 'up' }]);
    await hangUp(o, o.w.answer.dialog);
    expect([o.w.left, o.w.calls.recent()[0]?.service]).toEqual([nothing, 'menu']);
  });

  test('where more keys could follow, they are waited for; # does not wait', async () => {
    const o = with610();
    await o.dial('610');
    await o.press('2');
    expect(o.heard()).toHaveLength(1);
    await o.after(2000);
    // 611, another menu, has the caller, answered as it is
    expect(o.heard()).toEqual(['enter-number']);
    expect(o.w.calls.list()).toMatchObject([{ to: '611', service: 'menu', state: 'up' }]);
    await o.press('*');
    expect(o.heard()).toEqual(['/data/prompts/welcome one-moment']);
    await o.press('22');
    expect(o.rung()).toEqual(['1003']);
    o.w.fork().refuses(486);
    await o.w.settle();
    expect(o.heard()).toEqual(['ringback', 'cannot-be-reached-now']);
    await o.heardOut();
    expect(o.heard()).toEqual(['/data/prompts/welcome one-moment']);
    await o.press('2#');
    expect(o.heard()).toEqual(['enter-number']);
    await hangUp(o, o.w.answer.dialog);
    expect(o.w.left).toEqual(nothing);
  });

  test('what leads nowhere, and nothing at all, so often; then elsewhere', async () => {
    const o = with610({ tries: 2, otherwise: '1003', invalidPrompt: ['sorry.wav'] });
    await o.dial('610');
    await o.press('7');
    expect(o.heard().slice(1)).toEqual(['/data/prompts/sorry']);
    await o.heardOut();
    expect(o.heard()).toEqual(['/data/prompts/welcome one-moment']);
    await o.heardOut();
    await o.after(5999);
    expect(o.rung()).toEqual([]);
    await o.after(1);
    expect(o.rung()).toEqual(['1003']);
    o.w.fork().refuses(603);
    await o.w.settle();
    await o.heardOut();
    await o.heardOut();
    expect(o.heard()).toEqual(['ringback', 'cannot-be-reached-now', 'goodbye']);
    expect([o.cause(), o.w.left]).toEqual(['service-over', nothing]);
  });

  test('repeat is no failure; hangup says goodbye', async () => {
    const o = with610({ tries: 1 });
    await o.dial('610');
    for (let i = 0; i < 5; i++) await o.press('9');
    expect(o.heard()).toHaveLength(6);
    await o.press('0');
    expect(o.heard()).toEqual(['goodbye']);
    await o.heardOut();
    expect(o.w.left).toEqual(nothing);
  });

  test('an extension may be pressed, if that is allowed; another number not', async () => {
    const o = with610({ dialByExtension: true, tries: 2 });
    await o.dial('610');
    await o.press('1003');
    await o.after(2000);
    expect(o.rung()).toEqual(['1003']);
    o.w.fork().refuses(486);
    await o.w.settle();
    await o.heardOut();
    o.heard();
    await o.press('611#');
    expect([o.rung(), o.heard()]).toEqual([['1003'], ['not-right']]);
    await hangUp(o, o.w.answer.dialog);
    expect(o.w.left).toEqual(nothing);
  });

  test('closed: another prompt and another place', async () => {
    const o = with610({ hours: 'office', closedPrompt: ['closed.wav'], closedTo: '1003' });
    o.set('hours', { name: 'office', timeZone: 'Europe/Berlin', weekly: ['mon 11:00-12:00'] });
    await o.dial('610');
    expect(o.heard()).toEqual(['/data/prompts/closed']);
    await o.heardOut();
    expect(o.rung()).toEqual(['1003']);
    await hangUp(o, o.w.answer.dialog);
    // in Berlin it is ten
    o.set('hours', { name: 'office', timeZone: 'Europe/Berlin', weekly: ['mon 10:00-12:00'] });
    o.heard();
    await o.dial('610');
    expect(o.heard()).toEqual(['/data/prompts/welcome one-moment']);
  });

  test('menus that lead to each other without anybody pressing a key come to an end', async () => {
    const o = new Office();
    o.set('hours', { name: 'never', timeZone: 'UTC' });
    o.set('menu', { number: '610', prompt: ['one-moment'], hours: 'never', closedTo: '611' });
    o.set('menu', { number: '611', prompt: ['one-moment'], hours: 'never', closedTo: '610' });
    await o.dial('610');
    for (let i = 0; i < 5; i++) await o.heardOut();
    expect([o.heard(), o.w.left]).toEqual([['cannot-be-reached-now', 'goodbye'], nothing]);
  });

  test('a prompt that is not there is left out, and logged', async () => {
    const o = with610({ prompt: ['no-such-prompt', 'one-moment'] });
    await o.dial('610');
    expect([o.heard(), o.log.of('there is no such prompt')]).toEqual([['one-moment'], [{ prompt: 'no-such-prompt' }]]);
    await hangUp(o, o.w.answer.dialog);
  });

  test('on to a service whose media has to be elsewhere: the phone goes there in a call of its own, and this one ends', async () => {
    const heard: string[] = [];
    const room: Feature = {
      name: 'a room',
      numbers: [{ pattern: '8000', meaning: '', exact: '8000', matches: (number) => (number === '8000' ? {} : undefined), room: () => '8000' }],
      answer: async (call) => {
        await call.answer();
        await call.join('8000');
        heard.push(call.caller.number);
        await call.ended;
      },
    };
    const o = new Office([room]);
    o.set('menu', { number: '610', prompt: ['one-moment'], options: { '1': '8000' } });
    await o.dial('610');
    await o.press('1');
    const [request] = o.w.answer.dialog.requests;
    expect(request).toMatchObject({ method: 'INVITE', body: expect.stringContaining('m=audio 40002') as string });
    expect([...o.w.plane.held.values()].map(({ near }) => near)).toEqual([undefined, 'room:8000']);
    request!.answer(200, answer('192.168.7.20'));
    await o.after(0);
    expect([heard, o.w.calls.list()]).toMatchObject([['1001'], [{ from: '1001', to: '8000', service: 'a room', state: 'up' }]]);
    expect(o.w.plane.of('join')).toMatchObject([['join', 'e1', '8000', undefined]]);
    expect(o.w.calls.recent()).toMatchObject([{ to: '610', transferredTo: '8000' }]);
    await hangUp(o, o.w.answer.dialog);
    expect(o.w.left).toEqual(nothing);
  });
});

describe('*55, opening hours by hand', () => {
  const override = (o: Office): unknown => (o.items.get('hours office')!.value as { override: unknown }).override;

  test('closes, goes by the clock again, opens', async () => {
    const o = new Office();
    o.set('hours', { name: 'office', timeZone: 'UTC', weekly: ['mon 08:00-10:00'], code: '1' });
    await o.dial('*551');
    expect([o.heard(), override(o)]).toEqual([['hours-closed goodbye'], 'closed']);
    await o.dial('*551');
    expect([o.heard(), override(o)]).toEqual([['hours-by-the-clock goodbye'], null]);
    o.set('hours', { name: 'office', timeZone: 'UTC', weekly: [], code: '1' });
    await o.dial('*551');
    expect([o.heard(), override(o)]).toEqual([['hours-open goodbye'], 'open']);
  });

  test('only by who may, and by a code that there is', async () => {
    const o = new Office();
    o.set('hours', { name: 'office', timeZone: 'UTC', code: '1', setBy: ['1002'] });
    await o.dial('*551');
    await o.dial('*552');
    expect([o.heard(), override(o)]).toEqual([['not-allowed goodbye', 'not-right goodbye'], null]);
  });
});

describe('*80, intercom', () => {
  test('the phone is asked to answer by itself, in every way that phones know', async () => {
    const o = new Office();
    o.extension('1002', { autoAnswer: 'anyone' });
    await o.dial('*801002');
    expect(o.w.fork().options.headers).toMatchObject({ 'Answer-Mode': 'Auto', 'Call-Info': '<sip:10.0.0.1>;answer-after=0', 'Alert-Info': expect.stringContaining('info=alert-autoanswer') as string });
    o.w.fork().answers(answer('192.168.9.30'));
    await o.w.settle();
    expect(o.w.calls.list()).toMatchObject([{ from: '1001', to: '1002', state: 'up' }]);
    await hangUp(o, o.w.answer.dialog);
    // an ordinary call afterwards rings
    await o.dial('1002');
    expect(o.w.fork(1).options.headers).not.toHaveProperty('Call-Info');
  });

  test.each([
    ['nobody has said that it may', {}, {}, 'refused', 403],
    ['others may', { autoAnswer: ['1003'] }, {}, 'refused', 403],
    ['it does not want to be disturbed', { autoAnswer: ['1001'] }, { doNotDisturb: true }, 'do-not-disturb', 480],
  ] as const)('not when %s', async (_why, settings, diversion, cause, status) => {
    const o = new Office();
    o.w.extensions.set('1002', extension('1002', { settings, diversion: { ...noDiversion, ...diversion } }));
    const { res } = await o.dial('*801002');
    expect([o.cause(), res.final?.status, o.rung()]).toEqual([cause, status, []]);
  });

  test('its own phone, wherever its calls go; when that is busy, the tone', async () => {
    const o = new Office();
    o.w.extensions.set('1002', extension('1002', { settings: { autoAnswer: 'anyone' }, diversion: { ...noDiversion, busy: '1003' } }));
    await o.dial('*801002');
    expect(o.rung()).toEqual(['1002']);
    o.w.fork().refuses(486);
    await o.w.settle();
    expect([o.rung(), o.heard()]).toEqual([['1002'], ['ringback', 'busy']]);
    await o.heardOut();
    expect([o.cause(), o.w.left]).toEqual(['busy', nothing]);
  });
});

describe('a page', () => {
  const page = async (more: object = {}): Promise<Office> => {
    const o = new Office();
    o.set('paging', { number: '620', name: 'Workshop', members: ['1001', '1002', '1003'], ...more });
    await o.dial('620');
    return o;
  };
  const joined = (o: Office) => o.w.plane.of('join').map(([, id, , settings]) => [id, settings]);

  test('all members but the caller are called, answer by themselves near the caller, hear a beep and then the caller', async () => {
    const o = await page();
    expect(o.rung()).toEqual(['1002', '1003']);
    expect(o.w.fork().options.headers).toMatchObject({ 'Answer-Mode': 'Auto', From: expect.stringContaining('"Workshop" <sip:1001@') as string });
    expect(new Set([...o.w.plane.held.values()].map(({ near }) => near))).toEqual(new Set(['room:page:620']));
    const [first, second] = [0, 1].map((i) => o.w.fork(i).answers(answer(`192.168.9.3${i}`)));
    await o.w.settle();
    expect(o.heard()).toEqual(['beep', 'beep', 'beep']);
    await o.heardOut();
    expect(joined(o)).toEqual([['e0', undefined], ['e1', { muted: true }], ['e2', { muted: true }]]);
    await hangUp(o, o.w.answer.dialog);
    expect([first!.byes.length, second!.byes.length, o.w.left]).toEqual([1, 1, nothing]);
  });

  test('talk-back, without a beep; one does not answer', async () => {
    const o = await page({ talkBack: true, beep: false });
    o.w.fork().refuses(486);
    o.w.fork(1).answers(answer('192.168.9.31'));
    await o.w.settle();
    expect([o.heard(), joined(o)]).toEqual([[], [['e0', undefined], ['e2', { muted: false }]]]);
    await hangUp(o, o.w.answer.dialog);
    expect(o.w.left).toEqual(nothing);
  });

  test('nobody answers: the caller hears that', async () => {
    const o = await page();
    o.w.fork().refuses(486);
    await o.after(5000);
    expect(o.heard()).toEqual(['busy']);
    await o.heardOut();
    expect(o.w.left).toEqual(nothing);
  });

  test('who is in a call is left in peace', async () => {
    const o = new Office();
    o.set('paging', { number: '620', members: ['1002', '1003'] });
    await o.dial('1002', '1003', '192.168.9.31');
    o.w.fork().answers(answer('192.168.9.30'));
    await o.w.settle();
    await o.dial('620');
    expect([o.rung(), o.heard()]).toEqual([['1002'], ['busy']]);
  });

  test('only those may who are named', async () => {
    const o = await page({ callers: ['1003'] });
    expect([o.rung(), o.cause()]).toEqual([[], 'refused']);
  });
});

describe('a supervisor', () => {
  /** 1001 talks to 1002; 1003 may listen. */
  const talking = async (calls = ['1002'], tone = false): Promise<Office> => {
    const o = new Office();
    o.extension('1003', { supervisor: { calls, tone } });
    await o.dial('1002');
    o.w.fork().answers(answer('192.168.9.30'));
    await o.w.settle();
    o.w.plane.calls.length = 0;
    return o;
  };
  const joins = (o: Office) => o.w.plane.of('join').map(([, id, room, settings]) => [id, (room as string).replace(/:.*/, ''), settings]);

  test('listens, whispers, joins, and the call is relayed again afterwards; the record says who', async () => {
    const o = await talking();
    const [talk] = o.w.calls.list();
    await o.dial('*811002', '1003', '192.168.9.31');
    expect([...o.w.plane.held.values()].at(-1)).toMatchObject({ near: talk!.id });
    expect(joins(o)).toEqual([['e0', 'call', { passDigits: true }], ['e1', 'call', { passDigits: true }], ['e2', 'call', { muted: true }]]);
    o.w.plane.calls.length = 0;
    await o.press('5', 'e2');
    await o.press('6', 'e2');
    await o.press('7', 'e2');
    await o.press('4', 'e2');
    expect(joins(o)).toEqual([['e2', 'call', { heardBy: ['e1'] }], ['e2', 'call', {}], ['e2', 'call', { muted: true }]]);
    await hangUp(o, o.w.srf.answers[1]!.dialog);
    expect(o.w.plane.of('connect')).toHaveLength(1);
    expect(o.w.calls.list()).toMatchObject([{ id: talk!.id, state: 'up' }]);
    await hangUp(o, o.w.answer.dialog);
    expect(o.w.calls.recent()[0]).toMatchObject({ id: talk!.id, watchedBy: ['1003'] });
    expect(o.w.left).toEqual(nothing);
  });

  test('the two hang up: the supervisor hears goodbye', async () => {
    const o = await talking(['*']);
    await o.dial('*821001', '1003', '192.168.9.31');
    expect(joins(o).at(-1)).toEqual(['e2', 'call', { heardBy: ['e0'] }]);
    await hangUp(o, o.w.answer.dialog);
    expect(o.heard()).toEqual(['goodbye']);
    await o.heardOut();
    expect(o.w.left).toEqual(nothing);
  });

  test('a tone for both, where that is set', async () => {
    const o = await talking(['1002'], true);
    await o.dial('*831002', '1003', '192.168.9.31');
    expect([o.heard(), joins(o).at(-1)]).toEqual([['beep', 'beep'], ['e2', 'call', {}]]);
  });

  test('only of those whose calls it may, and who talk', async () => {
    const o = await talking();
    const { res } = await o.dial('*811001', '1003', '192.168.9.31');
    const own = await o.dial('*811002', '1002', '192.168.9.30');
    expect([res.final?.status, own.res.final?.status, o.w.plane.of('join')]).toEqual([403, 403, []]);
    await hangUp(o, o.w.answer.dialog);
    await o.dial('*811002', '1003', '192.168.9.31');
    expect(o.heard()).toEqual(['person-at-extension 1 0 0 2 is-not-in-a-call goodbye']);
    await o.heardOut();
    expect(o.w.left).toEqual(nothing);
  });

  test('by another door: its phone is called', async () => {
    const o = await talking();
    const { answered } = await superviseFrom(o.deps, { supervisor: '1003', number: '1002', mode: 'barge', by: 'console' });
    await o.w.settle();
    o.w.fork(1).answers(answer('192.168.9.31'));
    expect(await answered).toBeUndefined();
    await o.w.settle();
    expect(joins(o).at(-1)).toEqual(['e2', 'call', {}]);
    await expect(superviseFrom(o.deps, { supervisor: '1003', number: '1009', mode: 'listen', by: 'console' })).rejects.toMatchObject({ code: 'call.not-so' });
    await hangUp(o, o.w.answer.dialog);
    await o.heardOut();
    expect(o.w.left).toEqual(nothing);
  });
});
