/** Parking: who comes to which slot and how, who takes it out again, and what becomes of somebody whom nobody wants. */
import { park } from '../../../signaling/app/features/park';
import { binding, extension, nothing, World, type FakeDialog, type FakeResponder, type InDialogRequest } from './call-fakes';

const ANN = '192.168.7.20';
const BOB = '192.168.9.30';
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

interface Up {
  w: World;
  ann: FakeDialog;
  bob: FakeDialog;
  /** What the parker's phones were told. */
  told: string[];
}

/** Ann, 1001, talks to Bob, 1002; Cat is 1003. Bob parks. */
async function up(prepare: (w: World) => void = () => undefined, ofAnn: Sound = {}): Promise<Up> {
  const told: string[] = [];
  const w = new World({
    features: [park({ seconds: 120, music: async () => ['/music.wav'], sayDigits: (number) => [...number], tell: (number, from, text) => told.push(`${number} <- ${from}: ${text}`) })],
    prompt: (key) => `/prompts/${key}.wav`,
    media: { transcode: true, holdMusic: null },
  });
  w.registered.set('1001', [binding('1001', ANN)]);
  w.registered.set('1003', [binding('1003', CAT)]);
  prepare(w);
  await w.dial(sdp(ANN, 1, ofAnn));
  const bob = w.fork().answers(sdp(BOB));
  await w.settle();
  return { w, ann: w.answer.dialog, bob, told };
}

const reinvite = (dialog: FakeDialog): InDialogRequest => dialog.requests.filter(({ method }) => method === 'INVITE').at(-1) as InDialogRequest;
const answersFor = (w: World, host: string) => w.srf.answers.filter(({ req }) => req.source_address === host);
const refers = (dialog: FakeDialog, to: string, replaces?: FakeDialog): FakeResponder =>
  dialog.receives('REFER', '', { 'refer-to': replaces ? `<sip:${to}@pbx.test?Replaces=${encodeURIComponent(`${replaces.sip.callId};to-tag=${replaces.sip.localTag};from-tag=${replaces.sip.remoteTag}`)}>` : `<sip:${to}@pbx.test>` });
const played = (w: World) => w.plane.of('play').map(([, , what]) => what);
const music = [{ file: '/music.wav' }];
const dials = async (w: World, number: string, from: '1001' | '1002' | '1003', body?: string) => {
  const host = { '1001': ANN, '1002': BOB, '1003': CAT }[from];
  const dialled = await w.dial(body ?? sdp(host), {}, `sip:${number}@pbx.test`, host, from);
  await w.settle();
  return dialled;
};

/** Bob has parked Ann. */
async function parked(slot = '700', more?: Parameters<typeof up>[0], ofAnn: Sound = {}): Promise<Up> {
  const all = await up(more, ofAnn);
  refers(all.bob, slot);
  await all.w.settle();
  reinvite(all.ann).answer(200, sdp(ANN, 2, ofAnn));
  await all.w.settle();
  for (const request of all.bob.requests) if (request.method === 'NOTIFY') request.answer(200);
  all.bob.bye();
  await all.w.settle();
  return all;
}

test.each([['700', '701'], ['701', '701'], ['720', '720']])('a blind transfer to %s: she waits at %s, with music, and Bob reads where', async (dialled, slot) => {
  const { w, told } = await parked(dialled);
  expect(w.calls.list()).toMatchObject([{ from: '1001', to: slot, service: 'park', parkedBy: '1002', state: 'up' }]);
  expect(played(w).at(-1)).toEqual(music);
  expect(told).toEqual([`1002 <- ${slot}: Ann "the boss" (1001) is parked at ${slot}`]);
  expect(w.calls.recent()).toMatchObject([{ to: '1002', transferredTo: slot }]);
  await w.calls.close();
  expect(w.left).toEqual(nothing);
});

test('Bob dials 700 first, hears the slot, and then transfers: she waits there', async () => {
  const { w, ann, bob } = await up();
  await dials(w, '700', '1002');
  const second = answersFor(w, BOB)[0]!.dialog;
  w.clock.advance(300);
  await w.settle();
  expect(played(w).at(-1)).toEqual([{ file: '/prompts/parked-at.wav' }, { file: '/prompts/7.wav' }, { file: '/prompts/0.wav' }, { file: '/prompts/1.wav' }]);
  // somebody else is told of another one meanwhile
  await dials(w, '700', '1003');
  w.clock.advance(300);
  await w.settle();
  expect(played(w).at(-1)).toContainEqual({ file: '/prompts/2.wav' });
  answersFor(w, CAT)[0]!.dialog.bye();
  refers(bob, '700', second);
  await w.settle();
  reinvite(ann).answer(200, sdp(ANN, 2));
  await w.settle();
  expect(second.byes).toHaveLength(1);
  expect(w.calls.list().find(({ parkedBy }) => parkedBy)).toMatchObject({ from: '1001', to: '701', parkedBy: '1002' });
  // 702 is nobody's any more
  await dials(w, '702', '1003').then(({ res }) => expect(res.final).toMatchObject({ status: 404, reason: 'nobody is parked at 702' }));
  await w.calls.close();
  expect(w.left).toEqual(nothing);
});

test('he dials 700, and transfers blindly from his other line: she waits where he was told', async () => {
  const { w, ann, bob } = await up();
  await dials(w, '700', '1002');
  refers(bob, '700');
  await w.settle();
  reinvite(ann).answer(200, sdp(ANN, 2));
  await w.settle();
  expect(w.calls.list().find(({ parkedBy }) => parkedBy)).toMatchObject({ to: '701' });
  await w.calls.close();
});

test('who hears a slot and hangs up has not taken it', async () => {
  const { w } = await up();
  for (let i = 0; i < 3; i++) {
    await dials(w, '700', '1003');
    expect(answersFor(w, CAT)).toHaveLength(i + 1);
    w.clock.advance(300);
    await w.settle();
    expect(played(w).at(-1)).toContainEqual({ file: '/prompts/1.wav' });
    answersFor(w, CAT)[i]!.dialog.bye();
    await w.settle();
  }
  await w.calls.close();
});

interface Take extends Sound {
  what: string;
  offers: boolean;
  ofAnn?: Sound;
  transcoded?: boolean;
}

const takes: Take[] = [];
for (const offers of [true, false]) {
  const who = offers ? 'with an offer' : 'without an offer';
  takes.push({ what: who, offers });
  takes.push({ what: `${who}, codecs that differ`, offers, codecs: '8 101', transcoded: true });
  takes.push({ what: `${who}, one encrypts`, offers, crypto: true });
  takes.push({ what: `${who}, both encrypt`, offers, crypto: true, ofAnn: { crypto: true } });
}

test.each(takes)('Cat dials the slot, $what: they talk, and the slot is free', async ({ offers, ofAnn = {}, transcoded, ...cats }) => {
  const policy = (w: World): void => {
    if (cats.crypto) w.extensions.set('1003', extension('1003', { srtp: 'required' }));
    if (ofAnn.crypto) w.extensions.set('1001', extension('1001', { srtp: 'required' }));
  };
  const { w, ann } = await parked('700', policy, ofAnn);
  await dials(w, '701', '1003', offers ? sdp(CAT, 1, cats) : '');
  reinvite(ann).answer(200, sdp(ANN, 3, ofAnn));
  await w.settle();
  const cat = answersFor(w, CAT)[0]!.dialog;
  if (!offers) cat.acks(sdp(CAT, 1, cats));
  await w.settle();
  for (const request of ann.requests.filter(({ method }) => method === 'INVITE').slice(2)) request.answer(200, sdp(ANN, 4, ofAnn));
  await w.settle();
  expect(w.calls.list()).toMatchObject([{ from: '1003', to: '1001', parkedBy: '1002', state: 'up', held: false, service: undefined }]);
  const ids = [...w.plane.held.keys()].sort();
  expect(ids).toHaveLength(2);
  const met = transcoded ? w.plane.of('join').map(([, id]) => id as string).filter((id) => ids.includes(id)) : (w.plane.of('connect').at(-1)?.slice(1, 3) ?? []);
  expect([...new Set(met)].sort()).toEqual(ids);
  expect(w.calls.stats().faults).toBe(0);
  ann.bye();
  await w.settle();
  expect(cat.byes).toHaveLength(1);
  expect(w.left).toEqual(nothing);
  expect(w.calls.recent()).toMatchObject([{ from: '1003', to: '1001', parkedBy: '1002', service: 'park' }, { from: '1001', to: '701', parkedBy: '1002', transferredTo: '1003' }, { transferredTo: '701' }]);
  expect((await dials(w, '701', '1003', sdp(CAT, 1, cats))).res.final?.status).toBe(404);
});

test('her phone does not come: she goes on waiting, and Cat is told', async () => {
  const { w, ann } = await parked();
  const { res } = await dials(w, '701', '1003');
  reinvite(ann).answer(488);
  await w.settle();
  expect(res.final?.status).toBe(488);
  expect(w.calls.list()).toMatchObject([{ from: '1001', to: '701', service: 'park' }]);
  await w.calls.close();
  expect(w.left).toEqual(nothing);
});

test('two dial it at once: one has her', async () => {
  const { w, ann } = await parked();
  await dials(w, '701', '1003');
  expect((await dials(w, '701', '1002')).res.final?.status).toBe(404);
  reinvite(ann).answer(200, sdp(ANN, 3));
  await w.settle();
  expect(w.calls.list()).toMatchObject([{ from: '1003', to: '1001', state: 'up' }]);
  await w.calls.close();
});

test('a slot that is taken, no slot, and hanging up frees it', async () => {
  const { w, ann } = await parked('705');
  const busy = await w.dial(sdp(BOB), {}, 'sip:1003@pbx.test', BOB, '1002');
  const cat = w.srf.forks.at(-1)!.answers(sdp(CAT));
  await w.settle();
  expect(busy.res.final).toBeUndefined();
  const bob = answersFor(w, BOB).at(-1)!.dialog;
  refers(bob, '705');
  await w.settle();
  for (let i = 0; i < 3; i++) {
    bob.requests.filter(({ method }) => method === 'NOTIFY').at(-1)!.answer(200);
    await w.settle();
  }
  expect(bob.requests.at(-1)!.body).toContain('486 somebody is parked at 705 already');
  expect(w.calls.list().find(({ from }) => from === '1002')).toMatchObject({ to: '1003', state: 'up' });
  ann.bye();
  await w.settle();
  refers(bob, '705');
  await w.settle();
  reinvite(cat).answer(200, sdp(CAT, 2));
  await w.settle();
  expect(w.calls.list().find(({ parkedBy }) => parkedBy)).toMatchObject({ from: '1003', to: '705' });
  await w.calls.close();
  expect(w.left).toEqual(nothing);
});

describe('after two minutes', () => {
  const rings = async (): Promise<Up & { forks: number }> => {
    const all = await parked();
    const forks = all.w.srf.forks.length;
    all.w.clock.advance(120_000);
    await all.w.settle();
    expect(all.w.srf.forks).toHaveLength(forks + 1);
    expect(all.w.srf.forks.at(-1)!.uri).toContain(BOB);
    return { ...all, forks };
  };

  test('it rings at who parked it, and he has her again', async () => {
    const { w, ann } = await rings();
    const bob = w.srf.forks.at(-1)!.answers(sdp(BOB));
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1002', state: 'up', service: undefined }]);
    expect((await dials(w, '701', '1003')).res.final?.status).toBe(404);
    ann.bye();
    await w.settle();
    expect(bob.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('nobody answers: she hears music again, it rings again, and at last nobody wants her', async () => {
    const { w, ann, forks } = await rings();
    w.srf.forks.at(-1)!.refuses(486);
    await w.settle();
    expect(played(w).at(-1)).toEqual(music);
    expect(w.calls.list()).toMatchObject([{ to: '701', state: 'up', service: 'park' }]);
    for (let i = 0; i < 9; i++) {
      w.clock.advance(120_000);
      await w.settle();
      w.srf.forks.at(-1)!.refuses(480);
      await w.settle();
    }
    expect(w.srf.forks).toHaveLength(forks + 10);
    expect(played(w).at(-1)).toEqual([{ file: '/prompts/goodbye.wav' }]);
    w.plane.finishes();
    await w.settle();
    expect(ann.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('somebody dials the slot while it rings there: he stops ringing, they talk', async () => {
    const { w, ann } = await rings();
    await dials(w, '701', '1003');
    expect(w.srf.forks.at(-1)!.cancels).toHaveLength(1);
    w.clock.advance(200);
    await w.settle();
    reinvite(ann).answer(200, sdp(ANN, 3));
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ from: '1003', to: '1001', state: 'up' }]);
    ann.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

test('slots are a tenant\'s own', async () => {
  const { w } = await parked();
  w.extensions.set('1003@acme.example', extension('1003@acme.example'));
  const { res } = await w.dial(sdp(CAT), {}, 'sip:701@acme.example', CAT, '1003@acme.example');
  await w.settle();
  expect(res.final?.status).toBe(404);
  await w.calls.close();
});
