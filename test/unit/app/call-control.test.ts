/** What a console or an API does with calls that are up: each thing in each state of a call, with phones and a media plane played by hand. */
import { exactly, type Feature } from '../../../signaling/app/feature';
import { isOffhookError } from '../../../signaling/errors';
import { RecordingArchive } from '../../../signaling/app/recording-archive';
import { binding, extension, nothing, World, type FakeDialog, type InDialogRequest } from './call-fakes';

const ANN = '192.168.7.20';
const BOB = '192.168.9.30';
const CAT = '192.168.9.40';

const sdp = (host: string, version = 1, more: { direction?: string; codecs?: string } = {}) =>
  [
    'v=0', `o=- 77 ${version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0', `m=audio 7000 RTP/AVP ${more.codecs ?? '0 8 101'}`, 'a=rtpmap:101 telephone-event/8000',
    ...(more.direction ? [`a=${more.direction}`] : []), '',
  ].join('\r\n');

const echo: Feature = { name: 'echo', numbers: [exactly('*43', 'echo')], answer: (call) => call.answer().then(() => call.ended).then() };

const archive: NonNullable<ConstructorParameters<typeof World>[0]>['archive'] = ({ clock, log }) =>
  new RecordingArchive({
    folder: '/data', settings: { folder: 'recordings', format: 'wav', keepDays: 0, beepSeconds: 0, maxMinutes: 60 } as never, timeZone: 'UTC', clock, log, hasOpus: () => false,
    store: { recordings: { add: async () => undefined, end: async () => true, get: async () => undefined, list: async () => [], remove: async () => true } } as never,
  });

interface Up {
  w: World;
  id: string;
  ann: FakeDialog;
  bob: FakeDialog;
}

/** Ann, 1001, talks to Bob, 1002; Cat is 1003. */
async function up(prepare: (w: World) => void = () => undefined, settings: ConstructorParameters<typeof World>[0] = {}): Promise<Up> {
  const w = new World({ features: [echo], prompt: (key) => (key === 'hello' ? '/prompts/hello.wav' : undefined), ...settings });
  w.registered.set('1001', [binding('1001', ANN)]);
  w.registered.set('1003', [binding('1003', CAT)]);
  prepare(w);
  await w.dial(sdp(ANN));
  const bob = w.fork().answers(sdp(BOB));
  await w.settle();
  return { w, id: w.calls.list()[0]!.id, ann: w.answer.dialog, bob };
}

/** Ann talks to the echo. */
async function served(): Promise<{ w: World; id: string; ann: FakeDialog }> {
  const w = new World({ features: [echo] });
  w.registered.set('1003', [binding('1003', CAT)]);
  await w.dial(sdp(ANN), {}, 'sip:*43@pbx.test');
  await w.settle();
  return { w, id: w.calls.list()[0]!.id, ann: w.answer.dialog };
}

const reinvite = (dialog: FakeDialog): InDialogRequest => dialog.requests.filter(({ method }) => method === 'INVITE').at(-1) as InDialogRequest;
const codeOf = (fn: () => unknown): string => {
  try {
    fn();
    return 'done';
  } catch (err) {
    if (!isOffhookError(err)) throw err;
    return err.code;
  }
};

describe('of calls that are not there, not answered yet, of a service, and without our media', () => {
  const deeds: Array<[string, (w: World, id: string) => unknown]> = [
    ['mute', (w, id) => w.calls.control.mute(id, 'caller', true)],
    ['record', (w, id) => w.calls.control.startRecording(id)],
    ['play', (w, id) => w.calls.control.play(id, { what: [{ file: '/a.wav' }] })],
    ['stop', (w, id) => w.calls.control.stopPlaying(id)],
    ['digits', (w, id) => w.calls.control.sendDigits(id, 'callee', '12')],
  ];
  test.each(deeds)('%s', async (what, deed) => {
    const { w } = await up();
    expect(codeOf(() => deed(w, 'nobody'))).toBe('call.not-found');
    const ringing = new World();
    await ringing.dial(sdp(ANN));
    expect(codeOf(() => deed(ringing, ringing.calls.list()[0]!.id))).toBe('call.not-so');
    const lone = await served();
    expect(codeOf(() => deed(lone.w, lone.id))).toBe(['mute', 'record'].includes(what) ? 'call.not-so' : 'done');
    const direct = await up((one) => {
      one.extensions.set('1001', extension('1001', { media: 'direct' }));
      one.extensions.set('1002', extension('1002', { media: 'direct' }));
    });
    expect(codeOf(() => deed(direct.w, direct.id))).toBe('call.not-so');
  });
});

test('hanging up, whatever its state', async () => {
  const { w, id, ann, bob } = await up();
  w.calls.control.hangup(id, 'the shift lead');
  await w.settle();
  expect([ann.byes, bob.byes]).toEqual([[{ Reason: 'Q.850;cause=16;text="the shift lead has ended the call"' }], [{ Reason: 'Q.850;cause=16;text="the shift lead has ended the call"' }]]);
  expect(codeOf(() => w.calls.control.hangup(id))).toBe('call.not-found');
  const { res } = await w.dial(sdp(ANN));
  w.calls.control.hangup(w.calls.list()[0]!.id);
  await w.settle();
  expect(res.final?.status).toBe(480);
  expect(w.left).toEqual(nothing);
});

describe.each(['caller', 'callee'] as const)('transferring the %s to a number', (side) => {
  const roles = ({ ann, bob }: Up) => (side === 'caller' ? { goes: ann, stays: bob, host: ANN, who: '1001' } : { goes: bob, stays: ann, host: BOB, who: '1002' });

  test('it talks to that one, and the other one is hung up on', async () => {
    const call = await up();
    const { w, id } = call;
    const { goes, stays, host, who } = roles(call);
    const moved = w.calls.control.transfer(id, '1003', side, 'crm');
    await w.settle();
    // it hears that it rings there
    expect(w.plane.of('play').at(-1)?.[2]).toEqual([{ tone: 'ringback' }]);
    const cat = w.fork(1).answers(sdp(CAT));
    reinvite(goes).answer(200, sdp(host, 2));
    await w.settle();
    expect(await moved).toEqual({ id: w.calls.list()[0]!.id });
    expect([goes.byes.length, stays.byes.length, cat.byes.length]).toEqual([0, 1, 0]);
    expect(w.calls.list()).toMatchObject([{ from: who, to: '1003', state: 'up' }]);
    expect(w.calls.recent()).toMatchObject([{ id, transferredTo: '1003' }]);
    goes.bye();
    await w.settle();
    expect(w.calls.recent()[0]).toMatchObject({ transferredBy: 'crm' });
    expect(w.left).toEqual(nothing);
  });

  test.each([
    ['nobody answers there', (w: World) => w.fork(1).refuses(486), '486'],
    ['the phone refuses', (w: World, goes: FakeDialog) => (w.fork(1).answers(sdp(CAT)), reinvite(goes).answer(488)), '488'],
  ])('%s: all is as it was', async (_what, happens, status) => {
    const call = await up();
    const { w, id } = call;
    const { goes, stays } = roles(call);
    const moved = w.calls.control.transfer(id, '1003', side);
    await w.settle();
    await expect(w.calls.control.transfer(id, '1003', side)).rejects.toMatchObject({ code: 'call.not-so' });
    happens(w, goes);
    await expect(moved).rejects.toMatchObject({ code: 'call.not-moved', fields: { reason: expect.stringContaining(status) } });
    await w.settle();
    expect([goes.byes.length, stays.byes.length]).toEqual([0, 0]);
    expect(w.calls.list()).toMatchObject([{ id, state: 'up', held: false }]);
    expect(w.plane.of('connect').length).toBeGreaterThan(1);
    goes.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

test('transferring who talks to a service: the service is left; nobody there: it goes on, and its phone is told how things are', async () => {
  const { w, id, ann } = await served();
  const first = w.calls.control.transfer(id, '1003', 'callee');
  await w.settle();
  const gone = w.fork().answers(sdp(CAT));
  // hangs up before the phone has agreed
  gone.bye();
  reinvite(ann).answer(200, sdp(ANN, 2));
  await expect(first).rejects.toMatchObject({ code: 'call.not-moved' });
  await w.settle();
  expect(ann.requests.filter(({ method }) => method === 'INVITE')).toHaveLength(2);
  // glare: our question is not answered yet
  expect(ann.receives('INVITE', sdp(ANN, 3)).final?.status).toBe(491);
  reinvite(ann).answer(200, sdp(ANN, 3));
  await w.settle();
  expect(w.calls.list()).toMatchObject([{ id, service: 'echo', state: 'up' }]);
  expect(w.plane.held.size).toBe(1);

  const second = w.calls.control.transfer(id, '1003', 'caller');
  await w.settle();
  const cat = w.fork(1).answers(sdp(CAT));
  reinvite(ann).answer(200, sdp(ANN, 4));
  await second;
  await w.settle();
  expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1003', service: undefined }]);
  cat.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

test('muting drops what one says and lets its keys pass, in a relay and in a room', async () => {
  const { w, id, ann } = await up();
  w.calls.control.mute(id, 'caller', true);
  w.calls.control.mute(id, 'caller', true);
  const wiring = (): { aToB: { payloadMap: Record<number, number> }; bToA: { payloadMap: Record<number, number> } } => w.plane.of('connect').at(-1)?.[3] as never;
  expect(w.plane.of('connect')).toHaveLength(2);
  expect(wiring().aToB.payloadMap).toMatchObject({ 0: -1, 8: -1 });
  expect(wiring().aToB.payloadMap[101]).not.toBe(-1);
  expect(wiring().bToA.payloadMap[0]).not.toBe(-1);
  w.calls.control.play(id, { what: [{ file: '/a.wav' }], to: 'callee' });
  await w.settle();
  expect(w.plane.audio.get('e0')?.receive).toEqual([]);
  expect(w.plane.audio.get('e1')?.receive).not.toEqual([]);
  w.plane.finishes();
  await w.settle();
  w.calls.control.mute(id, 'caller', false);
  expect(wiring().aToB.payloadMap[0]).not.toBe(-1);
  ann.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

test.each([
  ['both', ['e0', 'e1']],
  ['caller', ['e0']],
  ['callee', ['e1']],
] as const)('playing to %s: their sound is made here meanwhile, and relayed again afterwards', async (to, ears) => {
  const { w, id, bob } = await up();
  expect(codeOf(() => w.calls.control.play(id, { what: [{ prompt: 'nonsense' }], to }))).toBe('call.no-prompt');
  w.calls.control.play(id, { what: [{ prompt: 'hello' }], to, loop: true });
  await w.settle();
  expect(w.plane.of('play').map(([, target, what, options]) => [target, what, options])).toEqual(ears.map((endpoint) => [{ endpoint }, [{ file: '/prompts/hello.wav' }], { over: true, loop: true }]));
  // another one in its place: still made here
  w.calls.control.play(id, { what: [{ file: '/b.wav' }], to });
  await w.settle();
  expect(w.plane.of('connect')).toHaveLength(1);
  w.calls.control.stopPlaying(id, to);
  await w.settle();
  expect(w.plane.of('connect')).toHaveLength(2);
  bob.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

test('digits, and nothing for a phone that is not listening', async () => {
  const { w, id, ann, bob } = await up();
  w.calls.control.sendDigits(id, 'callee', '12#');
  expect(w.plane.of('sendDigits')).toEqual([['sendDigits', 'e1', '12#', undefined]]);
  const held = ann.receives('INVITE', sdp(ANN, 2, { direction: 'inactive' }));
  reinvite(bob).answer(200, sdp(BOB, 2, { direction: 'inactive' }));
  expect(held.final?.status).toBe(200);
  expect(codeOf(() => w.calls.control.sendDigits(id, 'callee', '1'))).toBe('call.not-so');
  bob.bye();
  await w.settle();
});

test.each([
  ['on-demand', ['done', 'call.not-so', 'done', 'call.not-so']],
  ['never', ['call.not-so', 'call.not-so', 'call.not-so', 'call.not-so']],
  ['always', ['call.not-so', 'call.not-so', 'call.not-so', 'call.not-so']],
] as const)('recording where the policy is %s: start, start, stop, stop', async (recording, outcomes) => {
  const { w, id, ann } = await up((one) => one.extensions.set('1002', extension('1002', { recording })), { archive });
  const got: string[] = [];
  for (const what of ['start', 'start', 'stop', 'stop'] as const) {
    got.push(codeOf(() => (what === 'start' ? w.calls.control.startRecording(id) : w.calls.control.stopRecording(id))));
    await w.settle();
  }
  expect(got).toEqual(outcomes);
  expect(w.plane.of('record')).toHaveLength(recording === 'never' ? 0 : 1);
  ann.bye();
  await w.settle();
  expect(w.plane.held.size).toBe(0);
});

test('click to dial', async () => {
  const { w } = await up();
  await expect(w.calls.control.originate('1003', '4711')).rejects.toMatchObject({ code: 'call.no-number', httpStatus: 404 });
  const { id } = await w.calls.control.originate('1003', '1001', { by: 'crm' });
  await w.settle();
  expect(w.calls.list().find((one) => one.id === id)).toMatchObject({ from: '1003', to: '1001', originatedBy: 'crm' });
});
