/** Calls that ring, taken by somebody else: who may, with which offers, codecs and keys on both sides, and what becomes of everybody else. */
import { pickup } from '../../../signaling/app/features/pickup';
import { binding, extension, nothing, World, type FakeDialog, type InDialogRequest } from './call-fakes';

const ANN = '192.168.7.20';
const BOB = '192.168.9.30';
const BOB2 = '192.168.9.31';
const CAT = '192.168.9.40';

interface Sound {
  codecs?: string;
  crypto?: boolean;
}

const sdp = (host: string, version = 1, { codecs = '0 101', crypto = false }: Sound = {}) =>
  [
    'v=0', `o=- 77 ${version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0', `m=audio 7000 ${crypto ? 'RTP/SAVP' : 'RTP/AVP'} ${codecs}`, 'a=rtpmap:101 telephone-event/8000',
    ...(crypto ? [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${Buffer.alloc(30, Number(host.slice(-2))).toString('base64')}`] : []), '',
  ].join('\r\n');

type Settings = NonNullable<ConstructorParameters<typeof World>[0]>;

/** Ann, 1001, calls Bob, 1002, who has two phones; Cat is 1003. */
async function ringing(settings: Settings = {}, prepare: (w: World) => void = () => undefined, offer = sdp(ANN)) {
  const w: World = new World({
    features: [pickup({ at: (picker, number) => w.calls.pickups.at(picker, number), inGroups: (picker) => w.calls.pickups.inGroups(picker) })],
    media: { transcode: true, holdMusic: null },
    ...settings,
  });
  w.phones = [binding('1002', BOB), binding('1002', BOB2)];
  w.registered.set('1003', [binding('1003', CAT)]);
  prepare(w);
  const ann = await w.dial(offer);
  w.srf.forks[0]?.provisional(180);
  return { w, ann };
}

/** Cat dials that. */
async function dials(w: World, code: string, body = sdp(CAT), headers: Record<string, string> = {}) {
  const cat = await w.dial(body, headers, `sip:${code}@pbx.test`, CAT, '1003');
  await w.settle();
  return cat;
}

const reinvite = (dialog: FakeDialog): InDialogRequest => dialog.requests.filter(({ method }) => method === 'INVITE').at(-1) as InDialogRequest;
const answersFor = (w: World, host: string) => w.srf.answers.find(({ req }) => req.source_address === host);
const elsewhere = [{ Reason: 'SIP;cause=200;text="Call completed elsewhere"' }];

interface Row extends Sound {
  what: string;
  annOffers: boolean;
  catOffers: boolean;
  ann?: Sound;
  transcoded?: boolean;
}

const rows: Row[] = [];
for (const annOffers of [true, false]) {
  for (const catOffers of [true, false]) {
    const who = `${annOffers ? 'with' : 'without'} an offer of the caller, ${catOffers ? 'with' : 'without'} one of who takes it`;
    rows.push({ what: who, annOffers, catOffers });
    rows.push({ what: `${who}, codecs that differ`, annOffers, catOffers, codecs: '8 101', transcoded: true });
    rows.push({ what: `${who}, one encrypts`, annOffers, catOffers, crypto: true });
    rows.push({ what: `${who}, both encrypt`, annOffers, catOffers, crypto: true, ann: { crypto: true } });
  }
}

test.each(rows)('$what', async ({ annOffers, catOffers, ann: sound, transcoded, ...cats }) => {
  const policy = (w: World) => {
    if (cats.crypto) w.extensions.set('1003', extension('1003', { srtp: 'required' }));
    if (sound?.crypto) w.extensions.set('1001', extension('1001', { srtp: 'required' }));
  };
  const { w } = await ringing({}, policy, annOffers ? sdp(ANN, 1, sound) : '');
  await dials(w, '**1002', catOffers ? sdp(CAT, 1, cats) : '');
  const cat = answersFor(w, CAT)!.dialog;
  if (!catOffers) cat.acks(sdp(CAT, 1, cats));
  await w.settle();
  // a phone that takes no other key has the same as before
  const keyIn = (text: string): string | undefined => /inline:(\S+)/.exec(text)?.[1];
  if (cats.crypto) expect(keyIn(reinvite(cat).body)).toBe(keyIn(answersFor(w, CAT)!.sdp));
  // nobody else hears of it until Cat's phone has agreed
  expect(w.srf.forks.map(({ cancels }) => cancels)).toEqual([[], []]);
  reinvite(cat).answer(200, sdp(CAT, 2, cats));
  await w.settle();
  expect(w.srf.forks.map(({ cancels }) => cancels)).toEqual([elsewhere, elsewhere]);
  const ann = answersFor(w, ANN)!;
  if (!annOffers) ann.dialog.acks(sdp(ANN, 1, sound));
  await w.settle();
  // the ACK may have brought something that the other one is told
  for (const request of cat.requests.filter(({ method }) => method === 'INVITE').slice(1)) request.answer(200, sdp(CAT, 3, cats));
  await w.settle();
  expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1003', through: '1002', pickedUpBy: '1003', state: 'up', held: false }]);
  const [a, b] = [...w.plane.held.keys()];
  expect(w.plane.held.size).toBe(2);
  const met = transcoded ? w.plane.of('join').map(([, id]) => id) : (w.plane.of('connect').at(-1)?.slice(1, 3) ?? []);
  expect([...new Set(met)].sort()).toEqual([a, b].sort());
  expect(new Set(w.plane.of('setCrypto').map(([, id]) => id)).size >= Number(Boolean(cats.crypto)) + Number(Boolean(sound?.crypto))).toBe(true);
  expect(w.calls.stats().faults).toBe(0);
  // the one that is late
  w.fork(0).answers(sdp(BOB));
  expect(w.fork(0).dialog.byes).toHaveLength(1);
  cat.bye();
  await w.settle();
  expect(ann.dialog.byes).toHaveLength(1);
  expect(w.left).toEqual(nothing);
  expect(w.calls.recent()).toMatchObject([{ from: '1001', to: '1003', pickedUpBy: '1003', service: undefined }, { from: '1003', to: '**1002', service: 'pickup', transferredTo: '1001' }]);
});

describe('who may', () => {
  const group = (number: string, ...pickupGroups: string[]) => extension(number, { settings: { pickupGroups } });
  const inGroups = (ofBob: string[], ofCat: string[]) => (w: World) => {
    w.extensions.set('1002', group('1002', ...ofBob));
    w.extensions.set('1003', group('1003', ...ofCat));
  };
  test.each<[string, string, Settings['pickup'], (w: World) => void, number]>([
    ['everybody', '**1002', 'all', () => undefined, 200],
    ['nothing rings there', '**1001', 'all', () => undefined, 404],
    ['nobody has that number', '**4711', 'all', () => undefined, 404],
    ['only groups, and none in common', '**1002', 'groups', inGroups(['a'], ['b']), 403],
    ['only groups, and one in common', '**1002', 'groups', inGroups(['a', 'b'], ['b']), 200],
    ['group pickup', '*8', 'all', inGroups(['sales'], ['sales']), 200],
    ['group pickup without a group', '*8', 'all', () => undefined, 404],
    ['group pickup, none in common', '*8', 'all', inGroups(['a'], ['b']), 404],
  ])('%s', async (_who, code, pickups, prepare, status) => {
    const { w } = await ringing({ ...(pickups && { pickup: pickups }) }, prepare);
    const { res } = await dials(w, code);
    if (status === 200) expect(answersFor(w, CAT)).toBeDefined();
    else expect(res.final).toMatchObject({ status, headers: { Reason: expect.stringContaining('Q.850') } });
    // whatever it was: it goes on ringing, or is taken
    expect(w.srf.forks.map(({ cancels }) => cancels)).toEqual([[], []]);
    await w.calls.close();
    expect(w.left).toEqual(nothing);
  });

  test('what rings outside is nobody\'s to take', async () => {
    const { w } = await ringing({}, (one) => one.extensions.set('1002', { ...extension('1002'), trunk: 'provider' } as never));
    expect((await dials(w, '**1002')).res.final?.status).toBe(404);
    await w.calls.close();
  });

  test('a call to a ring group, by its number and by that of a member', async () => {
    for (const code of ['**500', '**1002']) {
      const group = {
        number: '500', name: 'Sales', members: ['1002'], strategy: 'all' as const, memberSeconds: 20, seconds: 60, skipBusy: false, followForwarding: false, prefix: '', music: null, otherwise: null,
      };
      const { w } = await ringing({ groups: [group] }, (one) => (one.phones = []));
      w.phones = [binding('1002', BOB)];
      await w.dial(sdp(ANN), {}, 'sip:500@pbx.test');
      await w.settle();
      const before = w.srf.forks.length;
      expect(before).toBeGreaterThan(0);
      await dials(w, code);
      reinvite(answersFor(w, CAT)!.dialog).answer(200, sdp(CAT, 2));
      await w.settle();
      expect(w.calls.list()).toMatchObject([{ to: '1003', through: '500', pickedUpBy: '1003' }]);
      await w.calls.close();
    }
  });
});

describe('when it does not come about', () => {
  test('somebody answers in the same moment: who takes it is told, and the call is theirs', async () => {
    const { w } = await ringing();
    await dials(w, '**1002');
    const cat = answersFor(w, CAT)!.dialog;
    const bob = w.fork(1).answers(sdp(BOB2));
    reinvite(cat).answer(200, sdp(CAT, 2));
    await w.settle();
    // back in its call with us, where it hears that it was too late
    reinvite(cat).answer(200, sdp(CAT, 3));
    await w.settle();
    expect(w.plane.of('play').at(-1)?.[2]).toEqual([{ tone: 'reorder', ms: 2000 }]);
    w.plane.finishes();
    await w.settle();
    expect(cat.byes).toHaveLength(1);
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1002', state: 'up', pickedUpBy: undefined }]);
    bob.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('its phone refuses: it rings on', async () => {
    const { w, ann } = await ringing();
    await dials(w, '**1002');
    reinvite(answersFor(w, CAT)!.dialog).answer(488);
    await w.settle();
    w.plane.finishes();
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1002', state: 'ringing' }]);
    expect(w.srf.forks.map(({ cancels }) => cancels)).toEqual([[], []]);
    ann.req.emit('cancel');
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('the caller gives up meanwhile', async () => {
    const { w, ann } = await ringing();
    await dials(w, '**1002');
    ann.req.emit('cancel');
    reinvite(answersFor(w, CAT)!.dialog).answer(200, sdp(CAT, 2));
    await w.settle();
    reinvite(answersFor(w, CAT)!.dialog).answer(200, sdp(CAT, 3));
    await w.settle();
    w.plane.finishes();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('who takes it hangs up meanwhile: it rings on', async () => {
    const { w, ann } = await ringing();
    await dials(w, '**1002');
    answersFor(w, CAT)!.dialog.bye();
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ to: '1002', state: 'ringing' }]);
    ann.req.emit('cancel');
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

describe('INVITE with Replaces of a dialog that rings', () => {
  test.each([
    ['that of a phone, early-only', (w: World) => `${w.fork().dialog.sip.callId};to-tag=x;from-tag=y;early-only`],
    ['that of a phone', (w: World) => `${w.fork(1).dialog.sip.callId};to-tag=x;from-tag=y`],
    ['as a lamp shows it', (w: World) => `lamp-${w.calls.list()[0]!.id};to-tag=caller;from-tag=callee;early-only`],
    ["the caller's", (_w: World, callId: string) => `${callId};to-tag=x;from-tag=y;early-only`],
  ])('%s', async (_which, name) => {
    const { w, ann } = await ringing();
    await dials(w, '1002', sdp(CAT), { replaces: name(w, ann.req.get('Call-ID') as string) });
    reinvite(answersFor(w, CAT)!.dialog).answer(200, sdp(CAT, 2));
    await w.settle();
    expect(w.srf.forks.map(({ cancels }) => cancels)).toEqual([elsewhere, elsewhere]);
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1003', pickedUpBy: '1003', state: 'up' }]);
    await w.calls.close();
    expect(w.left).toEqual(nothing);
  });

  test('as a lamp showed it, answered meanwhile', async () => {
    const { w } = await ringing();
    w.fork().answers(sdp(BOB));
    await w.settle();
    const { res } = await dials(w, '1002', sdp(CAT), { replaces: `lamp-${w.calls.list()[0]!.id};to-tag=caller;from-tag=callee;early-only` });
    expect(res.final?.status).toBe(403);
    const again = await w.dial(sdp(BOB2), { replaces: `lamp-${w.calls.list()[0]!.id};to-tag=caller;from-tag=callee;early-only` }, 'sip:1002@pbx.test', BOB2, '1002');
    expect(again.res.final?.status).toBe(486);
    await w.calls.close();
  });

  test('by somebody who must not', async () => {
    const { w } = await ringing({ pickup: 'groups' });
    const { res } = await dials(w, '1002', sdp(CAT), { replaces: `${w.fork().dialog.sip.callId};to-tag=x;from-tag=y;early-only` });
    expect(res.final?.status).toBe(403);
    await w.calls.close();
  });
});
