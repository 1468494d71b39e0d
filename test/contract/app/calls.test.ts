/** Calls on the wire: what phones hear of each other, and what they must not. */
import { PeerDialog } from '../../support/sip-peer';
import { eventually } from '../../support/wait';
import { fastTimers, isRealServer, problems } from '../engine/harness';
import { connect, Exchange, type Phone, type Up } from './phones';

let exchange: Exchange;
let caller: Phone;
let callee: Phone;

beforeAll(async () => {
  exchange = await Exchange.start({}, { timers: fastTimers });
});

afterAll(async () => {
  await exchange.close();
  expect(problems).toEqual([]);
});

beforeEach(async () => {
  caller = await exchange.phone('1001', 11);
  callee = await exchange.phone('1002', 12);
});

afterEach(() => exchange.clear());

const text = (message: { body: Buffer }) => message.body.toString();

/** The caller hangs up; both BYEs are answered. */
async function over(up: Up): Promise<void> {
  up.a.send('BYE');
  await up.caller.response(200, 'BYE');
  await up.callee.hungUp();
}

describe('a call', () => {
  test('from INVITE to BYE by the caller', async () => {
    const up = await connect(caller, callee);
    expect(up.invited.message.uri).toBe(`sip:1002@127.0.0.12:${callee.peer.port}`);
    expect(up.invited.message.headers.get('from')).toContain('"Name of 1001" <sip:1001@127.0.0.1');
    expect(up.invited.message.headers.get('to')).toContain('sip:1002@127.0.0.1');
    expect(text(up.invited.message)).toMatch(/m=audio 4\d{4} RTP\/AVP 0 101\r\n/);
    expect(text(up.answered.message)).toMatch(/m=audio 4\d{4} RTP\/AVP 0 101\r\n/);
    await eventually('media to be wired', () => exchange.plane.of('connect').length > 0);
    up.a.send('BYE');
    await caller.response(200, 'BYE');
    const bye = await callee.hungUp();
    expect(bye.message.headers.get('reason')).toBe('Q.850;cause=16;text="1001 hung up"');
  });

  test('and BYE by the callee', async () => {
    const up = await connect(caller, callee);
    up.b.send('BYE');
    await callee.response(200, 'BYE');
    const bye = await caller.hungUp();
    expect(bye.message.headers.get('reason')).toContain('1002 hung up');
  });

  test('over TCP', async () => {
    const one = await exchange.phone('1001', 1, 'tcp');
    exchange.bindings.delete('1003');
    const two = await exchange.phone('1003', 1, 'tcp');
    const up = await connect(one, two);
    expect(up.invited.message.headers.get('via')).toContain('SIP/2.0/TCP');
    await over(up);
  });

  test('nobody learns anything of the other\'s dialog, addresses, agent or session', async () => {
    const up = await connect(caller, callee);
    // one of everything
    up.a.send('INVITE', { body: caller.sdp({ direction: 'sendonly' }) });
    callee.accept(await callee.request('INVITE'), callee.sdp({ direction: 'recvonly' }));
    await caller.response(200, 'INVITE');
    up.a.ack({ cseq: up.a.seq });
    await callee.request('ACK');
    up.b.send('INFO', { body: 'Signal=1', headers: { 'Content-Type': 'application/dtmf-relay', 'User-Agent': 'agent-of-1002' } });
    caller.accept(await caller.request('INFO'));
    await callee.response(200, 'INFO');
    up.b.send('BYE', { headers: { Reason: 'SIP;cause=200;text="host 127.0.0.12"' } });
    await callee.response(200, 'BYE');
    await caller.hungUp();

    const secrets = (phone: Phone, dialog: PeerDialog) => [
      dialog.callId, `tag-${phone.number}-${phone.host}`, phone.address, `:${phone.peer.port}`, `agent-of-${phone.number}`,
      `user-${phone.number}`, `9${phone.number}9`, `subject of ${phone.number}`, `phone-${phone.number}`, `m=audio ${6000 + 2 * phone.host}`,
    ];
    expect(up.a.callId).not.toBe(up.b.callId);
    for (const secret of secrets(caller, up.a)) expect(callee.everything).not.toContain(secret);
    for (const secret of secrets(callee, up.b)) expect(caller.everything).not.toContain(secret);
    expect(callee.everything).toContain('Name of 1001');
  });
});

describe('several phones', () => {
  let second: Phone;
  beforeEach(async () => {
    second = await exchange.phone('1002', 13);
  });

  test('all ring; the first answer wins; the other is cancelled', async () => {
    const invite = caller.invite('1002');
    const [one, two] = await Promise.all([callee.request('INVITE'), second.request('INVITE')]);
    expect(one.message.callId).not.toBe(two.message.callId);
    callee.peer.reply(one, 180);
    second.peer.reply(two, 180);
    await caller.response(180);
    const b = second.answer(two);
    const cancel = await callee.request('CANCEL');
    expect(cancel.message.headers.get('reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
    callee.peer.reply(cancel, 200);
    callee.peer.reply(one, 487);
    const a = PeerDialog.caller(caller.peer, invite, await caller.response(200, 'INVITE'));
    a.ack();
    expect(caller.peer.countResponses(180)).toBe(1);
    expect(exchange.plane.held.size).toBe(2);
    b.send('BYE');
    await caller.hungUp();
    await second.response(200, 'BYE');
  });

  test('two answer in the same moment: one has the call, the other gets ACK and BYE', async () => {
    const invite = caller.invite('1002');
    const [one, two] = await Promise.all([callee.request('INVITE'), second.request('INVITE')]);
    callee.answer(one);
    second.answer(two);
    const a = PeerDialog.caller(caller.peer, invite, await caller.response(200, 'INVITE'));
    a.ack();
    await Promise.all([callee.request('ACK'), second.request('ACK')]);
    const loser = await eventually('a BYE', () => [callee, second].find((phone) => phone.peer.countRequests('BYE') > 0));
    await loser.hungUp();
    expect(exchange.calls.active()).toBe(1);
    a.send('BYE');
    await (loser === callee ? second : callee).hungUp();
    await caller.response(200, 'BYE');
  });

  test('one declines for all', async () => {
    const invite = caller.invite('1002');
    const [one, two] = await Promise.all([callee.request('INVITE'), second.request('INVITE')]);
    callee.peer.reply(one, 180);
    second.peer.reply(two, 180);
    await caller.response(180);
    second.peer.reply(two, 603);
    const refusal = await caller.response(603);
    caller.ackRefusal(invite, refusal);
    callee.peer.reply(await callee.request('CANCEL'), 200);
    callee.peer.reply(one, 487);
    expect(refusal.message.reason).toBe('1002 declined the call');
  });
});

describe('no call', () => {
  test.each<[string, number, number, string, string]>([
    ['busy', 486, 486, '1002 is busy', 'cause=17'],
    ['redirected', 302, 480, '1002 cannot be reached', 'cause=20'],
    ['codec', 488, 488, 'no audio format in common with 1002', 'cause=88'],
    ['forbidden', 403, 403, 'the phone of 1002 refused the call', 'cause=21'],
    ['broken', 500, 480, '1002 cannot be reached', 'cause=20'],
  ])('%s: the phone says %i, the caller hears %i', async (_, status, told, reason, cause) => {
    const invite = caller.invite('1002');
    callee.peer.reply(await callee.request('INVITE'), status);
    const refusal = await caller.response(told);
    caller.ackRefusal(invite, refusal);
    expect(refusal.message.reason).toBe(reason);
    expect(refusal.message.headers.get('reason')).toBe(`Q.850;${cause};text="${reason}"`);
  });

  test.each<[string, string, number]>([['unknown', '1009', 404], ['not registered', '1003', 480], ['oneself', '1001', 486]])('%s', async (_, number, status) => {
    const invite = caller.invite(number);
    caller.ackRefusal(invite, await caller.response(status));
  });

  test('an offer without anything we know', async () => {
    const invite = caller.invite('1002', caller.sdp({ codecs: '18 4' }));
    const refusal = await caller.response(488);
    caller.ackRefusal(invite, refusal);
    expect(refusal.message.headers.get('warning')).toMatch(/^305 /);
    expect(callee.peer.countRequests('INVITE')).toBe(0);
  });

  test('a phone that is not there at all: 480 when the transaction gives up', async () => {
    const invite = caller.invite('1002');
    await callee.request('INVITE');
    caller.ackRefusal(invite, await caller.response(480, 'INVITE', isRealServer ? 40_000 : 4000));
  }, 50_000);
});

describe('the caller gives up', () => {
  test('while it rings', async () => {
    const invite = caller.invite('1002');
    const ringing = await callee.request('INVITE');
    callee.peer.reply(ringing, 180);
    await caller.response(180);
    caller.cancel(invite);
    await caller.response(200, 'CANCEL');
    caller.ackRefusal(invite, await caller.response(487, 'INVITE'));
    const cancel = await callee.request('CANCEL');
    callee.peer.reply(cancel, 200);
    callee.peer.reply(ringing, 487);
    expect(cancel.message.headers.get('reason')).toContain('1001 gave up');
  });

  test('in the moment in which the phone answers', async () => {
    const invite = caller.invite('1002');
    const ringing = await callee.request('INVITE');
    callee.peer.reply(ringing, 180);
    await caller.response(180);
    caller.cancel(invite);
    callee.answer(ringing);
    // whoever was first, at the end nobody has a call
    const final = await Promise.race([caller.response(487, 'INVITE'), caller.response(200, 'INVITE')]).catch(() => undefined);
    if (final?.message.status === 487) caller.ackRefusal(invite, final);
    else if (final) PeerDialog.caller(caller.peer, invite, final).ack();
    await callee.hungUp();
    if (final?.message.status === 200) await caller.hungUp();
  });
});

describe('early media and offers the other way round', () => {
  test('183 with SDP reaches the caller, and the same again in the 200', async () => {
    const invite = caller.invite('1002');
    const ringing = await callee.request('INVITE');
    const sdp = callee.sdp();
    callee.peer.reply(ringing, 183, { tag: 'tag-1002-12', body: sdp });
    const early = await caller.response(183);
    const b = callee.answer(ringing, sdp);
    const answered = await caller.response(200, 'INVITE');
    expect(text(answered.message)).toBe(text(early.message));
    expect(answered.message.toTag).toBe(early.message.toTag);
    PeerDialog.caller(caller.peer, invite, answered).ack();
    b.send('BYE');
    await caller.hungUp();
    await callee.response(200, 'BYE');
  });

  test('an INVITE without SDP: offer in the 200, answer in the ACK', async () => {
    const invite = caller.invite('1002', '');
    const ringing = await callee.request('INVITE');
    expect(text(ringing.message)).toContain('RTP/AVP 96 9 0 8 97 101');
    const b = callee.answer(ringing);
    const answered = await caller.response(200, 'INVITE');
    expect(text(answered.message)).toContain('RTP/AVP 0 101');
    const a = PeerDialog.caller(caller.peer, invite, answered);
    a.ack({ body: caller.sdp() });
    const remotes = await eventually('both phones in the plane', () => exchange.plane.of('setRemote').slice(-2).map((c) => c[2]).filter((x) => x === '127.0.0.11:6022/6023').length === 1 && exchange.plane.of('setRemote'));
    expect(remotes.slice(-2).map((c) => c[2]).sort()).toEqual(['127.0.0.11:6022/6023', '127.0.0.12:6024/6025']);
    b.send('BYE');
    await caller.hungUp();
    await callee.response(200, 'BYE');
  });
});

describe('changing a call', () => {
  test.each(['caller', 'callee'] as const)('hold and resume by the %s', async (who) => {
    const before = exchange.plane.of('connect').length;
    const up = await connect(caller, callee);
    await eventually('the first wiring', () => exchange.plane.of('connect').length > before);
    const wired = before + 1;
    const [holder, held, dialog] = who === 'caller' ? [caller, callee, up.a] : [callee, caller, up.b];
    for (const [direction, answer] of [['sendonly', 'recvonly'], ['sendrecv', 'sendrecv']] as const) {
      dialog.send('INVITE', { body: holder.sdp({ direction }) });
      const reinvite = await held.request('INVITE');
      expect(text(reinvite.message)).toContain(`a=${direction}\r\n`);
      expect(reinvite.message.toTag).toBeDefined();
      held.accept(reinvite, held.sdp({ direction: answer }));
      const answered = await holder.response(200, 'INVITE');
      expect(text(answered.message)).toContain(`a=${answer}\r\n`);
      dialog.ack({ cseq: dialog.seq });
      await held.request('ACK');
    }
    // the relay follows when the engine has confirmed our answer
    const wirings = () => exchange.plane.of('connect').slice(wired).map((c) => c[3] as { aToB: { flow: boolean }; bToA: { flow: boolean } });
    await eventually('the relay to follow', () => wirings().length >= 2);
    expect(wirings().map((w) => [w.aToB.flow, w.bToA.flow])).toEqual([who === 'caller' ? [true, false] : [false, true], [true, true]]);
    await over(up);
  });

  test('a refresh goes no further', async () => {
    const up = await connect(caller, callee);
    up.a.send('INVITE', { body: caller.sdp({}, true) });
    const answered = await caller.response(200, 'INVITE');
    up.a.ack({ cseq: up.a.seq });
    expect(text(answered.message)).toBe(text(up.answered.message));
    up.b.send('UPDATE', { body: callee.sdp({}, true) });
    const updated = await callee.response(200, 'UPDATE');
    expect(text(updated.message)).toContain('m=audio');
    expect(updated.message.headers.get('contact')).toContain('127.0.0.1');
    expect(callee.peer.count((m) => 'method' in m && m.method === 'INVITE' && m.toTag !== undefined)).toBe(0);
    await over(up);
  });

  test('a change that the other phone refuses: the same status, and the call goes on', async () => {
    const up = await connect(caller, callee);
    for (const [status, told] of [[488, 488], [491, 491], [488, 488]] as const) {
      up.a.send('INVITE', { body: caller.sdp({ direction: 'sendonly' }) });
      callee.peer.reply(await callee.request('INVITE'), status);
      await caller.response(told, 'INVITE');
    }
    expect(exchange.calls.active()).toBe(1);
    await over(up);
  });

  test('a phone that does not answer a re-INVITE: 504, and the call goes on', async () => {
    const up = await connect(caller, callee);
    up.a.send('INVITE', { body: caller.sdp({ direction: 'sendonly' }) });
    await callee.request('INVITE');
    await caller.response(504, 'INVITE', isRealServer ? 40_000 : 4000);
    expect(exchange.calls.active()).toBe(1);
    await over(up);
  }, 50_000);

  test('both at once: both are told to try again', async () => {
    const up = await connect(caller, callee);
    up.a.send('INVITE', { body: caller.sdp({ direction: 'sendonly' }) });
    const first = await callee.request('INVITE');
    up.b.send('INVITE', { body: callee.sdp({ direction: 'sendonly' }) });
    await callee.response(491, 'INVITE');
    callee.peer.reply(first, 491);
    await caller.response(491, 'INVITE');
    await over(up);
  });

  test('a re-INVITE without SDP: our offer in the 200, the ACK\'s answer reaches the other phone', async () => {
    const up = await connect(caller, callee);
    up.b.send('INVITE');
    const offer = await callee.response(200, 'INVITE');
    expect(text(offer.message)).toContain('RTP/AVP 0 101');
    up.b.ack({ cseq: up.b.seq, body: callee.sdp({ direction: 'sendonly' }) });
    const told = await caller.request('INVITE');
    expect(text(told.message)).toContain('a=sendonly\r\n');
    caller.accept(told, caller.sdp({ direction: 'recvonly' }));
    await caller.request('ACK');
    await eventually('the relay to be gated', () => (exchange.plane.of('connect').at(-1)?.[3] as { aToB: { flow: boolean } }).aToB.flow === false);
    await over(up);
  });

  test('INFO and MESSAGE are passed on, REFER is answered with notices of our own, SUBSCRIBE refused', async () => {
    const up = await connect(caller, callee);
    up.a.send('INFO', { body: 'Signal=5\r\nDuration=160\r\n', headers: { 'Content-Type': 'application/dtmf-relay' } });
    const info = await callee.request('INFO');
    expect(text(info.message)).toBe('Signal=5\r\nDuration=160\r\n');
    expect(info.message.headers.get('content-type')).toBe('application/dtmf-relay');
    callee.peer.reply(info, 200);
    await caller.response(200, 'INFO');
    up.b.send('MESSAGE', { body: 'hello', headers: { 'Content-Type': 'text/plain' } });
    const message = await caller.request('MESSAGE');
    expect(text(message.message)).toBe('hello');
    caller.peer.reply(message, 415);
    await callee.response(415, 'MESSAGE');
    up.a.send('REFER', { headers: { 'Refer-To': '<sip:7777@pbx.test>' } });
    await caller.response(202, 'REFER');
    const trying = await caller.request('NOTIFY');
    expect(text(trying.message)).toBe('SIP/2.0 100 Trying\r\n');
    caller.peer.reply(trying, 200);
    const failed = await eventually('the failure', () => caller.peer.heard.find((h) => 'method' in h.message && h.message.method === 'NOTIFY' && text(h.message).startsWith('SIP/2.0 404')));
    expect(failed.message.headers.get('subscription-state')).toBe('terminated;reason=noresource');
    caller.peer.reply(failed as never, 200);
    up.a.send('SUBSCRIBE', { headers: { Event: 'x' } });
    await caller.response(489, 'SUBSCRIBE');
    expect(callee.peer.countRequests('REFER')).toBe(0);
    await over(up);
  });
});

describe('ends of another kind', () => {
  test('a phone that hangs up in the breath in which it answered', async () => {
    const invite = caller.invite('1002');
    const b = callee.answer(await callee.request('INVITE'));
    b.send('BYE');
    await callee.response(200, 'BYE');
    const final = await eventually('a final answer', () => caller.peer.heard.find((h) => 'status' in h.message && h.message.status >= 200));
    if ('status' in final.message && final.message.status === 200) {
      const a = PeerDialog.caller(caller.peer, invite, final as never);
      a.ack();
      await caller.hungUp();
    } else caller.ackRefusal(invite, final as never);
  });

  test('a caller that never acknowledges: the engine gives up, and the other phone hears it', async () => {
    caller.invite('1002');
    callee.answer(await callee.request('INVITE'));
    await caller.response(200, 'INVITE');
    const timeout = isRealServer ? 40_000 : 4000;
    const bye = await callee.request('BYE', timeout);
    callee.accept(bye);
    expect(bye.message.headers.get('reason')).toContain('ACK timeout');
    caller.accept(await caller.request('BYE', timeout));
  }, 50_000);

  test('silence', async () => {
    await connect(caller, callee);
    // the caller may have our 200 before we know that it is out
    await eventually('the call to be up', () => exchange.calls.list()[0]?.state === 'up');
    exchange.plane.emit('silent', { id: 'x', session: exchange.calls.list()[0]?.id, silentMs: 60_000 });
    for (const bye of await Promise.all([caller.hungUp(), callee.hungUp()])) expect(bye.message.headers.get('reason')).toContain('text="no media for 60 s"');
  });

  test('a phone that is gone when the other hangs up: nothing stays behind', async () => {
    const up = await connect(caller, callee);
    up.a.send('BYE');
    await caller.response(200, 'BYE');
    await eventually('the call to be over', () => exchange.calls.active() === 0);
    // its BYE is never answered; the engine gives the dialog up
    await callee.request('BYE');
  });
});

