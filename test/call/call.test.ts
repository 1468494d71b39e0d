/**
 * Calls between phones played by SIPp: what each side is told in every way a call can go, and that the sound passes. Judged at
 * the far end: by what SIPp received there, and by the tone that arrived.
 */
import { networkInterfaces } from 'node:os';
import { hears, hearsNothing, mark } from '../support/ears';
import { missing, need, unless } from '../support/peers';
import { RtpParty } from '../support/rtp-party';
import { ScriptedPhone, received, speak } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { Server, type Account } from '../support/server';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';

let suite: Stage;
let server: Server;
let numbers = 3000;

const CALLER_TONE = 600;
const CALLEE_TONE = 900;

async function newcomer(srtp?: 'off'): Promise<Account & { server: string }> {
  return { ...(await server.add(String(++numbers), srtp)), server: server.address };
}

interface Pair {
  caller: ScriptedPhone;
  callee: ScriptedPhone;
  /** The callee's number. */
  number: string;
  callerSound: RtpParty;
  calleeSound: RtpParty;
  callerSdp: string;
  calleeSdp: string;
}

/** Two phones with a tone each; the one to be called is registered. */
async function pair(stage: Stage, transport: 'udp' | 'tcp' = 'udp', srtp?: 'off'): Promise<Pair> {
  const [first, second] = await Promise.all([newcomer(srtp), newcomer(srtp)]);
  const caller = await ScriptedPhone.make(stage, { ...first, transport });
  const callee = await ScriptedPhone.registered(stage, { ...second, transport });
  const callerSound = await RtpParty.open(stage, { tone: CALLER_TONE });
  const calleeSound = await RtpParty.open(stage, { tone: CALLEE_TONE });
  return {
    caller,
    callee,
    number: second.user,
    callerSound,
    calleeSound,
    callerSdp: sdp({ port: callerSound.port }),
    calleeSdp: sdp({ port: calleeSound.port }),
  };
}

const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>, seconds = 20): ReturnType<typeof staged<Args>> =>
  staged(body, { suite: () => suite, seconds });

need('sipp')('calling', () => {
  beforeAll(async () => {
    suite = new Stage();
    // 100 calls at once have 400 ports, and those of the calls before still rest.
    server = await Server.start(suite, { settings: { 'call.ringSeconds': 2, 'media.holdMusic': 'none' }, mediaPorts: 700 });
  }, 30_000);
  afterAll(() => suite.close());

  test.each(['udp', 'tcp'] as const)('over %s each side hears the other, every packet once; the caller hangs up', ...shared(async (stage, transport: 'udp' | 'tcp') => {
    const { caller, callee, number, callerSound, calleeSound, callerSdp, calleeSdp } = await pair(stage, transport);
    const called = await callee.expects('callee', { sdp: calleeSdp, ringMs: 100 });
    const calling = await caller.calls(number, 'caller', { sdp: callerSdp, talkMs: 2500 });
    await Promise.all([speak(callerSound, calling), speak(calleeSound, called)]);
    await Promise.all([hears(callerSound, CALLEE_TONE, { not: [CALLER_TONE] }), hears(calleeSound, CALLER_TONE, { not: [CALLEE_TONE] })]);
    const [callerEnd, calleeEnd] = await Promise.all([calling.finished(), called.finished()]);
    expect([callerEnd.code, calleeEnd.code]).toEqual([0, 0]);
    expect(received(callerEnd)).toEqual(expect.arrayContaining(['407', '100', '180', '200']));
    expect(received(calleeEnd)).toEqual(['INVITE', 'ACK', 'BYE']);
    for (const sound of [callerSound, calleeSound]) {
      const counts = sound.counts();
      expect(counts).toMatchObject({ lost: 0, malformed: 0, sources: 1, payloadTypes: [0] });
      expect(counts.received).toBeGreaterThan(75);
    }
  }));

  test('the called side hangs up', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp, calleeSdp } = await pair(stage);
    const called = await callee.expects('callee-hangs-up', { sdp: calleeSdp, talkMs: 300 });
    const calling = await caller.calls(number, 'caller-is-hung-up-on', { sdp: callerSdp });
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }));

  test('a busy phone: 486 and a reason for people', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp } = await pair(stage);
    const called = await callee.expects('callee-refuses', { status: '486 Busy Here' });
    const result = await (await caller.calls(number, 'caller-is-refused', { sdp: callerSdp, final: 486 })).finished();
    expect(result.code).toBe(0);
    expect(result.messages.map(({ text }) => text).join('\n')).toMatch(/^SIP\/2\.0 486 .*busy/im);
    expect((await called.finished()).code).toBe(0);
  }));

  test('the caller gives up while it rings: 487 for it, CANCEL for the phone', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp } = await pair(stage);
    const called = await callee.expects('callee-is-cancelled');
    const calling = await caller.calls(number, 'caller-gives-up', { sdp: callerSdp });
    expect((await calling.finished()).code).toBe(0);
    const result = await called.finished();
    expect(result.code).toBe(0);
    expect(received(result)).toEqual(['INVITE', 'CANCEL', 'ACK']);
  }));

  test('nobody answers: 408 for the caller after the time to ring, CANCEL for the phone', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp } = await pair(stage);
    const called = await callee.expects('callee-is-cancelled');
    const calling = await caller.calls(number, 'caller-is-refused', { sdp: callerSdp, final: 408 });
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }));

  test('an extension without a phone: 480', ...shared(async (stage) => {
    const { caller, callerSdp } = await pair(stage);
    const absent = await newcomer();
    expect((await (await caller.calls(absent.user, 'caller-is-refused', { sdp: callerSdp, final: 480 })).finished()).code).toBe(0);
  }));

  test('a phone that has unregistered: 480', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp } = await pair(stage);
    expect((await callee.register({ expires: 0 })).code).toBe(0);
    expect((await (await caller.calls(number, 'caller-is-refused', { sdp: callerSdp, final: 480 })).finished()).code).toBe(0);
  }));

  test('a number that does not exist: 404', ...shared(async (stage) => {
    const { caller, callerSdp } = await pair(stage);
    expect((await (await caller.calls('7999', 'caller-is-refused', { sdp: callerSdp, final: 404 })).finished()).code).toBe(0);
  }));

  test('a caller whose codecs nobody speaks: 488, and the phone does not ring', ...shared(async (stage) => {
    const { caller, callee, number, callerSound } = await pair(stage);
    const called = await callee.expects('callee', { sdp: sdp({ port: 9 }), ringMs: 0 });
    const offer = sdp({ port: callerSound.port, codecs: [97] });
    expect((await (await caller.calls(number, 'caller-is-refused', { sdp: offer, final: 488 })).finished()).code).toBe(0);
    expect(called.messages()).toEqual([]);
  }));

  test('a phone that speaks none of the caller\'s codecs: 488', ...shared(async (stage) => {
    // with SRTP allowed it would be called once more, offering that
    const { caller, callee, number, callerSdp } = await pair(stage, 'udp', 'off');
    const called = await callee.expects('callee-refuses', { status: '488 Not Acceptable Here' });
    expect((await (await caller.calls(number, 'caller-is-refused', { sdp: callerSdp, final: 488 })).finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }));

  test('an INVITE without an offer: the phone\'s offer comes back, sound passes both ways', ...shared(async (stage) => {
    const { caller, callee, number, callerSound, calleeSound, callerSdp, calleeSdp } = await pair(stage);
    const called = await callee.expects('callee', { sdp: calleeSdp, ringMs: 0 });
    const calling = await caller.calls(number, 'caller-without-offer', { sdp: callerSdp, talkMs: 2500 });
    await Promise.all([speak(callerSound, calling), speak(calleeSound, called)]);
    await Promise.all([hears(callerSound, CALLEE_TONE, { not: [CALLER_TONE] }), hears(calleeSound, CALLER_TONE, { not: [CALLEE_TONE] })]);
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }));

  test('the caller puts the call on hold: the held side hears nothing any more', ...shared(async (stage) => {
    const { caller, callee, number, callerSound, calleeSound, callerSdp, calleeSdp } = await pair(stage);
    const held = sdp({ port: callerSound.port, direction: 'inactive', version: 2 });
    const agreed = sdp({ port: calleeSound.port, direction: 'inactive', version: 2 });
    const called = await callee.expects('callee-is-reinvited', { sdp: calleeSdp, sdp2: agreed });
    const calling = await caller.calls(number, 'caller-reinvites', { sdp: callerSdp, sdp2: held, talkMs: 2000 });
    await Promise.all([speak(callerSound, calling), speak(calleeSound, called)]);
    await Promise.all([hears(callerSound, CALLEE_TONE, { not: [] }), hears(calleeSound, CALLER_TONE, { not: [] })]);
    const reinvite = await called.receives(/^INVITE [^]*a=inactive/);
    expect(reinvite[0]).toMatch(/^m=audio [1-9]/m);
    // Both parties keep sending, which a real phone would not: that nothing arrives is the relay's doing.
    await Promise.all([hearsNothing(callerSound, 0.8), hearsNothing(calleeSound, 0.8)]);
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }));

  test('the called side changes the session: its new port is where the sound goes', ...shared(async (stage) => {
    const { caller, callee, number, callerSound, calleeSound, callerSdp, calleeSdp } = await pair(stage);
    const moved = await RtpParty.open(stage, { tone: 1300 });
    const called = await callee.expects('callee-reinvites', { sdp: calleeSdp, sdp2: sdp({ port: moved.port, version: 2 }), talkMs: 2000 });
    const calling = await caller.calls(number, 'caller-is-reinvited', { sdp: callerSdp, sdp2: sdp({ port: callerSound.port, version: 2 }) });
    await Promise.all([speak(callerSound, calling), speak(calleeSound, called)]);
    await Promise.all([hears(callerSound, CALLEE_TONE, { not: [1300] }), hears(calleeSound, CALLER_TONE, { not: [] })]);
    await calling.receives(/^INVITE /);
    calleeSound.stopSending();
    const from = mark(callerSound);
    await speak(moved, called);
    await hears(moved, CALLER_TONE, { not: [CALLEE_TONE], seconds: 0.6 });
    await hears(callerSound, 1300, { not: [], from: from + 0.2, seconds: 0.6 });
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }));

  test('two phones of one extension ring; the first to answer has the call, the other is cancelled', ...shared(async (stage) => {
    const { caller, callee, number, callerSound, calleeSound, callerSdp, calleeSdp } = await pair(stage);
    const other = await ScriptedPhone.registered(stage, { ...server.account(number), server: server.address });
    const called = await callee.expects('callee', { sdp: calleeSdp, ringMs: 500 });
    const rung = await other.expects('callee-is-cancelled');
    const calling = await caller.calls(number, 'caller', { sdp: callerSdp, talkMs: 2000 });
    await Promise.all([speak(callerSound, calling), speak(calleeSound, called)]);
    await hears(callerSound, CALLEE_TONE, { not: [] });
    const ends = await Promise.all([calling.finished(), called.finished(), rung.finished()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
  }));

  test('two phones of one extension ring; one refuses, the other still gets the call', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp, calleeSdp } = await pair(stage);
    const other = await ScriptedPhone.registered(stage, { ...server.account(number), server: server.address });
    const called = await callee.expects('callee', { sdp: calleeSdp, ringMs: 500 });
    const refuses = await other.expects('callee-refuses', { status: '486 Busy Here' });
    const calling = await caller.calls(number, 'caller', { sdp: callerSdp, talkMs: 300 });
    const ends = await Promise.all([calling.finished(), called.finished(), refuses.finished()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
  }));

  test('a session timer is agreed to (RFC 4028)', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp, calleeSdp } = await pair(stage);
    const called = await callee.expects('callee', { sdp: calleeSdp, ringMs: 0 });
    const moreHeaders = 'Supported: timer\nSession-Expires: 600;refresher=uac\nMin-SE: 90\n';
    const calling = await caller.calls(number, 'caller', { sdp: callerSdp, talkMs: 200, moreHeaders });
    const result = await calling.finished();
    expect(result.code).toBe(0);
    const [answer] = result.messages.filter(({ direction, text }) => direction === 'received' && text.startsWith('SIP/2.0 200') && /CSeq: 2 INVITE/.test(text));
    expect(answer?.text).toMatch(/^Session-Expires: 600\s*;\s*refresher=uac\r?$/m);
    expect((await called.finished()).code).toBe(0);
  }));

  test('somebody else who sends to the relay\'s port is not heard', ...shared(async (stage) => {
    const { caller, callee, number, callerSound, calleeSound, callerSdp, calleeSdp } = await pair(stage);
    const called = await callee.expects('callee', { sdp: calleeSdp, ringMs: 0 });
    const calling = await caller.calls(number, 'caller', { sdp: callerSdp, talkMs: 3000 });
    await Promise.all([speak(callerSound, calling), speak(calleeSound, called)]);
    await hears(calleeSound, CALLER_TONE, { not: [], seconds: 0.5 });
    const intruder = await RtpParty.open(stage, { tone: 1700 });
    await speak(intruder, calling);
    const from = mark(calleeSound);
    await eventually('a second of intrusion', () => intruder.counts().sent >= 50);
    await hears(calleeSound, CALLER_TONE, { not: [1700], from });
    expect(intruder.counts()).toMatchObject({ received: 0 });
    expect((await calling.finished()).code).toBe(0);
    expect((await called.finished()).code).toBe(0);
  }));

  test('100 calls at once, none fails', ...shared(async (stage) => {
    const { caller, callee, number, callerSdp, calleeSdp } = await pair(stage);
    const many = { calls: 100, atOnce: 100, perSecond: 50, seconds: 40 };
    const called = await callee.expects('callee', { sdp: calleeSdp, ringMs: 100 }, many);
    const calling = await caller.calls(number, 'caller', { sdp: callerSdp, talkMs: 6000 }, many);
    const [callerEnd, calleeEnd] = await Promise.all([calling.finished(), called.finished()]);
    expect(callerEnd).toMatchObject({ code: 0, successful: 100, failed: 0 });
    expect(calleeEnd).toMatchObject({ code: 0, successful: 100, failed: 0 });
    expect(callerEnd.peak).toBe(100);
  }, 60));
});

need('sipp')('a call that has fallen silent', () => {
  test('is ended on both sides, and says why', ...staged(async (stage) => {
    const quick = await Server.start(stage, { settings: { 'media.silenceSeconds': 1 } });
    const caller = await ScriptedPhone.make(stage, { ...quick.account('1001'), server: quick.address });
    const callee = await ScriptedPhone.registered(stage, { ...quick.account('1002'), server: quick.address });
    const callerSound = await RtpParty.open(stage, { tone: CALLER_TONE });
    const calleeSound = await RtpParty.open(stage, { tone: CALLEE_TONE });
    const called = await callee.expects('callee', { sdp: sdp({ port: calleeSound.port }), ringMs: 0 });
    const calling = await caller.calls('1002', 'caller-is-hung-up-on', { sdp: sdp({ port: callerSound.port }) });
    await Promise.all([speak(callerSound, calling), speak(calleeSound, called)]);
    // As long as there is sound the call lives, longer than the silence that ends it.
    await hears(callerSound, CALLEE_TONE, { not: [], seconds: 2 });
    callerSound.stopSending();
    calleeSound.stopSending();
    const ends = await Promise.all([calling.finished(), called.finished()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    for (const { messages } of ends) {
      const bye = messages.find(({ direction, text }) => direction === 'received' && text.startsWith('BYE '));
      expect(bye?.text).toMatch(/^Reason: .*no media/im);
    }
  }));
});

const noIpv6 = Object.values(networkInterfaces()).flat().some((known) => known?.address === '::1') ? undefined : 'there is no ::1 here';

unless(missing(['sipp']) ?? noIpv6)('a phone on IPv4 and one on IPv6', () => {
  test('hear each other; each is given an address of its own kind', ...staged(async (stage) => {
    const both = await Server.start(stage, { moreHosts: ['[::1]'] });
    const caller = await ScriptedPhone.make(stage, { ...both.account('1001'), server: both.address });
    const callee = await ScriptedPhone.registered(stage, { ...both.account('1002'), server: `[::1]:${both.port}`, address: '::1' });
    const callerSound = await RtpParty.open(stage, { tone: CALLER_TONE });
    const calleeSound = await RtpParty.open(stage, { tone: CALLEE_TONE, address: '::1' });
    const called = await callee.expects('callee', { sdp: sdp({ port: calleeSound.port, address: '::1' }), ringMs: 0 });
    const calling = await caller.calls('1002', 'caller', { sdp: sdp({ port: callerSound.port }), talkMs: 2000 });
    await Promise.all([speak(callerSound, calling), speak(calleeSound, called)]);
    await Promise.all([hears(callerSound, CALLEE_TONE, { not: [CALLER_TONE] }), hears(calleeSound, CALLER_TONE, { not: [CALLEE_TONE] })]);
    expect((await called.receives(/^c=.*$/m))[0].trim()).toBe('c=IN IP6 ::1');
    expect((await calling.receives(/^c=.*$/m))[0].trim()).toBe('c=IN IP4 127.0.0.1');
    const ends = await Promise.all([calling.finished(), called.finished()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  }));
});
