/** Calling a phone and having it as the one leg of a call: who rings and what it is shown, who gets the call, and what is left when nobody answers. */
import { exactly, type Feature, type Handler } from '../../../signaling/app/feature';
import type { OriginateOptions } from '../../../signaling/app/calls';
import { binding, extension, nothing, World, type FakeDialog } from './call-fakes';

const ANN = '192.168.7.20';
const DESK = '192.168.7.21';
const BOB = '192.168.9.30';

const sdp = (host: string, more: { codecs?: string; crypto?: boolean; port?: number } = {}) =>
  [
    'v=0', `o=- 77 1 IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0', `m=audio ${more.port ?? 7000} ${more.crypto ? 'RTP/SAVP' : 'RTP/AVP'} ${more.codecs ?? '0 101'}`,
    'a=rtpmap:101 telephone-event/8000', ...(more.crypto ? [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${Buffer.alloc(30, 7).toString('base64')}`] : []), '',
  ].join('\r\n');

function stage(settings: ConstructorParameters<typeof World>[0] = {}, phones = [binding('1001', ANN)]) {
  const w = new World(settings);
  w.registered.set('1001', phones);
  return { w };
}

/** 1001 is called, and `handler` has it. */
async function called(handler: Handler | string, options: OriginateOptions = {}, { w }: ReturnType<typeof stage> = stage()) {
  const originated = await w.calls.originate('1001', handler, options);
  let outcome: { cause: string } | 'answered' | undefined;
  void originated.answered.then((refusal) => (outcome = refusal ?? 'answered'));
  await w.settle();
  return { w, originated, outcome: () => outcome };
}

const reinvites = (dialog: FakeDialog) => dialog.requests.filter(({ method }) => method === 'INVITE');

test('a phone rings, answers, and is a call of the service like any other', async () => {
  const said: string[] = [];
  const { w, originated, outcome } = await called(
    async (call) => {
      said.push(`${call.caller.number} ${call.dialled} ${call.answered}`);
      await call.answer();
      await call.play([{ file: '/prompts/hello.wav' }]);
      said.push((await call.gather({ max: 1 })).digits);
    },
    { service: 'reminder', by: 'crm', shows: { number: '5000', name: 'Reminder' }, near: 'room:5000' },
  );
  expect(w.calls.list()).toMatchObject([{ id: originated.id, from: '1001', to: '5000', state: 'ringing', originatedBy: 'crm' }]);
  const phone = w.fork();
  expect(phone.uri).toBe(`sip:1001@${ANN}:5060`);
  expect(phone.options.headers).toMatchObject({ From: '"Reminder" <sip:5000@localhost>', To: '<sip:1001@localhost>', Allow: expect.stringContaining('INFO') });
  expect(phone.options.headers).not.toHaveProperty('Call-Info');
  expect(phone.options.localSdp).toContain('RTP/AVP 96 9 0 8 97 101');
  expect([...w.plane.held.values()]).toMatchObject([{ label: 'caller 1001', near: 'room:5000' }]);
  const rang: string[] = [];
  w.calls.on('ringing', ({ id }) => rang.push(id));
  phone.provisional(180);
  phone.provisional(180);
  expect(rang).toEqual([originated.id]);
  const dialog = phone.answers(sdp(ANN));
  await w.settle();
  expect(outcome()).toBe('answered');
  expect(w.plane.audio.get('e0')).toMatchObject({ send: { codec: 'PCMU' }, telephoneEvent: { send: { payloadType: 101 } } });
  expect(w.calls.list()).toMatchObject([{ state: 'up', service: 'reminder' }]);
  expect(w.calls.stats()).toMatchObject({ started: 1, answered: 1, active: 1 });
  w.plane.finishes();
  await w.settle();
  w.plane.emit('digit', { id: 'e0', session: originated.id, digit: '4', durationMs: 100, by: 'rfc4733' });
  await w.settle();
  expect(said).toEqual(['1001 5000 true', '4']);
  expect(dialog.byes).toEqual([{ Reason: 'Q.850;cause=16;text="reminder has ended the call"' }]);
  expect(w.left).toEqual(nothing);
  expect(w.calls.recent()).toMatchObject([{ from: '1001', to: '5000', service: 'reminder', originatedBy: 'crm', answeredAfter: 0, ended: { by: 'system', cause: 'service-over' } }]);
});

test('all phones ring, the first has it; one without an offer in its answer, or that answers late, has not', async () => {
  const world = stage({}, [binding('1001', ANN), binding('1001', DESK), binding('1001', BOB)]);
  const { w } = await called((call) => call.ended.then(), {}, world);
  expect(w.srf.forks.map(({ uri }) => uri)).toEqual([`sip:1001@${ANN}:5060`, `sip:1001@${DESK}:5060`, `sip:1001@${BOB}:5060`]);
  const useless = w.fork(2).answers('');
  expect(useless.byes).toHaveLength(1);
  const dialog = w.fork(1).answers(sdp(DESK));
  expect(w.fork(0).cancels).toEqual([{ Reason: 'SIP;cause=200;text="Call completed elsewhere"' }]);
  expect(w.fork(2).cancels).toEqual([]);
  const late = w.fork(0).answers(sdp(ANN));
  expect(late.byes).toHaveLength(1);
  await w.settle();
  expect(w.plane.held.size).toBe(1);
  expect(dialog.byes).toEqual([]);
  dialog.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
  expect(w.calls.recent()).toMatchObject([{ ended: { by: 'caller', cause: 'hung-up' } }]);
});

test.each([
  ['the phone that is busy', (w: World) => w.fork().refuses(486), 'busy'],
  ['the phone that declines', (w: World) => w.fork().refuses(603), 'declined'],
  ['nobody in time', (w: World) => (w.fork().provisional(180), w.clock.advance(7000)), 'no-answer'],
  ['a phone that is gone', (w: World) => w.fork().refuses(410), 'unreachable'],
])('not answered: %s', async (_who, happens, cause) => {
  const { w, outcome } = await called(() => Promise.reject(new Error('never')), { ringSeconds: 7 });
  happens(w);
  await w.settle();
  expect(outcome()).toMatchObject({ cause });
  expect(w.left).toEqual(nothing);
  expect(w.calls.recent()).toMatchObject([{ answeredAfter: undefined, ended: { cause } }]);
});

test.each(['signal', 'end', 'console', 'shutdown'] as const)('given up while it rings, by %s: the phone is told', async (how) => {
  const controller = new AbortController();
  const { w, originated, outcome } = await called(() => Promise.reject(new Error('never')), { signal: controller.signal });
  if (how === 'signal') controller.abort();
  else if (how === 'end') originated.end();
  else if (how === 'console') w.calls.end(originated.id, { cause: 'cancelled', status: 487, reason: 'gone', q850: 16 });
  else void w.calls.close();
  await w.settle();
  expect(w.fork().cancels).toHaveLength(1);
  expect(outcome()).toMatchObject({ cause: how === 'shutdown' ? 'shutting-down' : 'cancelled' });
  const late = w.fork().answers(sdp(ANN));
  expect(late.byes).toHaveLength(1);
  expect(w.left).toEqual(nothing);
});

test('aborted while it talks: it is hung up on', async () => {
  const controller = new AbortController();
  const { w } = await called((call) => call.ended.then(), { signal: controller.signal });
  const dialog = w.fork().answers(sdp(ANN));
  await w.settle();
  controller.abort();
  await w.settle();
  expect(dialog.byes).toHaveLength(1);
  expect(w.left).toEqual(nothing);
});

test('asked to answer by itself, with what the caller of this wants to say besides', async () => {
  const { w } = await called((call) => call.ended.then(), { autoAnswer: true, headers: { Subject: 'page' } });
  expect(w.fork().options.headers).toMatchObject({ 'Answer-Mode': 'Auto', 'Call-Info': '<sip:10.0.0.1>;answer-after=0', 'Alert-Info': '<http://10.0.0.1>;info=alert-autoanswer;delay=0', Subject: 'page' });
  w.fork().refuses(486);
});

test.each([
  ['optional', 'RTP/AVP', sdp(ANN), null],
  ['optional, after 488', 'RTP/SAVP', sdp(ANN, { crypto: true }), 'AES_CM_128_HMAC_SHA1_80'],
  ['required', 'RTP/SAVP', sdp(ANN, { crypto: true }), 'AES_CM_128_HMAC_SHA1_80'],
])('SRTP %s', async (policy, profile, answer, suite) => {
  const world = stage();
  world.w.extensions.set('1001', extension('1001', { srtp: policy.split(',')[0] as 'optional' }));
  const { w } = await called((call) => call.ended.then(), {}, world);
  if (policy.includes('488')) w.fork().refuses(488);
  const phone = w.srf.forks.at(-1)!;
  expect(phone.options.localSdp).toContain(profile);
  const dialog = phone.answers(answer);
  await w.settle();
  expect((w.plane.of('setCrypto').at(-1)?.[2] as { send: { suite: string } } | undefined)?.send.suite ?? null).toBe(suite);
  dialog.bye();
  await w.settle();
  expect(w.left).toEqual(nothing);
});

test.each([
  ['no such extension', '1999', {}, 'store.not-found'],
  ['no phone', '1003', {}, 'call.no-phone'],
  ['no such number', '1001', {}, 'call.no-number'],
  ['too many calls', '1001', { maxCalls: 0 }, 'call.not-taken'],
])('cannot be begun: %s', async (_why, number, settings, code) => {
  const { w } = stage(settings);
  await expect(w.calls.originate(number, code === 'call.no-number' ? '4711' : async () => undefined)).rejects.toMatchObject({ code });
  expect(w.srf.forks).toEqual([]);
  expect(w.left).toEqual(nothing);
});

describe('click to dial', () => {
  test('1002 sees 1001 calling, 1001 sees 1002; both talk', async () => {
    const { w } = await called('1002', { by: '1001' });
    expect(w.fork().options.headers).toMatchObject({ From: '<sip:1002@localhost>' });
    const ann = w.fork().answers(sdp(ANN));
    await w.settle();
    expect(w.plane.of('play').at(-1)?.[2]).toEqual([{ tone: 'ringback' }]);
    expect(w.fork(1).options.headers).toMatchObject({ From: '"Ann \\"the boss\\"" <sip:1001@localhost>', To: '<sip:1002@localhost>' });
    const bob = w.fork(1).answers(sdp(BOB));
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1002', state: 'up', service: undefined, originatedBy: '1001' }]);
    expect(w.plane.of('connect')).toHaveLength(1);
    // from now on as between any two
    const hold = ann.receives('INVITE', sdp(ANN, { port: 7002 }));
    reinvites(bob).at(-1)?.answer(200, sdp(BOB, { port: 7004 }));
    expect(hold.final?.status).toBe(200);
    bob.bye();
    await w.settle();
    expect(ann.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('nobody answers there: a tone, and the reason', async () => {
    const { w } = await called('1002');
    const ann = w.fork().answers(sdp(ANN));
    await w.settle();
    w.fork(1).refuses(486);
    await w.settle();
    expect(w.plane.of('play').at(-1)?.[2]).toEqual([{ tone: 'busy', ms: 3000 }]);
    w.plane.finishes();
    await w.settle();
    expect(ann.byes).toEqual([{ Reason: 'Q.850;cause=17;text="1002 is busy"' }]);
    expect(w.left).toEqual(nothing);
  });

  test('to a service: it has the phone, with its media where the room is', async () => {
    const service: Feature = { name: 'lobby', numbers: [exactly('600', 'a room', { room: '600' })], answer: (call) => call.join('600').then(() => call.ended).then() };
    const { w } = await called('600', {}, stage({ features: [service] }));
    expect(w.fork().options.headers).toMatchObject({ From: '"lobby" <sip:600@localhost>' });
    const ann = w.fork().answers(sdp(ANN));
    await w.settle();
    expect([...w.plane.held.values()]).toMatchObject([{ near: 'room:600' }]);
    expect(w.plane.of('join').map(([, , room]) => room)).toEqual(['600']);
    expect(w.calls.list()).toMatchObject([{ to: '600', service: 'lobby' }]);
    ann.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});
