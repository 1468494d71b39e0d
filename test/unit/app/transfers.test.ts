/** Transfers with phones and a media plane played by hand: who is asked what, who hears of it, and what is left when it fails. */
import { exactly, type Feature } from '../../../signaling/app/feature';
import { MAX_TRANSFERS } from '../../../signaling/app/transfers';
import { binding, extension, nothing, World, type FakeDialog, type FakeResponder, type InDialogRequest } from './call-fakes';

const sdp = (host: string, version = 1, more: { direction?: string; codecs?: string; crypto?: string } = {}) =>
  [
    'v=0', `o=- 77 ${version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0',
    `m=audio 7000 ${more.crypto ? 'RTP/SAVP' : 'RTP/AVP'} ${more.codecs ?? '0 8 101'}`, 'a=rtpmap:101 telephone-event/8000',
    ...(more.crypto ? [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${more.crypto}`] : []),
    ...(more.direction ? [`a=${more.direction}`] : []), '',
  ].join('\r\n');

const ANN = '192.168.7.20';
const BOB = '192.168.9.30';
const CAT = '192.168.9.40';

interface Up {
  w: World;
  ann: FakeDialog;
  bob: FakeDialog;
}

/** Ann, 1001, has called Bob, 1002. Cat is 1003. */
async function up(settings: ConstructorParameters<typeof World>[0] = {}, prepare: (w: World) => void = () => undefined, offers = [sdp(ANN), sdp(BOB)]): Promise<Up> {
  const w = new World(settings);
  w.registered.set('1001', [binding('1001', ANN)]);
  w.registered.set('1003', [binding('1003', CAT)]);
  prepare(w);
  await w.dial(offers[0] as string);
  const bob = w.fork().answers(offers[1] as string);
  await w.settle();
  return { w, ann: w.answer.dialog, bob };
}

const refers = (dialog: FakeDialog, to = '<sip:1003@pbx.test>', more: Record<string, string> = {}): FakeResponder => dialog.receives('REFER', '', { 'refer-to': to, ...more });

const of = (dialog: FakeDialog, method: string): InDialogRequest[] => dialog.requests.filter((r) => r.method === method);
const last = (dialog: FakeDialog, method: string): InDialogRequest => of(dialog, method).at(-1) as InDialogRequest;

/** Confirms NOTIFYs as they come; what they said. */
function notices(dialog: FakeDialog): string[] {
  const seen = new Set<InDialogRequest>();
  for (;;) {
    const next = of(dialog, 'NOTIFY').find((r) => !seen.has(r));
    if (!next) break;
    seen.add(next);
    next.answer(200);
  }
  return of(dialog, 'NOTIFY').map(({ body, headers }) => `${body.trim()} | ${headers['Subscription-State']}`);
}

const named = ({ sip }: FakeDialog): string => `<sip:1003@pbx.test?Replaces=${encodeURIComponent(`${sip.callId};to-tag=${sip.localTag};from-tag=${sip.remoteTag}`)}>`;

/** The plane's port that an SDP of ours names. */
const portIn = (text: string): string => /^m=audio (\d+)/m.exec(text)?.[1] ?? '';
const idOf = (w: World, text: string): string => [...w.plane.held].find(([, { rtpPort }]) => String(rtpPort) === portIn(text))?.[0] ?? '';
const version = (text: string) => Number(/^o=- \d+ (\d+) /m.exec(text)?.[1]);
const record = (w: World) => w.calls.recent().map(({ from, to, transferredBy, transferredTo, answeredAfter }) => ({ from, to, by: transferredBy, on: transferredTo, answered: answeredAfter !== undefined }));

describe.each(['caller', 'callee'] as const)('blind transfer by the %s', (side) => {
  const roles = ({ ann, bob }: Up) => (side === 'caller' ? { transferor: ann, transferee: bob, host: BOB, by: '1001', who: '1002' } : { transferor: bob, transferee: ann, host: ANN, by: '1002', who: '1001' });
  /** One of the two has asked for a transfer, and it has begun. */
  const referred = async (settings?: Parameters<typeof up>[0]) => {
    const call = await up(settings);
    const both = roles(call);
    refers(both.transferor);
    await call.w.settle();
    return { w: call.w, ...both };
  };

  test('goes well', async () => {
    const call = await up();
    const { w } = call;
    const { transferor, transferee, host, by, who } = roles(call);
    const res = refers(transferor);
    expect(res.final).toMatchObject({ status: 202, headers: { Contact: transferor.local.contact } });
    await w.settle();
    // nobody has told the transferee anything yet; it hears that it rings
    expect(transferee.requests).toEqual([]);
    expect(w.plane.of('play').map(([, , what]) => what)).toEqual([[{ tone: 'ringback' }]]);
    const cat = w.fork(1);
    expect(cat.uri).toBe(`sip:1003@${CAT}:5060`);
    expect(cat.options.headers).toMatchObject({ From: expect.stringContaining(`<sip:${who}@localhost>`), 'Referred-By': `<sip:${by}@10.0.0.1:5060>` });
    cat.provisional(180);
    const phone = cat.answers(sdp(CAT));
    const reinvite = last(transferee, 'INVITE');
    expect(portIn(reinvite.body)).not.toBe('');
    expect(version(reinvite.body)).toBe(2);
    expect(reinvite.body).toContain('a=sendrecv');
    expect(reinvite.headers).toMatchObject({ 'P-Asserted-Identity': '<sip:1003@localhost>' });
    reinvite.answer(200, sdp(host, 2));
    await w.settle();
    expect(notices(transferor)).toEqual([
      'SIP/2.0 100 Trying | active;expires=90',
      // the ringing was overtaken while the first one had no answer
      'SIP/2.0 200 OK | terminated;reason=noresource',
    ]);
    expect(w.plane.of('connect').at(-1)?.slice(1, 3).sort()).toEqual([idOf(w, reinvite.body), idOf(w, cat.options.localSdp)].sort());
    expect([transferor.byes.length, transferee.byes.length, phone.byes.length]).toEqual([0, 0, 0]);
    w.clock.advance(600);
    await w.settle();
    expect([transferor.byes.length, transferee.byes.length, phone.byes.length]).toEqual([1, 0, 0]);
    expect(w.calls.list()).toMatchObject([{ from: who, to: '1003', state: 'up', held: false }]);
    expect(w.plane.held.size).toBe(2);
    expect(record(w)).toEqual([{ from: '1001', to: '1002', by: undefined, on: '1003', answered: true }]);

    // what the transferee says now is for its new call
    const hold = transferee.receives('INVITE', sdp(host, 3, { direction: 'sendonly' }));
    expect(last(phone, 'INVITE').body).toContain('a=sendonly');
    last(phone, 'INVITE').answer(200, sdp(CAT, 2, { direction: 'recvonly' }));
    expect(hold.final?.status).toBe(200);
    transferee.bye();
    await w.settle();
    expect(phone.byes).toHaveLength(1);
    expect(record(w)[0]).toEqual({ from: who, to: '1003', by, on: undefined, answered: true });
    expect(w.left).toEqual(nothing);
  });

  test('the transferor hangs up as soon as it has its 202, and all goes on', async () => {
    const { w, transferor, transferee, host } = await referred();
    transferor.bye();
    w.fork(1).provisional(180);
    const phone = w.fork(1).answers(sdp(CAT));
    last(transferee, 'INVITE').answer(200, sdp(host, 2));
    await w.settle();
    expect([transferee.byes.length, phone.byes.length]).toEqual([0, 0]);
    expect(w.calls.active()).toBe(1);
    phone.bye();
    await w.settle();
    expect(transferee.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('the transferor has hung up and nobody answers: the transferee is told', async () => {
    const { w, transferor, transferee } = await referred({ ringSeconds: 5 });
    transferor.bye();
    w.fork(1).provisional(180);
    w.clock.advance(5000);
    await w.settle();
    expect(w.fork(1).cancels).toHaveLength(1);
    expect(transferee.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('the transferee hangs up meanwhile: the target stops ringing', async () => {
    const { w, transferor, transferee } = await referred();
    w.fork(1).provisional(180);
    transferee.bye();
    await w.settle();
    expect(w.fork(1).cancels).toHaveLength(1);
    expect(transferor.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test.each([[486, 'SIP/2.0 486 1003 is busy'], [603, 'SIP/2.0 603 1003 declined the call']])('the target answers %d: the transferor hears of it, and goes on', async (status, line) => {
    const { w, transferor, transferee, host } = await referred();
    notices(transferor);
    w.fork(1).refuses(status);
    await w.settle();
    expect(notices(transferor).at(-1)).toBe(`${line} | terminated;reason=noresource`);
    expect(transferee.requests).toEqual([]);
    expect(w.plane.of('connect')).toHaveLength(2);
    expect(w.plane.of('connect')[0]).toEqual(w.plane.of('connect')[1]);
    // both can be told and asked as before, also to go elsewhere
    transferor.receives('INVITE', sdp(host === ANN ? BOB : ANN, 2, { direction: 'sendonly' }));
    last(transferee, 'INVITE').answer(200, sdp(host, 2, { direction: 'recvonly' }));
    expect(refers(transferor).final?.status).toBe(202);
    await w.settle();
    expect(last(transferor, 'NOTIFY').headers['Event']).toBe('refer;id=1');
    transferee.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('the transferee refuses what the target can do: all stays as it was', async () => {
    const { w, transferor, transferee, host } = await referred();
    notices(transferor);
    const phone = w.fork(1).answers(sdp(CAT));
    last(transferee, 'INVITE').answer(488);
    await w.settle();
    expect(notices(transferor).at(-1)).toContain('SIP/2.0 488 ');
    expect(phone.byes).toHaveLength(1);
    expect([transferor.byes, transferee.byes]).toEqual([[], []]);
    // our descriptions are numbered on from the one that was refused
    transferor.receives('INVITE', sdp(host === ANN ? BOB : ANN, 2, { direction: 'sendonly' }));
    expect(version(last(transferee, 'INVITE').body)).toBe(3);
    last(transferee, 'INVITE').answer(200, sdp(host, 2, { direction: 'recvonly' }));
    transferor.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('the target hangs up before the transferee has agreed: that one is called back', async () => {
    const { w, transferor, transferee, host, by } = await referred();
    notices(transferor);
    const before = [...w.plane.held.values()].map(({ rtpPort }) => String(rtpPort)).slice(0, 2);
    const phone = w.fork(1).answers(sdp(CAT));
    phone.bye();
    last(transferee, 'INVITE').answer(200, sdp(host, 2));
    expect(of(transferee, 'INVITE')).toHaveLength(2);
    expect(before).toContain(portIn(last(transferee, 'INVITE').body));
    expect(version(last(transferee, 'INVITE').body)).toBe(3);
    expect(last(transferee, 'INVITE').headers).toMatchObject({ 'P-Asserted-Identity': expect.stringContaining(`<sip:${by}@localhost>`) });
    last(transferee, 'INVITE').answer(200, sdp(host, 3));
    await w.settle();
    expect(notices(transferor).at(-1)).toContain('SIP/2.0 480 ');
    expect(w.calls.list()).toMatchObject([{ state: 'up', held: false }]);
    transferor.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('glare: the transferee is asked again', async () => {
    const { w, transferor, transferee, host } = await referred();
    w.fork(1).answers(sdp(CAT));
    last(transferee, 'INVITE').answer(491);
    w.clock.advance(1200);
    expect(of(transferee, 'INVITE')).toHaveLength(2);
    last(transferee, 'INVITE').answer(200, sdp(host, 2));
    await w.settle();
    expect(w.calls.list().map(({ to }) => to)).toContain('1003');
    transferor.bye();
    transferee.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('a change of the session under way goes first', async () => {
    const { w, transferor, transferee, host } = await referred();
    const hold = transferor.receives('INVITE', sdp(host === ANN ? BOB : ANN, 2, { direction: 'sendonly' }));
    w.fork(1).answers(sdp(CAT));
    expect(of(transferee, 'INVITE')).toHaveLength(1);
    last(transferee, 'INVITE').answer(200, sdp(host, 2, { direction: 'recvonly' }));
    expect(hold.final?.status).toBe(200);
    w.clock.advance(100);
    // held there, not held here
    expect(last(transferee, 'INVITE').body).toContain('a=sendrecv');
    last(transferee, 'INVITE').answer(200, sdp(host, 3));
    await w.settle();
    w.clock.advance(5000);
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1003', held: false }]);
    transferee.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

test.each<[string, string, RegExp]>([
  ['an unknown number', '<sip:7777@pbx.test>', /^SIP\/2\.0 404 there is no number 7777/],
  ['nobody registered', '<sip:1004@pbx.test>', /^SIP\/2\.0 480 1004 has no phone registered/],
  ['the transferee itself', '<sip:1002@pbx.test>', /^SIP\/2\.0 486 /],
  ['no number', '<sip:pbx.test>', /^SIP\/2\.0 484 /],
  ['a dialog that is not there', '<sip:1003@pbx.test?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>', /^SIP\/2\.0 481 /],
])('to %s: the failure is told, the call goes on', async (_, to, line) => {
  const { w, ann, bob } = await up({}, (world) => world.extensions.set('1004', extension('1004')));
  expect(refers(ann, to).final?.status).toBe(202);
  await w.settle();
  expect(notices(ann)).toEqual(['SIP/2.0 100 Trying | active;expires=90', expect.stringMatching(line)]);
  expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1002', state: 'up' }]);
  bob.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

test('a bad REFER is 400, a second one meanwhile 491, one without notices is not told', async () => {
  const { w, ann, bob } = await up();
  expect(refers(ann, '<sip:1003@a>, <sip:1002@a>').final?.status).toBe(400);
  expect(refers(ann, '<sip:1003@pbx.test>', { 'refer-sub': 'false' }).final).toMatchObject({ status: 202, headers: { 'Refer-Sub': 'false' } });
  await w.settle();
  expect(refers(ann).final).toMatchObject({ status: 491, headers: { 'Retry-After': '5' } });
  expect(refers(bob).final?.status).toBe(491);
  w.fork(1).answers(sdp(CAT));
  last(bob, 'INVITE').answer(200, sdp(BOB, 2));
  await w.settle();
  w.clock.advance(600);
  expect(of(ann, 'NOTIFY')).toEqual([]);
  expect(ann.byes).toHaveLength(1);
  bob.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

test('a transferor whose NOTIFY is not answered is hung up on all the same', async () => {
  const { w, ann, bob } = await up();
  refers(ann);
  await w.settle();
  w.fork(1).answers(sdp(CAT));
  last(bob, 'INVITE').answer(200, sdp(BOB, 2));
  w.clock.advance(3000);
  expect(ann.byes).toHaveLength(1);
  bob.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

test('round and round: at some point it is enough', async () => {
  const { w, ann, bob } = await up();
  let [stays, other] = [bob, ann];
  for (let i = 0; i < MAX_TRANSFERS; i++) {
    expect(refers(other, `<sip:${i % 2 === 0 ? '1003' : '1001'}@pbx.test>`).final?.status).toBe(202);
    await w.settle();
    const next = w.fork(i + 1).answers(sdp(CAT));
    last(stays, 'INVITE').answer(200, sdp(BOB, i + 2));
    await w.settle();
    other.bye();
    other = next;
  }
  expect(refers(other).final?.status).toBe(403);
  stays.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

test('to a service: the transferee is its caller', async () => {
  const heard: string[] = [];
  const menu: Feature = {
    name: 'menu',
    numbers: [exactly('500', 'the menu')],
    async answer(call) {
      heard.push(call.caller.number);
      await call.answer();
      heard.push((await call.gather({ max: 1 })).digits);
    },
  };
  const { w, ann, bob } = await up({ features: [menu] });
  refers(ann, '<sip:500@pbx.test>');
  await w.settle();
  const reinvite = last(bob, 'INVITE');
  expect(reinvite.body).toContain('a=sendrecv');
  reinvite.answer(200, sdp(BOB, 2, { codecs: '8 101' }));
  await w.settle();
  expect(notices(ann).at(-1)).toContain('SIP/2.0 200 OK');
  expect(w.plane.audio.get(idOf(w, reinvite.body))?.send).toMatchObject({ codec: 'PCMA' });
  ann.bye();
  w.plane.emit('digit', { id: idOf(w, reinvite.body), session: w.calls.list()[0]?.id, digit: '7' });
  await w.settle();
  expect(heard).toEqual(['1002', '7']);
  expect(bob.byes).toHaveLength(1);
  expect(w.left).toEqual(nothing);
});

test('nobody answers, and a feature takes the call: that is a transfer that went well', async () => {
  const box: Feature = { name: 'box', numbers: [], unanswered: () => async (call) => { await call.answer(); await call.pause(60_000); } };
  const { w, ann, bob } = await up({ features: [box] });
  refers(ann);
  await w.settle();
  w.fork(1).refuses(486);
  await w.settle();
  last(bob, 'INVITE').answer(200, sdp(BOB, 2));
  await w.settle();
  expect(notices(ann).at(-1)).toContain('SIP/2.0 200 OK');
  bob.bye();
  ann.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

test('keys: the phone gets new ones for its new call, of the suite that it has', async () => {
  const key = Buffer.alloc(30, 9).toString('base64');
  const secret = [sdp(ANN, 1, { crypto: key }), sdp(BOB, 1, { crypto: key })];
  const { w, ann, bob } = await up({}, (world) => {
    for (const number of ['1001', '1002', '1003']) world.extensions.set(number, extension(number, { srtp: number === '1003' ? 'off' : 'required' }));
  }, secret);
  const before = /inline:(\S+)/.exec(w.fork().options.localSdp)?.[1];
  refers(ann);
  await w.settle();
  w.fork(1).answers(sdp(CAT));
  const offer = last(bob, 'INVITE').body;
  const after = /inline:(\S+)/.exec(offer)?.[1];
  expect(offer).toContain('RTP/SAVP');
  expect(after).toBeDefined();
  expect(after).not.toBe(before);
  last(bob, 'INVITE').answer(200, sdp(BOB, 2, { crypto: key }));
  await w.settle();
  expect(w.plane.of('setCrypto').at(-1)).toMatchObject(['setCrypto', idOf(w, offer), { send: { keySalt: after }, receive: { keySalt: key } }]);
  bob.bye();
  ann.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

describe('attended', () => {
  /** Ann talks to Bob, and to Cat. */
  async function both(): Promise<Up & { toCat: FakeDialog; cat: FakeDialog }> {
    const call = await up();
    const { w } = call;
    await w.dial(sdp(ANN), {}, 'sip:1003@pbx.test');
    const cat = w.fork(1).answers(sdp(CAT));
    await w.settle();
    return { ...call, toCat: w.srf.answers[1]?.dialog as FakeDialog, cat };
  }

  test('the two far ends are one call, the transferor is out of both', async () => {
    const { w, ann, bob, toCat, cat } = await both();
    expect(refers(ann, named(toCat)).final?.status).toBe(202);
    await w.settle();
    last(cat, 'INVITE').answer(200, sdp(CAT, 2));
    // each is told who is there now
    expect([cat, bob].map((phone) => last(phone, 'INVITE').headers['P-Asserted-Identity'])).toEqual(['<sip:1002@localhost>', '<sip:1003@localhost>']);
    last(bob, 'INVITE').answer(200, sdp(BOB, 2));
    await w.settle();
    expect(notices(ann).at(-1)).toContain('SIP/2.0 200 OK');
    expect(toCat.byes).toHaveLength(1);
    w.clock.advance(600);
    await w.settle();
    expect([ann.byes.length, bob.byes.length, cat.byes.length]).toEqual([1, 0, 0]);
    expect(w.calls.list()).toMatchObject([{ from: '1002', to: '1003', state: 'up', held: false }]);
    expect(w.plane.of('connect').at(-1)?.slice(1, 3).sort()).toEqual([idOf(w, last(bob, 'INVITE').body), idOf(w, last(cat, 'INVITE').body)].sort());
    expect(record(w)).toEqual([
      { from: '1001', to: '1002', by: undefined, on: '1003', answered: true },
      { from: '1001', to: '1003', by: undefined, on: '1002', answered: true },
    ]);
    cat.bye();
    await w.settle();
    expect(bob.byes).toHaveLength(1);
    expect(record(w)[0]).toEqual({ from: '1002', to: '1003', by: '1001', on: undefined, answered: true });
    expect(w.left).toEqual(nothing);
  });

  test('the other far end refuses: both calls stay', async () => {
    const { w, ann, bob, toCat, cat } = await both();
    refers(ann, named(toCat));
    await w.settle();
    last(cat, 'INVITE').answer(488);
    await w.settle();
    expect(notices(ann).at(-1)).toContain('SIP/2.0 488 ');
    expect(w.calls.list()).toMatchObject([{ to: '1002', state: 'up' }, { to: '1003', state: 'up' }]);
    bob.bye();
    cat.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('while the other one still rings: it is called for the transferee', async () => {
    const { w, ann, bob } = await up();
    const { req, res } = await w.dial(sdp(ANN), {}, 'sip:1003@pbx.test');
    const tag = /tag=(.*)/.exec(req.get('from') as string)?.[1];
    refers(ann, `<sip:1003@a?Replaces=${encodeURIComponent(`${req.get('call-id')};to-tag=x;from-tag=${tag}`)}>`);
    await w.settle();
    expect(res.final?.status).toBe(480);
    expect(w.fork(1).cancels).toHaveLength(1);
    w.fork(2).answers(sdp(CAT));
    last(bob, 'INVITE').answer(200, sdp(BOB, 2));
    await w.settle();
    expect(notices(ann).at(-1)).toContain('SIP/2.0 200 OK');
    ann.bye();
    bob.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('somebody else\'s call cannot be named', async () => {
    const { w, bob, toCat, cat, ann } = await both();
    expect(refers(bob, named(toCat)).final?.status).toBe(403);
    expect(refers(ann, named(ann)).final?.status).toBe(403);
    bob.bye();
    cat.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

describe('INVITE with Replaces', () => {
  const replaces = ({ sip }: FakeDialog): Record<string, string> => ({ replaces: `${sip.callId};to-tag=${sip.localTag};from-tag=${sip.remoteTag}` });

  test('another phone of the same person takes the call over', async () => {
    const { w, ann, bob } = await up();
    const { res } = await w.dial(sdp('192.168.7.21'), replaces(ann));
    expect(res.sent).toEqual([]);
    last(bob, 'INVITE').answer(200, sdp(BOB, 2));
    await w.settle();
    const mine = w.srf.answers[1];
    expect(mine?.sdp).toContain('m=audio');
    expect(ann.byes).toHaveLength(1);
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1002', state: 'up' }]);
    bob.bye();
    await w.settle();
    expect(mine?.dialog.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test.each<[string, (d: FakeDialog) => Record<string, string>, string, number]>([
    ['nobody has this dialog', () => ({ replaces: 'x;to-tag=1;from-tag=2' }), '1001', 481],
    ['it makes no sense', () => ({ replaces: 'x' }), '1001', 400],
    ['somebody else', replaces, '1003', 403],
    ['only while it rings', (d) => ({ replaces: `${replaces(d)['replaces']};early-only` }), '1001', 486],
  ])('%s', async (_, headers, from, status) => {
    const { w, ann, bob } = await up();
    const { res } = await w.dial(sdp(CAT), headers(ann), 'sip:1002@pbx.test', CAT, from);
    expect(res.final?.status).toBe(status);
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1002', state: 'up' }]);
    bob.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});
