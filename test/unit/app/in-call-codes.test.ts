/** Codes during a call: which keys are one, whose count, and what they do with the call and the one on hold. */
import { binding, extension, nothing, World, type FakeDialog, type InDialogRequest } from './call-fakes';

const ANN = '192.168.7.20';
const BOB = '192.168.9.30';
const CAT = '192.168.9.40';
const DAN = '192.168.9.50';

const sdp = (host: string, version = 1, more: { direction?: string } = {}) =>
  ['v=0', `o=- 77 ${version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0', 'm=audio 7000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', ...(more.direction ? [`a=${more.direction}`] : []), ''].join('\r\n');

interface Up {
  w: World;
  ann: FakeDialog;
  bob: FakeDialog;
}

/** Ann, 1001, talks to Bob, 1002; Cat is 1003, Dan 1004. */
async function up(): Promise<Up> {
  const w = new World();
  w.extensions.set('1004', extension('1004'));
  w.registered.set('1001', [binding('1001', ANN)]);
  w.registered.set('1003', [binding('1003', CAT)]);
  w.registered.set('1004', [binding('1004', DAN)]);
  await w.dial(sdp(ANN));
  const bob = w.fork().answers(sdp(BOB));
  await w.settle();
  return { w, ann: w.answer.dialog, bob };
}

/** Ann holds Bob and talks to Cat. */
async function holding(): Promise<Up & { second: FakeDialog; cat: FakeDialog }> {
  const all = await up();
  const { w, ann, bob } = all;
  ann.receives('INVITE', sdp(ANN, 2, { direction: 'sendonly' }));
  reinvite(bob).answer(200, sdp(BOB, 2, { direction: 'recvonly' }));
  await w.dial(sdp(ANN), {}, 'sip:1003@pbx.test');
  const cat = w.fork(1).answers(sdp(CAT));
  await w.settle();
  return { ...all, second: w.srf.answers[1]!.dialog, cat };
}

const reinvite = (dialog: FakeDialog): InDialogRequest => dialog.requests.filter(({ method }) => method === 'INVITE').at(-1) as InDialogRequest;
const endpointOf = (w: World, label: string, call: string | undefined): string => [...w.plane.held].find(([, one]) => one.label === label && one.session === call)?.[0] ?? '';

/** Keys of whoever is labelled so in the newest call with it. */
function press(w: World, keys: string, label = 'caller 1001'): void {
  const call = w.calls.list().find(({ id }) => endpointOf(w, label, id) !== '' && (label !== 'caller 1001' || w.calls.list().filter(({ from }) => from === '1001').at(-1)?.id === id));
  for (const digit of keys) w.plane.emit('digit', { id: endpointOf(w, label, call?.id), session: call?.id, digit, durationMs: 100, by: 'rfc4733' });
}

const byInfo = (dialog: FakeDialog, keys: string): void => {
  for (const digit of keys) dialog.receives('INFO', `Signal=${digit}\r\nDuration=100\r\n`, { 'content-type': 'application/dtmf-relay' });
};

describe.each(['caller', 'callee'] as const)('*2NUMBER# of the %s', (side) => {
  const roles = ({ ann, bob }: Up) => (side === 'caller' ? { who: '1001', leaves: ann, goes: bob, host: BOB } : { who: '1002', leaves: bob, goes: ann, host: ANN });

  test('the other one talks to that number, and one is out of it', async () => {
    const all = await up();
    const { w } = all;
    const { who, leaves, goes, host } = roles(all);
    press(w, '*21003', `${side} ${who}`);
    await w.settle();
    expect(w.srf.forks).toHaveLength(1);
    press(w, '#', `${side} ${who}`);
    await w.settle();
    const cat = w.fork(1);
    expect(cat.uri).toContain(CAT);
    cat.answers(sdp(CAT));
    reinvite(goes).answer(200, sdp(host, 2));
    await w.settle();
    w.clock.advance(600);
    await w.settle();
    expect([leaves.byes.length, goes.byes.length]).toEqual([1, 0]);
    expect(w.calls.list()).toMatchObject([{ to: '1003', state: 'up' }]);
    goes.bye();
    await w.settle();
    expect(w.calls.recent()[0]).toMatchObject({ transferredBy: who, to: '1003' });
    expect(w.left).toEqual(nothing);
  });

  test.each([['busy', '1003', (w: World) => w.fork(1).refuses(486)], ['nobody has that number', '4711', () => undefined]])('%s: a tone for who pressed, and they talk on', async (_why, number, happens) => {
    const all = await up();
    const { w } = all;
    const { who, leaves, goes } = roles(all);
    press(w, `*2${number}#`, `${side} ${who}`);
    await w.settle();
    happens(w);
    await w.settle();
    expect(w.plane.of('play').at(-1)?.slice(1)).toEqual([{ endpoint: side === 'caller' ? 'e0' : 'e1' }, [{ tone: 'reorder', ms: 800 }], { over: true }]);
    w.plane.finishes();
    await w.settle();
    expect(w.plane.of('connect').at(-1)?.slice(1, 3)).toEqual(['e0', 'e1']);
    expect([leaves.byes, goes.byes]).toEqual([[], []]);
    leaves.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

describe('keys', () => {
  /** How many phones are called. */
  const called = async (type: (all: Up) => void): Promise<number> => {
    const all = await up();
    type(all);
    await all.w.settle();
    const count = all.w.srf.forks.length - 1;
    await all.w.calls.close();
    return count;
  };

  test.each<[string, number, (all: Up) => void]>([
    ['by INFO', 1, ({ ann }) => byInfo(ann, '*21003#')],
    ['each by INFO and in the media stream', 1, ({ w, ann }) => { for (const key of '*21003#') { byInfo(ann, key); press(w, key); } }],
    ['slowly', 1, ({ w }) => { for (const key of '*21003#') { press(w, key); w.clock.advance(2500); } }],
    ['after something else', 1, ({ w }) => press(w, '12*9*21003#')],
    ['of a number that has a star', 0, ({ w }) => press(w, '*2*97#')],
    ['too slowly', 0, ({ w }) => { press(w, '*2100'); w.clock.advance(5100); press(w, '3#'); }],
    ['without a number', 0, ({ w }) => press(w, '*2#')],
    ['without the pound', 0, ({ w }) => press(w, '*21003')],
    ['of the two sides mixed', 0, ({ w }) => { press(w, '*2100'); press(w, '3#', 'callee 1002'); }],
    ['*1, *5 and plain digits', 0, ({ w }) => press(w, '*1*5123#**')],
    ['of a phone that is not registered here', 0, ({ w }) => { w.registered.delete('1001'); press(w, '*21003#'); }],
    ['of somebody outside', 0, ({ w }) => { Object.assign(w.extensions.get('1001')!, { trunk: 'provider' }); press(w, '*21003#'); }],
    ['of a phone elsewhere', 0, ({ w }) => { w.registered.set('1001', [binding('1001', DAN)]); press(w, '*21003#'); }],
  ])('%s', async (_what, count, type) => {
    expect(await called(type)).toBe(count);
  });

  test('go to the other one, too: INFO is passed on, and packets are relayed as ever', async () => {
    const { w, ann, bob } = await up();
    byInfo(ann, '*3');
    expect(bob.requests.map(({ method, body }) => `${method} ${body.slice(0, 8)}`)).toEqual(['INFO Signal=*', 'INFO Signal=3']);
    await w.calls.close();
  });
});

test('*4: the one on hold and the present one talk, Ann is out of it', async () => {
  const { w, ann, bob, second, cat } = await holding();
  press(w, '*4');
  await w.settle();
  // each is asked in turn
  reinvite(bob).answer(200, sdp(BOB, 3));
  await w.settle();
  reinvite(cat).answer(200, sdp(CAT, 2));
  await w.settle();
  w.clock.advance(600);
  await w.settle();
  expect([ann.byes.length, second.byes.length, bob.byes.length, cat.byes.length]).toEqual([1, 1, 0, 0]);
  expect(w.calls.list()).toMatchObject([{ from: '1003', to: '1002', state: 'up', held: false }]);
  bob.bye();
  await w.settle();
  expect(cat.byes).toHaveLength(1);
  expect(w.left).toEqual(nothing);
});

describe('*3', () => {
  test('all three meet; whoever goes, the others talk on, and the last one is not left alone', async () => {
    const { w, ann, bob, second, cat } = await holding();
    const present = w.calls.list().at(-1)!.id;
    press(w, '*3');
    await w.settle();
    reinvite(bob).answer(200, sdp(BOB, 3));
    await w.settle();
    expect(ann.byes).toHaveLength(1);
    reinvite(cat).answer(200, sdp(CAT, 2));
    await w.settle();
    reinvite(second).answer(200, sdp(ANN, 3));
    await w.settle();
    const room = `three:${present}`;
    expect(w.plane.of('join').filter(([, , name]) => name === room)).toHaveLength(3);
    expect([...w.plane.held.values()].map(({ near }) => near)).toEqual([`room:${room}`, `room:${room}`, `room:${room}`]);
    expect(w.calls.list().map(({ from, to, service }) => [from, to, service])).toEqual([['1002', '*3', 'three-way'], ['1003', '*3', 'three-way'], ['1001', '*3', 'three-way']]);
    expect([second.byes.length, bob.byes.length, cat.byes.length]).toEqual([0, 0, 0]);
    second.bye();
    await w.settle();
    expect([bob.byes.length, cat.byes.length]).toEqual([0, 0]);
    cat.bye();
    await w.settle();
    expect(bob.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('the one on hold refuses: all is as it was, and Ann hears a tone', async () => {
    const { w, ann, bob, second, cat } = await holding();
    press(w, '*3');
    await w.settle();
    reinvite(bob).answer(488);
    await w.settle();
    expect(w.plane.of('play').at(-1)?.[2]).toEqual([{ tone: 'reorder', ms: 800 }]);
    w.plane.finishes();
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1002', held: true }, { to: '1003', held: false }]);
    expect([ann, bob, second, cat].flatMap(({ byes }) => byes)).toEqual([]);
    await w.calls.close();
    expect(w.left).toEqual(nothing);
  });

  test.each([['*3'], ['*4']])('%s with nobody on hold: a tone', async (keys) => {
    const { w, bob } = await up();
    press(w, keys);
    await w.settle();
    expect(w.plane.of('play').at(-1)?.slice(1, 3)).toEqual([{ endpoint: 'e0' }, [{ tone: 'reorder', ms: 800 }]]);
    bob.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});
