/** Who rings when: several extensions, one after the other or at once; who is busy, who is elsewhere; and what becomes of the call in the end. */
import { group as groupKind } from '../../../signaling/settings/kinds/group';
import { callWaiting } from '../../../signaling/app/features/call-waiting';
import { exactly, type Feature, type Unanswered } from '../../../signaling/app/feature';
import { group as groupMusic } from '../../../signaling/app/features/group';
import { Destinations, type Destination } from '../../../signaling/app/destination';
import { dialplan } from '../../../signaling/app/dialplan';
import type { Hop } from '../../../signaling/app/diversion';
import { Engaged } from '../../../signaling/app/engaged';
import type { GroupSettings } from '../../../signaling/app/groups';
import { refuse } from '../../../signaling/app/reasons';
import { phonesOf } from '../../../signaling/app/ring-plan';
import { noDiversion, type ExtensionSettings } from '../../../signaling/store/store';
import { linphone, sipp } from '../media/sdp-offers';
import { binding, extension, nothing, World } from './call-fakes';

const answer = ['v=0', 'o=- 5 5 IN IP4 192.168.9.31', 's=-', 'c=IN IP4 192.168.9.31', 't=0 0', 'm=audio 7000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', ''].join('\r\n');
const numberOf = (uri: string): string => /sip:(\d+)@/.exec(uri)![1]!;
const rung = (w: World): string[] => w.srf.forks.map(({ uri }) => numberOf(uri));
/** Phones that ring at this moment. */
const ringing = (w: World): string[] => w.srf.forks.filter((fork) => !fork.final && fork.cancels.length === 0).map(({ uri }) => numberOf(uri));

const groupOf = (more: Partial<GroupSettings>): GroupSettings => groupKind.schema.parse({ number: '600', members: ['1002', '1003', '1004'], ...more });

/** 1002, 1003 and 1004 have a phone each, 1005 has none; the group is 600. */
function world(group: Partial<GroupSettings> = {}, features: readonly Feature[] = []): World {
  const w = new World({ groups: [groupOf(group)], features });
  for (const number of ['1004', '1005']) w.extensions.set(number, extension(number));
  for (const number of ['1003', '1004']) w.registered.set(number, [binding(number, `192.168.9.${number.slice(2)}`)]);
  return w;
}

const set = (w: World, number: string, settings: ExtensionSettings, diversion = {}): void => void w.extensions.set(number, extension(number, { settings, diversion: { ...noDiversion, ...diversion } }));
const dial = (w: World, number: string, from = '1001') => w.dial(sipp, {}, `sip:${number}@pbx.test`, '192.168.7.20', from);
async function after(w: World, seconds: number): Promise<void> {
  for (const fork of w.srf.forks) if (!fork.final && fork.cancels.length === 0) fork.provisional(180);
  w.clock.advance(seconds * 1000);
  await w.settle();
}

describe('a group', () => {
  test('of all rings everybody at once; the first who answers has the call, and the others are told so', async () => {
    const w = world({ strategy: 'all', prefix: 'Sales' });
    const { res } = await dial(w, '600');
    expect(rung(w)).toEqual(['1002', '1003', '1004']);
    expect(w.fork(1).options.headers).toMatchObject({ From: '"Sales Ann \\"the boss\\"" <sip:1001@localhost>', To: '<sip:1003@localhost>' });
    for (const fork of w.srf.forks) fork.provisional(183, answer);
    expect(res.statuses).toEqual([180]);
    w.fork(1).answers(answer);
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1003', through: '600', rung: ['1002', '1003', '1004'], state: 'up' }]);
    for (const i of [0, 2]) expect(w.fork(i).cancels).toEqual([{ Reason: 'SIP;cause=200;text="Call completed elsewhere"' }]);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.calls.recent()[0]).toMatchObject({ to: '1003', through: '600', rung: ['1002', '1003', '1004'] });
    expect(w.left).toEqual(nothing);
  });

  test('its calls are anchored, whoever answers', async () => {
    const w = world();
    set(w, '1002', { findMe: { order: 'at-once', targets: [{ number: '1003', delay: 0, seconds: 20 }] } });
    for (const one of w.extensions.values()) one.media = 'direct';
    await dial(w, '600');
    await dial(w, '1002');
    expect(w.srf.forks).toHaveLength(5);
    for (const fork of w.srf.forks) expect(fork.options.localSdp).toContain('c=IN IP4 10.0.0.1');
  });

  test('who declines does so for itself; only when all have, the caller is refused', async () => {
    const w = world();
    w.phones = [binding('1002', '192.168.9.30'), binding('1002', '192.168.9.33')];
    const { res } = await dial(w, '600');
    w.fork(0).refuses(603);
    await w.settle();
    expect(ringing(w)).toEqual(['1003', '1004']);
    w.fork(2).refuses(486);
    w.fork(3).refuses(603);
    await w.settle();
    expect(res.final).toMatchObject({ status: 486, reason: '600 is busy' });
    expect(w.left).toEqual(nothing);
  });

  test.each<[string, Partial<GroupSettings>, string[]]>([
    ['in turn', { strategy: 'in-turn' }, ['1002', '1003', '1004', '1002']],
    ['round-robin, the first time', { strategy: 'round-robin' }, ['1002', '1003', '1004', '1002']],
    ['longest idle: who has not talked first', { strategy: 'longest-idle' }, ['1003', '1004', '1002', '1003']],
  ])('%s: one after the other, each for its time, until that of the group is over', async (_name, settings, order) => {
    const w = world({ ...settings, memberSeconds: 10, seconds: 35 });
    // 1002 has talked
    await dial(w, '1002');
    w.fork().answers(answer);
    await w.settle();
    w.answer.dialog.bye();
    await w.settle();
    w.srf.forks.length = 0;
    const { res } = await dial(w, '600');
    const seen: string[][] = [];
    for (let i = 0; i < 4; i++) {
      seen.push(ringing(w));
      await after(w, i < 3 ? 10 : 4);
    }
    expect(seen.flat()).toEqual(order);
    expect(res.final).toBeUndefined();
    await after(w, 1);
    expect(res.final).toMatchObject({ status: 408, reason: '600 does not answer' });
    expect(w.left).toEqual(nothing);
  });

  test('round-robin begins with the next one each time', async () => {
    const w = world({ strategy: 'round-robin' });
    const first: string[] = [];
    for (let i = 0; i < 4; i++) {
      w.srf.forks.length = 0;
      const { req } = await dial(w, '600');
      first.push(...rung(w));
      req.emit('cancel');
      await w.settle();
    }
    expect(first).toEqual(['1002', '1003', '1004', '1002']);
  });

  test('at random: everybody once in a round', async () => {
    const w = world({ strategy: 'random', memberSeconds: 5, seconds: 15 });
    await dial(w, '600');
    await after(w, 5);
    await after(w, 5);
    expect([...rung(w)].sort()).toEqual(['1002', '1003', '1004']);
  });

  test('one who refuses is not waited for', async () => {
    const w = world({ strategy: 'in-turn' });
    await dial(w, '600');
    w.fork().refuses(486);
    await w.settle();
    expect(ringing(w)).toEqual(['1003']);
    w.fork(1).answers(answer);
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1003', rung: ['1002', '1003'] }]);
  });

  test.each<[string, (w: World) => unknown, Partial<GroupSettings>, string[]]>([
    ['is in a call', async (w) => dial(w, '1003', '1002'), {}, ['1004']],
    ['is in a call, and the group rings it all the same', async (w) => dial(w, '1003', '1002'), { skipBusy: false }, ['1002', '1003', '1004']],
    ['does not want to be disturbed', (w) => set(w, '1003', {}, { doNotDisturb: true }), {}, ['1002', '1004']],
    ['has all its calls go elsewhere', (w) => set(w, '1003', {}, { always: '1005' }), {}, ['1002', '1004']],
    ['has all its calls go elsewhere, which the group follows', (w) => set(w, '1005', {}, { always: '1003' }), { members: ['1005'], followForwarding: true }, ['1003']],
    ['has calls go elsewhere that it does not answer: those of the group do not', (w) => set(w, '1003', {}, { noAnswer: '1005', busy: '1005' }), {}, ['1002', '1003', '1004']],
    ['has no phone', (w) => w.registered.delete('1004'), {}, ['1002', '1003']],
    ['calls itself', (w) => w.registered.set('1001', [binding('1001', '192.168.7.20')]), { members: ['1001', '1002'], skipBusy: false }, ['1002']],
    ['is gone', () => undefined, { members: ['1009', '1002'] }, ['1002']],
  ])('a member who %s', async (_name, happens, settings, expected) => {
    const w = world(settings);
    await happens(w);
    w.srf.forks.length = 0;
    await dial(w, '600');
    expect(rung(w)).toEqual(expected);
  });

  test('a member may be free again when its turn comes', async () => {
    const w = world({ strategy: 'in-turn', memberSeconds: 10 });
    const { req } = await dial(w, '1003', '1002');
    w.srf.forks.length = 0;
    await dial(w, '600');
    expect(ringing(w)).toEqual(['1004']);
    req.emit('cancel');
    await after(w, 10);
    expect(ringing(w)).toEqual(['1002']);
  });

  test.each<[string, (w: World) => unknown, number, string]>([
    ['all are busy', (w) => Promise.all(['1002', '1003', '1004'].map((from) => dial(w, '1009', from).then(() => dial(w, '1001', from)))), 486, '600 is busy'],
    ['nobody has a phone', (w) => ((w.phones = []), w.registered.clear()), 480, '600 has no phone registered'],
  ])('%s: nothing rings', async (_name, happens, status, reason) => {
    const w = world();
    w.registered.set('1001', [binding('1001', '192.168.7.20')]);
    await happens(w);
    w.srf.forks.length = 0;
    const { res } = await dial(w, '600');
    expect([rung(w), res.final]).toMatchObject([[], { status, reason }]);
  });

  describe('that nobody answers', () => {
    const offered: Unanswered[] = [];
    const box: Feature = { name: 'voicemail', numbers: [], unanswered: (call) => (offered.push(call), async (service) => service.answer().then(() => service.pause(1_000_000))) };
    beforeEach(() => offered.splice(0));

    test('goes to another number', async () => {
      const w = world({ seconds: 10, otherwise: '1004', members: ['1002'] });
      await dial(w, '600');
      await after(w, 10);
      expect(ringing(w)).toEqual(['1004']);
      w.fork(1).answers(answer);
      await w.settle();
      expect(w.calls.list()).toMatchObject([{ to: '1004', through: undefined, forwarded: [{ from: { number: '600' }, why: 'no-answer' }] }]);
    });

    test('goes to the mailbox of whoever is named, and to no member\'s', async () => {
      const w = world({ seconds: 10, otherwise: 'voicemail:1005' }, [box]);
      await dial(w, '600');
      await after(w, 10);
      expect(offered).toMatchObject([{ callee: { number: '1005' } }]);
      const none = world({ seconds: 10 }, [box]);
      await dial(none, '600');
      await after(none, 10);
      expect(offered.slice(1)).toMatchObject([{ callee: { number: '600' } }]);
    });

    test('to which somebody has forwarded her calls: a message is for her', async () => {
      const w = world({ seconds: 10 }, [box]);
      set(w, '1005', {}, { always: '600' });
      await dial(w, '1005');
      await after(w, 10);
      expect(offered).toMatchObject([{ callee: { number: '1005' } }]);
    });
  });

  test('with music: answered at once, and the music goes on until a member answers', async () => {
    const settings = groupOf({ music: 'default', otherwise: '1005', seconds: 10 });
    const w = world(settings, [groupMusic({ find: (n) => (n === '600' ? { music: 'default', otherwise: '1005' } : undefined), music: async () => ['/moh.wav'] })]);
    await w.dial(linphone, {}, 'sip:600@pbx.test');
    await w.settle();
    expect(w.plane.of('play').map(([, , what]) => what)).toEqual([[{ file: '/moh.wav' }]]);
    expect(ringing(w)).toEqual(['1002', '1003', '1004']);
    w.fork(2).answers(w.fork(2).options.localSdp.replace(/10\.0\.0\.1/g, '192.168.9.4'));
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1004', through: '600', state: 'up', service: undefined }]);
    w.answer.dialog.bye();
    await w.settle();

    w.srf.forks.length = 0;
    w.srf.answers.length = 0;
    await w.dial(linphone, {}, 'sip:600@pbx.test');
    await w.settle();
    await after(w, 10);
    // 1005 has no phone, and then that is the end
    expect(w.answer.dialog.byes).toMatchObject([{ Reason: expect.stringContaining('600 does not answer') as string }]);
    expect(w.calls.stats().faults).toBe(0);
    for (const fork of w.srf.forks) if (!fork.final) fork.refuses(487);
    expect(w.left).toEqual(nothing);
  });

  test('the caller gives up, and an answer that crosses the end of a turn is too late', async () => {
    const w = world({ strategy: 'in-turn', memberSeconds: 10 });
    const { req } = await dial(w, '600');
    await after(w, 10);
    const late = w.fork(0).answers(answer);
    await w.settle();
    expect(late.byes).toHaveLength(1);
    expect(ringing(w)).toEqual(['1003']);
    req.emit('cancel');
    await w.settle();
    expect(w.fork(1).cancels).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('a member answers while ports are taken for the next ones', async () => {
    const w = world();
    set(w, '1002', { findMe: { order: 'at-once', targets: [{ number: '1003', delay: 5, seconds: 20 }] } });
    await dial(w, '1002');
    w.plane.slow = true;
    await after(w, 5);
    w.fork(0).answers(answer);
    w.plane.slow = false;
    w.plane.letGo();
    await w.settle();
    expect(rung(w)).toEqual(['1002']);
    expect(w.calls.list()).toMatchObject([{ to: '1002', state: 'up' }]);
    expect(w.plane.held.size).toBe(2);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

test('a caller who is transferred to a group: its members ring for whom it is, and the one who answers has it', async () => {
  const w = world({ strategy: 'in-turn', memberSeconds: 10 });
  await dial(w, '1002');
  const bob = w.fork().answers(answer);
  await w.settle();
  const res = w.answer.dialog.receives('REFER', '', { 'refer-to': '<sip:600@pbx.test>' });
  await w.settle();
  expect(res.final?.status).toBe(202);
  // who is transferred is a member, and is not called
  expect(ringing(w)).toEqual(['1003']);
  expect(w.fork(1).options.headers['From']).toContain('sip:1002@');
  await after(w, 10);
  expect(ringing(w)).toEqual(['1004']);
  w.fork(2).answers(answer);
  await w.settle();
  bob.requests.findLast(({ method }) => method === 'INVITE')!.answer(200, answer.replace('o=- 5 5', 'o=- 5 6'));
  await w.settle();
  expect(w.calls.list()).toContainEqual(expect.objectContaining({ from: '1002', to: '1004', through: '600', rung: ['1003', '1004'], state: 'up' }));
});

describe('somebody is looked for', () => {
  test('in turn: her phones, then the others, each for its time', async () => {
    const w = world();
    set(w, '1002', { findMe: { order: 'in-turn', targets: [{ number: '1003', delay: 0, seconds: 15 }, { number: '1004', delay: 0, seconds: 10 }] } }, { ringSeconds: 5 });
    const { res } = await dial(w, '1002');
    const seen = [ringing(w)];
    for (const seconds of [5, 15]) {
      await after(w, seconds);
      seen.push(ringing(w));
    }
    expect(seen).toEqual([['1002'], ['1003'], ['1004']]);
    await after(w, 10);
    expect(res.final).toMatchObject({ status: 408, reason: '1002 does not answer' });
    expect(w.calls.recent()[0]).toMatchObject({ to: '1002', rung: ['1002', '1003', '1004'] });
    expect(w.left).toEqual(nothing);
  });

  test('at once: after their delays, while hers ring on; whoever answers has the call', async () => {
    const w = world();
    set(w, '1002', { findMe: { order: 'at-once', targets: [{ number: '1003', delay: 5, seconds: 10 }, { number: '1004', delay: 10, seconds: 30 }] } });
    await dial(w, '1002');
    const seen = [ringing(w)];
    for (let i = 0; i < 3; i++) {
      await after(w, 5);
      seen.push(ringing(w));
    }
    expect(seen).toEqual([['1002'], ['1002', '1003'], ['1002', '1003', '1004'], ['1002', '1004']]);
    w.fork(2).answers(answer);
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1004', through: '1002', state: 'up' }]);
    expect(w.fork(0).cancels).toHaveLength(1);
  });

  test('also when she has no phone, or hers refuse; who declines at one of them declines', async () => {
    const w = world();
    set(w, '1005', { findMe: { order: 'in-turn', targets: [{ number: '1003', delay: 0, seconds: 15 }, { number: '1004', delay: 0, seconds: 10 }] } });
    const { res } = await dial(w, '1005');
    expect(ringing(w)).toEqual(['1003']);
    w.fork().refuses(503);
    await w.settle();
    expect(ringing(w)).toEqual(['1004']);
    w.fork(1).refuses(603);
    await w.settle();
    expect(res.final).toMatchObject({ status: 603 });
    expect(w.left).toEqual(nothing);
  });

  test('not while she is not to be disturbed; and nowhere when nothing rings there: as if nothing was set', async () => {
    const w = world();
    set(w, '1002', { findMe: { order: 'in-turn', targets: [{ number: '1003', delay: 0, seconds: 15 }] } }, { doNotDisturb: true });
    expect((await dial(w, '1002')).res.final).toMatchObject({ status: 480 });
    set(w, '1002', { findMe: { order: 'in-turn', targets: [{ number: '1005', delay: 0, seconds: 15 }, { number: '4711', delay: 0, seconds: 15 }, { number: '600', delay: 0, seconds: 1 }] } });
    await dial(w, '1002');
    expect(rung(w)).toEqual(['1002']);
    await after(w, 59);
    expect(ringing(w)).toEqual(['1002']);
  });

  test('and her calls go on as ever when nobody answers anywhere', async () => {
    const w = world();
    set(w, '1002', { findMe: { order: 'in-turn', targets: [{ number: '1003', delay: 0, seconds: 15 }] } }, { noAnswer: '1004', ringSeconds: 5 });
    await dial(w, '1002');
    await after(w, 5);
    await after(w, 15);
    expect(ringing(w)).toEqual(['1004']);
  });
});

describe('numbers outside', () => {
  const asked: string[] = [];
  beforeEach(() => asked.splice(0));
  const lines = (w: World, settings: Partial<GroupSettings> = {}): Destinations =>
    new Destinations({
      plan: dialplan(),
      directory: { find: async (number) => w.extensions.get(number) },
      locations: { lookup: (number) => w.registered.get(number) ?? [] },
      engaged: new Engaged(),
      random: (bytes) => Buffer.alloc(bytes),
      groups: { get: (_kind, number) => (number === '600' ? groupOf(settings) : undefined) },
      outside: {
        emergency: async () => undefined,
        owns: (id) => id === '600' || id === '650',
        find: async (_caller, payer, number) => {
          asked.push(`${number} for ${payer}`);
          const callee = extension(number);
          return { kind: 'phones', callee, plan: phonesOf(callee, [binding(number, '203.0.113.1')]) };
        },
      },
    });
  const waysOf = (to: Destination): string[] => (to.kind === 'phones' ? (to.plan.next()?.ways ?? []).map(({ callee }) => callee.number) : []);

  test('are members of a group, in the name of the group', async () => {
    expect(waysOf(await lines(world(), { members: ['+4917012345', '1003'] }).find('1001', '600', []))).toEqual(['+4917012345', '1003']);
    expect(asked).toEqual(['+4917012345 for 600']);
  });

  test('are where somebody is looked for, in her name', async () => {
    const w = world();
    set(w, '1005', { findMe: { order: 'in-turn', targets: [{ number: '004917012345', delay: 0, seconds: 20 }] } });
    const to = await lines(w).find('1001', '1005', []);
    expect([waysOf(to), waysOf(to)]).toEqual([[], ['004917012345']]);
    expect(asked).toEqual(['004917012345 for 1005']);
  });

  test('are where a group or a queue sends calls; any other service does so in the name of its caller', async () => {
    const all = lines(world());
    const path: Hop[] = [];
    await all.instead('1001', { ...extension('600'), diversion: { ...noDiversion, noAnswer: '0301' } }, refuse('no-answer', '600'), path);
    await all.find('1001', '0302', [], '650');
    await all.find('1001', '0303', [], '*1');
    expect(asked).toEqual(['0301 for 600', '0302 for 650', '0303 for 1001']);
  });
});

describe('call waiting', () => {
  test.each<[string, ExtensionSettings, boolean]>([
    ['on, as it is', {}, true],
    ['off', { callWaiting: false }, false],
    ['on, two calls at once', { callWaiting: true, maxCalls: 2 }, true],
    ['one call at once', { maxCalls: 1 }, false],
  ])('%s', async (_name, settings, rings) => {
    for (const busy of [(w: World) => dial(w, '1003', '1002'), (w: World) => dial(w, '1002', '1003')]) {
      const w = world();
      set(w, '1002', settings);
      const { req } = await busy(w);
      const before = w.srf.forks.length;
      const { res } = await dial(w, '1002');
      expect(w.srf.forks.length - before).toBe(rings ? 1 : 0);
      if (!rings) expect(res.final).toMatchObject({ status: 486, reason: '1002 is busy' });
      req.emit('cancel');
      await w.settle();
      await dial(w, '1002');
      expect(w.srf.forks.at(-1)!.uri).toContain('1002');
    }
  });

  test('off: calls go where they go when she is busy', async () => {
    const w = world();
    set(w, '1002', { callWaiting: false }, { busy: '1004' });
    await dial(w, '1003', '1002');
    w.srf.forks.length = 0;
    await dial(w, '1002');
    expect(rung(w)).toEqual(['1004']);
  });

  test('by codes from the phone', async () => {
    const changes: Array<[string, boolean]> = [];
    const w = world({}, [callWaiting({ set: async (number, on) => void changes.push([number, on]) })]);
    for (const code of ['*41', '*40']) {
      await w.dial(linphone, {}, `sip:${code}@pbx.test`);
      await w.settle();
      w.clock.advance(400);
      await w.settle();
    }
    expect(changes).toEqual([['1001', false], ['1001', true]]);
  });
});

describe('a service takes its caller on', () => {
  const service = (answer: NonNullable<Feature['answer']>, number = '*1'): Feature => ({ name: `service ${number}`, numbers: [exactly(number, 'a test')], answer });
  const log: string[] = [];
  beforeEach(() => log.splice(0));

  test('to another service: that one has it, and the first is out', async () => {
    const first = service(async (call) => {
      await call.answer();
      await call.transferTo('*2').catch((err: unknown) => {
        log.push(String(err));
        throw err;
      });
    });
    const second = service(async (call) => {
      await call.answer();
      log.push(`${call.dialled} ${call.answered}`);
      await call.play([{ tone: 'beep' }]);
      log.push(String((await call.gather({ max: 1 })).digits));
    }, '*2');
    const w = world({}, [first, second]);
    await w.dial(linphone, {}, 'sip:*1@pbx.test');
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '*2', service: 'service *2', state: 'up' }]);
    w.plane.finishes();
    await w.settle();
    w.plane.emit('digit', { id: 'e0', session: w.calls.list()[0]?.id, digit: '7' });
    await w.settle();
    expect([...log].sort()).toEqual(['*2 true', '7', 'CallOver: the call is over: handed over to service *2']);
    expect(w.answer.dialog.byes).toHaveLength(1);
    expect(w.calls.recent()[0]).toMatchObject({ to: '*2', service: 'service *1' });
    expect(w.calls.stats().faults).toBe(0);
    expect(w.left).toEqual(nothing);
  });

  const hall: Feature = { name: 'hall', numbers: [exactly('8000', 'a room', { room: 'blue' })], answer: (call) => call.answer().then(() => call.join('blue')).then(() => call.pause(1_000_000)) };

  test('to a room: with a port where the room is, as a call of its own', async () => {
    const w = world({}, [service(async (call) => call.answer().then(async () => void log.push(await call.transferTo('8000')))), hall]);
    await w.dial(linphone, {}, 'sip:*1@pbx.test');
    await w.settle();
    const moving = w.answer.dialog.requests.find(({ method }) => method === 'INVITE')!;
    expect([...w.plane.held.values()].map(({ near }) => near)).toEqual([undefined, 'room:blue']);
    moving.answer(200, answer);
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '8000', service: 'hall', state: 'up' }]);
    expect(w.plane.of('join')).toMatchObject([['join', expect.any(String) as string, 'blue', undefined]]);
    expect([w.plane.held.size, log]).toEqual([1, []]);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('to a room, where the phone does not go: it stays with the service', async () => {
    const w = world({}, [service(async (call) => call.answer().then(async () => void log.push(await call.transferTo('8000'))).then(() => call.pause(1_000_000))), hall]);
    await w.dial(linphone, {}, 'sip:*1@pbx.test');
    await w.settle();
    w.answer.dialog.requests.find(({ method }) => method === 'INVITE')!.answer(488);
    await w.settle();
    expect(log).toEqual(['unreachable']);
    expect(w.calls.list()).toMatchObject([{ to: '*1', state: 'up' }]);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('round and round, but not for ever', async () => {
    const to = (other: string) => async (call: Parameters<NonNullable<Feature['answer']>>[0]): Promise<void> => {
      await call.answer();
      log.push(await call.transferTo(other));
    };
    const w = world({}, [service(to('*2')), service(to('*1'), '*2')]);
    await w.dial(linphone, {}, 'sip:*1@pbx.test');
    for (let i = 0; i < 30; i++) await w.settle();
    expect(log).toEqual(['forwarding-loop']);
    expect(w.left).toEqual(nothing);
  });

  const box: Feature = { name: 'voicemail', numbers: [], unanswered: ({ callee }) => (callee?.number === '1002' ? async (call) => call.answer().then(() => call.say(['leave'])).then(() => call.pause(1_000_000)) : undefined) };

  test.each<[string, string, boolean, (w: World) => unknown]>([
    ['to a mailbox', 'voicemail:1002', false, () => undefined],
    ['as dialled, to somebody without a phone', '1002', true, (w) => (w.phones = [])],
    ['as dialled, to somebody who does not answer', '1002', true, () => undefined],
  ])('%s: the mailbox has it', async (_name, number, asDialled, happens) => {
    const w = world({}, [service(async (call) => call.answer().then(async () => void log.push(await call.transferTo(number, { asDialled })))), box]);
    await happens(w);
    await w.dial(linphone, {}, 'sip:*1@pbx.test');
    await w.settle();
    await after(w, 60);
    expect([log, w.calls.list()]).toMatchObject([[], [{ to: '1002', service: 'voicemail', state: 'up' }]]);
    for (const fork of w.srf.forks) fork.refuses(487);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('as dialled: where that one\'s calls go; and back when all that comes to nothing', async () => {
    const w = world({}, [service(async (call) => call.answer().then(async () => void log.push(await call.transferTo('1002', { asDialled: true }))))]);
    set(w, '1002', {}, { noAnswer: '1003', ringSeconds: 5 });
    await w.dial(linphone, {}, 'sip:*1@pbx.test');
    await w.settle();
    await after(w, 5);
    expect(ringing(w)).toEqual(['1003']);
    w.fork(1).refuses(486);
    await w.settle();
    expect(log).toEqual(['busy']);
    w.fork(0).refuses(487);
    expect(w.left).toEqual(nothing);
  });

  test.each([['before it begins', false], ['while ports are being taken', true]])('to one of several, and thinks better of it %s', async (_name, slow) => {
    const stop = new AbortController();
    const w = world({}, [service(async (call) => {
      await call.answer();
      if (!slow) stop.abort();
      w.plane.slow = slow;
      log.push(await call.transferTo({ any: ['1002'] }, { signal: stop.signal }));
      await call.pause(1_000_000);
    })]);
    await w.dial(linphone, {}, 'sip:*1@pbx.test');
    await w.settle();
    stop.abort();
    w.plane.slow = false;
    w.plane.letGo();
    await w.settle();
    expect([log, ringing(w)]).toEqual([['cancelled'], []]);
    expect(w.calls.list()).toMatchObject([{ to: '*1', state: 'up' }]);
    if (!slow) expect(rung(w)).toEqual([]);
    w.answer.dialog.bye();
    await w.settle();
    for (const fork of w.srf.forks) fork.refuses(487);
    expect(w.left).toEqual(nothing);
  });

  test('to one of several: it hears of each; and may think better of it', async () => {
    const stop = new AbortController();
    const causes: string[] = [];
    const told = { refused: (number: string, cause: string) => void causes.push(`${number} ${cause}`), answered: (number: string, over: Promise<void>) => void over.then(() => causes.push(`${number} hung up`)) };
    const w = world({}, [service(async (call) => {
      await call.answer();
      log.push(await call.transferTo({ any: ['1002', '1003', '1004', '1005'] }, { hears: 'the same', seconds: 15, ...told }));
      log.push(await call.transferTo({ any: ['1002'] }, { hears: 'the same', signal: stop.signal, ...told }));
      log.push(await call.transferTo({ any: ['1003'] }, told));
    })]);
    await w.dial(linphone, {}, 'sip:*1@pbx.test');
    await w.settle();
    expect(w.plane.of('play')).toEqual([]);
    w.fork(1).refuses(486);
    w.fork(2).refuses(503);
    await w.settle();
    await after(w, 15);
    expect(causes).toEqual(['1002 no-answer', '1003 busy', '1004 unreachable', '1005 not-registered']);
    expect(ringing(w)).toEqual(['1002']);
    stop.abort();
    await w.settle();
    expect(causes.slice(4)).toEqual(['1002 cancelled']);
    expect(log).toEqual(['no-answer', 'cancelled']);
    w.srf.forks.at(-1)!.answers(w.srf.forks.at(-1)!.options.localSdp.replace(/10\.0\.0\.1/g, '192.168.9.4'));
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1003', through: '*1', rung: ['1002', '1003', '1004'] }]);
    w.answer.dialog.bye();
    await w.settle();
    expect(causes.at(-1)).toBe('1003 hung up');
    for (const fork of w.srf.forks) if (!fork.final) fork.refuses(487);
    expect(w.left).toEqual(nothing);
  });
});
