/** Calls that are sent on: by whom, why, to where, what the phones at the end are told, and circles. */
import type { Diversion } from '../../../signaling/store/store';
import { diversionHeaders } from '../../../signaling/app/diversion';
import { exactly, type Feature, type ServiceCall, type Unanswered } from '../../../signaling/app/feature';
import { forwarding } from '../../../signaling/app/features/forwarding';
import { isPrompt, sayDigits } from '../../../media/speech';
import { sipp } from '../media/sdp-offers';
import { binding, extension, nothing, World } from './call-fakes';

const none: Diversion = { always: null, busy: null, noAnswer: null, offline: null, ringSeconds: null, doNotDisturb: false };

/** 1002 and 1003 have phones; calls to 1002 go on like this. */
function world(diversion: Partial<Diversion>, features: readonly Feature[] = []): World {
  const w = new World({ ringSeconds: 60, features });
  w.extensions.set('1002', extension('1002', { name: 'Bob', diversion: { ...none, ...diversion } }));
  w.extensions.set('1004', extension('1004'));
  w.registered.set('1003', [binding('1003', '192.168.9.31')]);
  return w;
}

const answer = ['v=0', 'o=- 5 5 IN IP4 192.168.9.31', 's=-', 'c=IN IP4 192.168.9.31', 't=0 0', 'm=audio 7000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', ''].join('\r\n');
const numberOf = (uri: string): string => /sip:(\d+)@/.exec(uri)![1]!;
const rung = (w: World): string[] => w.srf.forks.map(({ uri }) => numberOf(uri));

describe('a call is sent on', () => {
  test('always: her phones do not ring, and the caller is told that it goes on', async () => {
    const w = world({ always: '1003' });
    const { res } = await w.dial(sipp);
    expect(rung(w)).toEqual(['1003']);
    expect(res.statuses).toEqual([181]);
    expect(w.fork().options.headers).toMatchObject({
      To: '<sip:1003@localhost>',
      Diversion: '<sip:1002@10.0.0.1>;reason=unconditional;counter=1',
      'History-Info': '<sip:1002@10.0.0.1>;index=1, <sip:1003@10.0.0.1;cause=302>;index=1.1;mp=1',
    });
    w.fork().provisional(180);
    const phone = w.fork().answers(answer);
    await w.settle();
    phone.bye();
    await w.settle();
    expect(w.calls.recent()[0]).toMatchObject({ from: '1001', to: '1003', forwarded: [{ from: { number: '1002', name: 'Bob' }, why: 'always' }], ended: { cause: 'hung-up' } });
    expect(w.left).toEqual(nothing);
  });

  test.each([
    ['busy', 486, { busy: '1003' }, 'user-busy', 486],
    ['declined', 603, { busy: '1003' }, 'user-busy', 486],
    ['unreachable', 503, { offline: '1003' }, 'unavailable', 404],
  ] as const)('when the phone says that it is %s', async (_cause, status, diversion, reason, cause) => {
    const w = world(diversion);
    const { res } = await w.dial(sipp);
    w.fork().provisional(180);
    w.fork().refuses(status);
    await w.settle();
    expect(rung(w)).toEqual(['1002', '1003']);
    expect(res.statuses).toEqual([180, 181]);
    expect(w.fork(1).options.headers).toMatchObject({ Diversion: expect.stringContaining(`reason=${reason}`) as string, 'History-Info': expect.stringContaining(`;cause=${cause}>`) as string });
    w.fork(1).answers(answer);
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1003', state: 'up' }]);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('when nobody answers, after the time that she has set; the phone that rang is told', async () => {
    const w = world({ noAnswer: '1003', ringSeconds: 12 });
    await w.dial(sipp);
    w.fork().provisional(180);
    w.clock.advance(11_900);
    await w.settle();
    expect(rung(w)).toEqual(['1002']);
    w.clock.advance(200);
    await w.settle();
    expect(rung(w)).toEqual(['1002', '1003']);
    expect(w.fork().cancels).toEqual([{ Reason: expect.stringContaining('does not answer') as string }]);
    // the next one has the time that all have
    w.clock.advance(59_000);
    await w.settle();
    expect(w.calls.active()).toBe(1);
    w.fork().refuses(487);
    w.fork(1).answers(answer);
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1003', state: 'up' }]);
  });

  test('when no phone is there', async () => {
    const w = world({ offline: '1003' });
    w.phones = [];
    await w.dial(sipp);
    expect(rung(w)).toEqual(['1003']);
  });

  test('do not disturb: nothing rings; as when busy, if that leads somewhere, else she is said not to want it', async () => {
    const w = world({ doNotDisturb: true });
    const { res } = await w.dial(sipp);
    expect(rung(w)).toEqual([]);
    expect(res.final).toMatchObject({ status: 480, reason: '1002 does not want to be disturbed' });
    const on = world({ doNotDisturb: true, busy: '1003' });
    await on.dial(sipp);
    expect(rung(on)).toEqual(['1003']);
  });

  test('from one to the next, each by its own setting, to a service in the end', async () => {
    const service: Feature = { name: 'echo', numbers: [exactly('*43', 'echo')], answer: (call) => call.answer().then(() => call.pause(1_000_000)) };
    const w = world({ always: '1004' }, [service]);
    w.extensions.set('1004', extension('1004', { diversion: { ...none, offline: '1003' } }));
    w.extensions.set('1003', extension('1003', { diversion: { ...none, noAnswer: '*43' } }));
    await w.dial(sipp);
    expect(w.fork().options.headers['Diversion']).toBe('<sip:1004@10.0.0.1>;reason=unavailable;counter=1, <sip:1002@10.0.0.1>;reason=unconditional;counter=1');
    w.fork().provisional(180);
    w.clock.advance(60_000);
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '*43', service: 'echo', state: 'up' }]);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.calls.recent()[0]!.forwarded.map(({ from, why }) => [from.number, why])).toEqual([['1002', 'always'], ['1004', 'offline'], ['1003', 'no-answer']]);
    expect(w.calls.recent()[0]).toMatchObject({ to: '*43', service: 'echo' });
    w.fork().refuses(487);
    expect(w.left).toEqual(nothing);
  });

  test('to a room, although a phone rang before: its port is where the room is', async () => {
    const room: Feature = { name: 'room', numbers: [exactly('8000', 'a room', { room: 'blue' })], answer: (call) => call.answer().then(() => call.join('blue')).then(() => call.pause(1_000_000)) };
    const w = world({ noAnswer: '8000' }, [room]);
    await w.dial(sipp);
    w.fork().provisional(180);
    expect([...w.plane.held.values()].map(({ label, near }) => [label, near])).toEqual([['caller 1001', undefined], ['callee 1002', undefined]]);
    w.clock.advance(60_000);
    await w.settle();
    expect([...w.plane.held.values()].map(({ label, near }) => [label, near])).toContainEqual(['caller 1001', 'room:blue']);
    expect(w.plane.of('join')).toMatchObject([['join', expect.any(String) as string, 'blue', undefined]]);
    w.fork().refuses(487);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('the caller gives up while it rings at the second', async () => {
    const w = world({ busy: '1003' });
    const { req } = await w.dial(sipp);
    w.fork().refuses(486);
    await w.settle();
    req.emit('cancel');
    await w.settle();
    expect(w.calls.recent()[0]).toMatchObject({ ended: { by: 'caller', cause: 'cancelled' }, forwarded: [{ why: 'busy' }] });
    expect(w.fork(1).cancels).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('an answer of the first phone that crosses the forwarding is ended, and the second goes on ringing', async () => {
    const w = world({ noAnswer: '1003', ringSeconds: 5 });
    await w.dial(sipp);
    w.fork().provisional(180);
    w.clock.advance(5_000);
    await w.settle();
    const late = w.fork().answers(answer);
    await w.settle();
    expect(late.byes).toHaveLength(1);
    w.fork(1).answers(answer);
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1003', state: 'up' }]);
  });
});

describe('and is not', () => {
  test('in a circle', async () => {
    const w = world({ always: '1003' });
    w.extensions.set('1003', extension('1003', { diversion: { ...none, always: '1002' } }));
    const { res } = await w.dial(sipp);
    expect(res.final).toMatchObject({ status: 480, reason: 'calls to 1003 are forwarded in a circle' });
    expect(w.calls.recent()[0]).toMatchObject({ to: '1002', forwarded: [{ why: 'always' }], ended: { cause: 'forwarding-loop' } });
    expect(w.left).toEqual(nothing);
  });

  test('for ever: eleven in a row are too many', async () => {
    const w = new World();
    for (let n = 2000; n < 2020; n++) w.extensions.set(String(n), extension(String(n), { diversion: { ...none, always: String(n + 1) } }));
    const { res } = await w.dial(sipp, {}, 'sip:2000@pbx.test');
    expect(res.final).toMatchObject({ status: 480, reason: 'calls to 2010 are forwarded in a circle' });
  });

  test('to a number that is nobody\'s, or back to the caller: that is what the caller is told', async () => {
    expect((await world({ always: '4711' }).dial(sipp)).res.final).toMatchObject({ status: 404, reason: 'there is no number 4711' });
    expect((await world({ always: '1001' }).dial(sipp)).res.final).toMatchObject({ status: 486 });
  });

  test('for a phone that has no codec in common: that is no reason of hers', async () => {
    const w = world({ busy: '1003', noAnswer: '1003', offline: '1003' });
    const { res } = await w.dial(sipp);
    w.fork().refuses(488);
    await w.settle();
    expect(rung(w)).toEqual(['1002']);
    expect(res.final).toMatchObject({ status: 488 });
  });
});

describe('a message is left for whom the caller meant', () => {
  const offered: Unanswered[] = [];
  const box: Feature = { name: 'voicemail', numbers: [], unanswered: (call) => (offered.push(call), async (service) => service.answer().then(() => service.pause(1_000_000))) };
  beforeEach(() => offered.splice(0));

  test('when the one it was sent on to does not answer', async () => {
    const w = world({ busy: '1003' }, [box]);
    await w.dial(sipp);
    w.fork().refuses(486);
    await w.settle();
    w.fork(1).refuses(486);
    await w.settle();
    expect(offered).toMatchObject([{ callee: { number: '1002', name: 'Bob' }, dialled: '1002', refusal: { cause: 'busy' } }]);
  });

  test('when everything goes to the mailbox', async () => {
    const w = world({ always: 'voicemail' }, [box]);
    await w.dial(sipp);
    expect(rung(w)).toEqual([]);
    expect(offered).toMatchObject([{ callee: { number: '1002' }, refusal: { cause: 'unreachable' } }]);
  });
});

test('no way, no headers', () => {
  expect(diversionHeaders([], '1003', 'h')).toEqual({});
});

describe('the codes', () => {
  const changes: Array<[string, Partial<Diversion>]> = [];
  const feature = forwarding({
    set: async (number, change) => void changes.push([number, change]),
    leadsSomewhere: async (number, own) => /^(1003|\*43)$/.test(number) && number !== own,
    sayDigits: (text) => sayDigits(text),
  });
  beforeEach(() => changes.splice(0));

  /** Dials, and presses these digits when asked; what was said. */
  async function dials(number: string, ...pressed: string[]): Promise<string[]> {
    const said: string[] = [];
    const call = {
      caller: { number: '1001', name: null },
      answer: async () => undefined,
      pause: async () => undefined,
      say: async (keys: readonly string[]) => {
        for (const key of keys) if (!isPrompt(key)) throw new Error(`there is no prompt ${key}`);
        said.push(keys.join(' '));
      },
      gather: async () => ({ digits: pressed.shift() ?? '', why: 'terminator', terminator: '#' }),
    } as unknown as ServiceCall;
    const row = feature.numbers.find((one) => one.matches(number, number))!;
    await feature.answer!(call, row.matches(number, number)!);
    expect(said.pop()).toBe('goodbye');
    return said;
  }

  test.each([
    ['*721003', { always: '1003' }, 'forwarding-on 1 0 0 3'],
    ['*72*43', { always: '*43' }, 'forwarding-on star 4 3'],
    ['*73', { always: null }, 'forwarding-off'],
    ['*901003', { busy: '1003' }, 'forwarding-on 1 0 0 3'],
    ['*91', { busy: null }, 'forwarding-off'],
    ['*921003', { noAnswer: '1003' }, 'forwarding-on 1 0 0 3'],
    ['*93', { noAnswer: null }, 'forwarding-off'],
    ['*941003', { offline: '1003' }, 'forwarding-on 1 0 0 3'],
    ['*95', { offline: null }, 'forwarding-off'],
    ['*78', { doNotDisturb: true }, 'do-not-disturb-on'],
    ['*79', { doNotDisturb: false }, 'do-not-disturb-off'],
  ])('%s', async (number, change, said) => {
    expect(await dials(number)).toEqual([said]);
    expect(changes).toEqual([['1001', change]]);
  });

  test('without a number it is asked for; one that is nobody\'s is said, and asked for again', async () => {
    expect(await dials('*72', '4711', '', '1003')).toEqual(['enter-number', 'the-number-you-dialled 4 7 1 1 is-not-in-service', 'enter-number', 'not-right', 'enter-number', 'forwarding-on 1 0 0 3']);
    expect(changes).toEqual([['1001', { always: '1003' }]]);
  });

  test('three wrong ones change nothing', async () => {
    await dials('*721001', '1', '2', '3');
    expect(changes).toEqual([]);
  });
});
