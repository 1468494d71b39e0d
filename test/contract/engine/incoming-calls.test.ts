/** Calls the application answers (createUAS), and what happens in them, from both sides. */
import { SipPeer, PeerDialog, contactOf, sdp } from '../../support/sip-peer';
import { eventually, pause } from '../../support/wait';
import { once, problems, startApp, startServer, strictly, type AppUnderTest, type ServerUnderTest, type TestDialog, type TestMessage, type TestRequest, type TestResponse } from './harness';

let server: ServerUnderTest;
let app: AppUnderTest;
let peer: SipPeer;
let onInvite: (req: TestRequest, res: TestResponse) => void;
let onSubscribe: (req: TestRequest, res: TestResponse) => void;

beforeAll(async () => {
  server = await startServer();
  app = await startApp(server, (srf) => {
    srf.invite((req, res) => onInvite(req, res));
    srf.subscribe((req, res) => onSubscribe(req, res));
  });
});

afterAll(async () => {
  app.close();
  await server.close();
  expect(problems).toEqual([]);
});

beforeEach(async () => {
  peer = await SipPeer.udp(server.udp);
});

afterEach(() => peer.close());

const bob = (): string => `sip:bob@127.0.0.1:${server.udp.port}`;

/** The application answers with 200; resolves with both ends of the call. */
async function established(options: { headers?: Record<string, string | string[]>; by?: SipPeer; uasHeaders?: Record<string, string> } = {}): Promise<{ dialog: TestDialog; call: PeerDialog; invite: ReturnType<SipPeer['request']> }> {
  const by = options.by ?? peer;
  const made = once<[TestDialog]>();
  onInvite = (req, res) => void app.srf.createUAS(req, res, { localSdp: sdp(40002), headers: options.uasHeaders ?? {} }).then(made.fn);
  const invite = by.request('INVITE', bob(), { body: sdp(), headers: options.headers ?? {} });
  by.send(invite);
  const answer = await by.getResponse(200, 'INVITE');
  const call = PeerDialog.caller(by, invite, answer);
  call.ack();
  const [dialog] = await made.called;
  return { dialog, call, invite };
}

function eventOf<Args extends unknown[]>(emitter: TestDialog, event: string): Promise<Args> {
  return new Promise((resolve) => emitter.once(event, (...args: unknown[]) => resolve(args as Args)));
}

describe('an answered call', () => {
  test('has 100, 200 with tag, Contact and body, and one dialog that both ends agree on', async () => {
    const { dialog, invite } = await established();
    const trying = await peer.getResponse(100);
    expect(trying.message.toTag).toBeUndefined();
    expect(dialog.id).toBe(`${invite.callId};from-tag=${invite.fromTag}`);
    expect(dialog.sip).toMatchObject({ callId: invite.callId, remoteTag: invite.fromTag });
    expect(dialog.remote.sdp).toBe(sdp());
    expect(dialog.local.contact).toContain(`127.0.0.1:${server.udp.port}`);
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('ends with the caller\'s BYE', async () => {
    const { dialog, call } = await established();
    const destroyed = eventOf<[TestMessage, string]>(dialog, 'destroy');
    call.send('BYE');
    await peer.getResponse(200, 'BYE');
    const [, reason] = await destroyed;
    expect(reason).toBe('normal release');
    call.send('INFO');
    await peer.getResponse(481, 'INFO');
  });

  test('ends with the application\'s BYE', async () => {
    const { dialog, invite } = await established();
    const ended = dialog.destroy({ headers: { 'X-Why': 'enough' } });
    const bye = await peer.getRequest('BYE');
    expect(bye.message.uri).toBe(`sip:alice@127.0.0.1:${peer.port}`);
    expect(bye.message.fromTag).toBe(dialog.sip.localTag);
    expect(bye.message.toTag).toBe(invite.fromTag);
    expect(bye.message.headers.get('X-Why')).toBe('enough');
    peer.reply(bye, 200);
    await ended;
    if (server.can.strict) await eventually('no dialogs to be left', () => server.stats().core.dialogs === 0);
  });

  test('a BYE that comes right after the ACK is not lost to an application that awaits createUAS', async () => {
    for (let i = 0; i < 10; i++) {
      const destroyed = once<[TestMessage]>();
      onInvite = (req, res) => void app.srf.createUAS(req, res, { localSdp: sdp(40002) }).then((dialog) => dialog.on('destroy', destroyed.fn));
      const invite = peer.request('INVITE', bob(), { body: sdp() });
      const quick = peer.getResponse(200, 'INVITE').then((answer) => {
        const call = PeerDialog.caller(peer, invite, answer);
        call.ack();
        call.send('BYE');
      });
      peer.send(invite);
      await quick;
      await peer.getResponse(200, 'BYE');
      expect(await Promise.race([destroyed.called.then(() => 'told'), pause(500).then(() => 'lost')])).toBe('told');
    }
  });

  test('INFO, MESSAGE, REFER and OPTIONS reach the dialog, and its answers the peer', async () => {
    const { dialog, call } = await established();
    for (const method of ['INFO', 'MESSAGE', 'REFER', 'OPTIONS']) {
      const arrived = eventOf<[TestRequest, TestResponse]>(dialog, method.toLowerCase());
      call.send(method, { body: 'x=1', headers: { 'Content-Type': 'text/plain', ...(method === 'REFER' ? { 'Refer-To': '<sip:carol@example.com>' } : {}) } });
      const [req, res] = await arrived;
      expect(req.method).toBe(method);
      expect(req.body).toBe('x=1');
      if (method === 'REFER') expect(req.get('Refer-To')).toBe('<sip:carol@example.com>');
      res.send(method === 'REFER' ? 202 : 200, { headers: { 'X-Answer': method } });
      const { message } = await peer.getResponse(method === 'REFER' ? 202 : 200, method);
      expect(message.headers.get('X-Answer')).toBe(method);
    }
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('INFO and NOTIFY of the application reach the peer, in CSeq order, and the answers the application', async () => {
    const { dialog } = await established();
    const sent = Promise.all([
      dialog.request({ method: 'INFO', body: 'a', headers: { 'Content-Type': 'text/plain' } }),
      dialog.request({ method: 'NOTIFY', headers: { Event: 'refer', 'Subscription-State': 'active' } }),
    ]);
    const info = await peer.getRequest('INFO');
    const notify = await peer.getRequest('NOTIFY');
    expect(notify.message.cseq.seq).toBe(info.message.cseq.seq + 1);
    peer.reply(info, 200);
    peer.reply(notify, 481);
    const [first, second] = await sent;
    expect([first.status, second.status]).toEqual([200, 481]);
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('re-INVITE from the caller reaches the application, its 200 is acknowledged', async () => {
    const { dialog, call } = await established();
    const asked = eventOf<[TestRequest, TestResponse]>(dialog, 'modify');
    call.send('INVITE', { body: sdp(40100) });
    const [req, res] = await asked;
    expect(req.body).toBe(sdp(40100));
    res.send(200, { body: sdp(40004) });
    const { message } = await peer.getResponse(200, 'INVITE');
    expect(message.body.toString()).toBe(sdp(40004));
    expect(contactOf(message)).toContain(`127.0.0.1:${server.udp.port}`);
    const acked = eventOf(dialog, 'ack');
    call.ack({ cseq: message.cseq.seq });
    await acked;
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('a re-INVITE that the application turns down leaves the call as it was', async () => {
    const { dialog, call } = await established();
    dialog.on('modify', (_req: TestRequest, res: TestResponse) => res.send(488));
    const again = call.send('INVITE', { body: sdp(40100) });
    const { message } = await peer.getResponse(488, 'INVITE');
    peer.send(call.request('ACK', { cseq: message.cseq.seq, headers: { Via: again.headers.get('via')! } }));
    call.send('INFO');
    await peer.getResponse(200, 'INFO');
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  strictly('a provisional response to a re-INVITE does not lose the final one, in either direction', async () => {
    const { dialog, call } = await established();
    dialog.on('modify', (_req: TestRequest, res: TestResponse) => {
      res.send(180);
      setTimeout(() => res.send(200, { body: sdp(40004) }), 30);
    });
    call.send('INVITE', { body: sdp(40100) });
    await peer.getResponse(180, 'INVITE');
    const { message } = await peer.getResponse(200, 'INVITE');
    call.ack({ cseq: message.cseq.seq });

    await eventually('the ACK to arrive', () => server.stats().core.incoming === 0);
    const modified = dialog.modify(sdp(40006));
    const heard = await peer.getRequest('INVITE');
    peer.reply(heard, 180);
    peer.reply(heard, 200, { body: sdp(40102) });
    expect(await modified).toBe(sdp(40102));
    await peer.getRequest('ACK');
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('re-INVITE from the application: offer, answer, ACK', async () => {
    const { dialog } = await established();
    const modified = dialog.modify(sdp(40010));
    const heard = await peer.getRequest('INVITE');
    expect(heard.message.toTag).toBeDefined();
    expect(heard.message.body.toString()).toBe(sdp(40010));
    peer.reply(heard, 200, { body: sdp(40110) });
    expect(await modified).toBe(sdp(40110));
    const ack = await peer.getRequest('ACK');
    expect(ack.message.cseq).toEqual({ seq: heard.message.cseq.seq, method: 'ACK' });
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('UPDATE both ways', async () => {
    const { dialog, call } = await established();
    const asked = eventOf<[TestRequest, TestResponse]>(dialog, 'update');
    call.send('UPDATE', { body: sdp(40120) });
    const [, res] = await asked;
    res.send(200, { body: sdp(40012) });
    expect((await peer.getResponse(200, 'UPDATE')).message.body.toString()).toBe(sdp(40012));
    const answered = dialog.request({ method: 'UPDATE', body: sdp(40014) });
    const heard = await peer.getRequest('UPDATE');
    expect(contactOf(heard.message)).toContain(`127.0.0.1:${server.udp.port}`);
    peer.reply(heard, 200, { body: sdp(40122) });
    expect((await answered).status).toBe(200);
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  strictly('glare: the peer\'s INVITE while ours is open gets 491, a second one before the first is answered 500', async () => {
    const { dialog, call } = await established();
    const modified = dialog.modify(sdp(40016));
    const ours = await peer.getRequest('INVITE');
    call.send('INVITE', { body: sdp(40130) });
    const glare = await peer.getResponse(491, 'INVITE');
    peer.send(call.request('ACK', { cseq: glare.message.cseq.seq, headers: { Via: glare.message.headers.get('via')! } }));
    peer.reply(ours, 200, { body: sdp(40132) });
    await modified;

    let open: TestResponse | undefined;
    dialog.on('modify', (_req: TestRequest, res: TestResponse) => {
      open = res;
    });
    call.send('INVITE', { body: sdp(40134) });
    await eventually('the application to have it', () => open);
    await expect(dialog.modify(sdp(40018))).rejects.toMatchObject({ status: 491 });
    call.send('INVITE', { body: sdp(40136) });
    const overlap = await peer.getResponse(500, 'INVITE');
    expect(Number(overlap.message.headers.get('retry-after'))).toBeLessThan(10);
    peer.send(call.request('ACK', { cseq: overlap.message.cseq.seq, headers: { Via: overlap.message.headers.get('via')! } }));
    open?.send(200, { body: sdp(40020) });
    const { message } = await peer.getResponse(200, 'INVITE');
    call.ack({ cseq: message.cseq.seq });
    call.send('BYE');
    await peer.getResponse(200, 'BYE');
  });

  strictly('a request with an old CSeq is answered 500 (RFC 3261 §12.2.2)', async () => {
    const { dialog, call } = await established();
    call.send('INFO', { cseq: 50 });
    await peer.getResponse(200, 'INFO');
    call.send('INFO', { cseq: 49 });
    await peer.getResponse(500, 'INFO');
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  strictly('BYE of the application waits for the ACK (RFC 3261 §15)', async () => {
    const made = once<[TestDialog]>();
    onInvite = (req, res) => void app.srf.createUAS(req, res, { localSdp: sdp(40002) }).then(made.fn);
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    const answer = await peer.getResponse(200, 'INVITE');
    const [dialog] = await made.called;
    const ended = dialog.destroy();
    await pause(60);
    expect(peer.countRequests('BYE')).toBe(0);
    PeerDialog.caller(peer, invite, answer).ack();
    peer.reply(await peer.getRequest('BYE'), 200);
    await ended;
  });

  test('works over TCP, requests of the application come back over the connection', async () => {
    const phone = await SipPeer.tcp(server.tcp);
    const { dialog } = await established({ by: phone, headers: { Contact: '<sip:alice@10.255.255.1:5099;transport=tcp>' } });
    const answered = dialog.request({ method: 'INFO' });
    const info = await phone.getRequest('INFO');
    expect(info.message.uri).toBe('sip:alice@10.255.255.1:5099;transport=tcp');
    phone.reply(info, 200);
    expect((await answered).status).toBe(200);
    void dialog.destroy();
    phone.reply(await phone.getRequest('BYE'), 200);
    await phone.close();
  });

  test('follows the route set of the caller\'s proxies', async () => {
    const route = `<sip:127.0.0.1:${peer.port};lr>`;
    const { dialog } = await established({ headers: { 'Record-Route': [route, '<sip:far.example.com;lr>'], Contact: '<sip:alice@192.0.2.99:5060>' } });
    void dialog.destroy();
    const bye = await peer.getRequest('BYE');
    expect(bye.message.uri).toBe('sip:alice@192.0.2.99:5060');
    expect(bye.message.headers.getList('route')).toEqual([route, '<sip:far.example.com;lr>']);
    const ok = peer.heard.map((one) => one.message).find((m) => 'status' in m && m.status === 200);
    expect(ok?.headers.getList('record-route')).toEqual([route, '<sip:far.example.com;lr>']);
    peer.reply(bye, 200);
  });

  test('a caller behind NAT is sent to where it called from (UDP)', async () => {
    const { dialog } = await established({ headers: { Contact: '<sip:alice@192.0.2.55:5060>' } });
    void dialog.destroy();
    const bye = await peer.getRequest('BYE');
    expect(bye.message.uri).toBe('sip:alice@192.0.2.55:5060');
    peer.reply(bye, 200);
  });
});

describe('a call that is not answered', () => {
  test('busy: the final response and its retransmissions are the engine\'s, the ACK is not delivered', async () => {
    onInvite = (_req, res) => res.send(486, { headers: { 'X-Reason': 'lunch' } });
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    const { message } = await peer.getResponse(486, 'INVITE');
    expect(message.headers.get('X-Reason')).toBe('lunch');
    await peer.getResponse(486, 'INVITE');
    peer.send(peer.request('ACK', bob(), { from: message.headers.get('from')!, to: message.headers.get('to')!, callId: message.callId, headers: { Via: invite.headers.get('via')! } }));
  });

  test('quick CANCEL: 200 and 487 by the engine, cancel event, and a late 200 of the application is refused', async () => {
    const cancelled = once<[TestMessage]>();
    const given = once<[TestResponse]>();
    onInvite = (req, res) => {
      req.on('cancel', cancelled.fn);
      given.fn(res);
    };
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    const [res] = await given.called;
    peer.send(cancelOf(invite));
    const ok = await peer.getResponse(200, 'CANCEL');
    const terminated = await peer.getResponse(487, 'INVITE');
    if (server.can.strict) expect(terminated.message.toTag).toBe(ok.message.toTag);
    ackFailure(invite, terminated.message.headers.get('to')!);
    const [cancel] = await cancelled.called;
    expect(cancel.get('Reason')).toContain('answered elsewhere');
    const late = once<[string | null]>();
    res.send(200, { body: sdp() }, late.fn);
    expect((await late.called)[0]).toMatch(/unknown transaction/);
  });

  test('CANCEL after 180 carries the tag of the 180', async () => {
    const cancelled = once<[TestMessage]>();
    onInvite = (req, res) => {
      req.on('cancel', cancelled.fn);
      res.send(180);
    };
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    const ringing = await peer.getResponse(180);
    expect(ringing.message.toTag).toBeDefined();
    peer.send(cancelOf(invite));
    await peer.getResponse(200, 'CANCEL');
    const terminated = await peer.getResponse(487, 'INVITE');
    expect(terminated.message.toTag).toBe(ringing.message.toTag);
    ackFailure(invite, terminated.message.headers.get('to')!);
    await cancelled.called;
  });

  test('a CANCEL that crosses the 200 changes nothing: the call is up', async () => {
    const made = once<[TestDialog]>();
    onInvite = (req, res) => void app.srf.createUAS(req, res, { localSdp: sdp(40002) }).then(made.fn);
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    const answer = await peer.getResponse(200, 'INVITE');
    const [dialog] = await made.called;
    if (!server.can.strict) return;
    peer.send(cancelOf(invite));
    await peer.getResponse(200, 'CANCEL');
    const call = PeerDialog.caller(peer, invite, answer);
    call.ack();
    call.send('BYE');
    await peer.getResponse(200, 'BYE');
    expect(dialog.id).toContain(invite.callId);
  });

  strictly('BYE of the caller while it rings: 200, the INVITE gets 487, and the application hears of a cancel', async () => {
    const cancelled = once<[TestMessage]>();
    onInvite = (req, res) => {
      req.on('cancel', cancelled.fn);
      res.send(180);
    };
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    const call = PeerDialog.caller(peer, invite, await peer.getResponse(180));
    call.send('BYE');
    const terminated = await peer.getResponse(487, 'INVITE');
    ackFailure(invite, terminated.message.headers.get('to')!);
    await cancelled.called;
  });

  test('the application may choose the To tag', async () => {
    onInvite = (req, res) => {
      res.send(180, { headers: { To: `${req.get('To')};tag=chosen` } });
      res.send(404);
    };
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    expect((await peer.getResponse(180)).message.toTag).toBe('chosen');
    const { message } = await peer.getResponse(404, 'INVITE');
    expect(message.toTag).toBe('chosen');
    ackFailure(invite, message.headers.get('to')!);
  });

  strictly('the same INVITE by another path is answered 482 (RFC 3261 §8.2.2.2)', async () => {
    const given = once<[TestResponse]>();
    onInvite = (_req, res) => given.fn(res);
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    const [res] = await given.called;
    const other = invite.clone();
    other.headers.set('Via', invite.headers.get('via')!.replace('z9hG4bK', 'z9hG4bKother'));
    peer.send(other);
    // Were the first one proxied, this one would be a call of its own: it waits for what becomes of that.
    res.send(180);
    await peer.getResponse(180, 'INVITE');
    const { message } = await peer.getResponse(482, 'INVITE');
    ackFailure(other, message.headers.get('to')!);
    res.send(603);
    ackFailure(invite, (await peer.getResponse(603, 'INVITE')).message.headers.get('to')!);
  });
});

describe('provisional responses', () => {
  test('reliable ones wait for PRACK, which the application sees (RFC 3262)', async () => {
    const pracked = once<[TestRequest]>();
    onInvite = (_req, res) => res.send(183, { headers: { Require: '100rel' }, body: sdp(40002) }, undefined, pracked.fn);
    const invite = peer.request('INVITE', bob(), { body: sdp(), headers: { Supported: '100rel' } });
    peer.send(invite);
    const progress = await peer.getResponse(183);
    const rseq = Number(progress.message.headers.get('rseq'));
    expect(rseq).toBeGreaterThan(0);
    if (server.can.shrinkTimers) expect((await peer.getResponse(183)).message.headers.get('rseq')).toBe(String(rseq));
    const call = PeerDialog.caller(peer, invite, progress);
    if (server.can.strict) {
      call.send('PRACK', { headers: { RAck: `${rseq + 1} 1 INVITE` } });
      await peer.getResponse(481, 'PRACK');
    }
    call.send('PRACK', { headers: { RAck: `${rseq} 1 INVITE` } });
    await peer.getResponse(200, 'PRACK');
    const [prack] = await pracked.called;
    expect(prack.get('RAck')).toBe(`${rseq} 1 INVITE`);
    peer.send(cancelOf(invite));
    ackFailure(invite, (await peer.getResponse(487)).message.headers.get('to')!);
  });

  test('reliability the caller does not know is refused to the application, and the call goes on', async () => {
    const refused = once<[string | null]>();
    onInvite = (_req, res) => {
      res.send(183, { headers: { Require: '100rel' } }, (error: string | null) => {
        refused.fn(error);
        res.send(486);
      });
    };
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    expect((await refused.called)[0]).toMatch(/does not support 100rel/);
    const { message } = await peer.getResponse(486, 'INVITE');
    ackFailure(invite, message.headers.get('to')!);
    expect(peer.countResponses(183)).toBe(0);
  });

  test('UPDATE in an early dialog reaches the INVITE\'s application', async () => {
    onInvite = (req, res) => {
      req.on('update', (_update, updateRes) => {
        updateRes.send(200, { body: sdp(40008) });
        res.send(480);
      });
      res.send(183, { body: sdp(40002) });
    };
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    const call = PeerDialog.caller(peer, invite, await peer.getResponse(183));
    call.send('UPDATE', { body: sdp(40140) });
    expect((await peer.getResponse(200, 'UPDATE')).message.body.toString()).toBe(sdp(40008));
    ackFailure(invite, (await peer.getResponse(480, 'INVITE')).message.headers.get('to')!);
  });
});

test('a call without an offer gets its answer in the ACK', async () => {
  const made = once<[TestDialog]>();
  onInvite = (req, res) => void app.srf.createUAS(req, res, { localSdp: sdp(40002) }).then(made.fn);
  const invite = peer.request('INVITE', bob());
  peer.send(invite);
  const answer = await peer.getResponse(200, 'INVITE');
  const [dialog] = await made.called;
  const acked = eventOf<[TestRequest]>(dialog, 'ack');
  const call = PeerDialog.caller(peer, invite, answer);
  call.ack({ body: sdp(40150) });
  const [ack] = await acked;
  expect(ack.body).toBe(sdp(40150));
  call.send('BYE');
  await peer.getResponse(200, 'BYE');
});

test('a subscription: 202, NOTIFY from the application, unsubscribe', async () => {
  const made = once<[TestDialog]>();
  onSubscribe = (req, res) => void app.srf.createUAS(req, res, { headers: { Expires: '60' } }).then(made.fn);
  const subscribe = peer.request('SUBSCRIBE', bob(), { headers: { Event: 'presence', Expires: '60' } });
  peer.send(subscribe);
  const accepted = await peer.getResponse(202, 'SUBSCRIBE');
  expect(contactOf(accepted.message)).toContain(`127.0.0.1:${server.udp.port}`);
  const [dialog] = await made.called;
  const told = dialog.request({ method: 'NOTIFY', headers: { Event: 'presence', 'Subscription-State': 'active;expires=60' }, body: '' });
  peer.reply(await peer.getRequest('NOTIFY'), 200);
  expect((await told).status).toBe(200);
  const left = eventOf(dialog, 'unsubscribe');
  PeerDialog.caller(peer, subscribe, accepted).send('SUBSCRIBE', { headers: { Event: 'presence', Expires: '0' } });
  await left;
  await peer.getResponse(202, 'SUBSCRIBE');
  await dialog.destroy();
  peer.reply(await peer.getRequest('NOTIFY'), 200);
  if (server.can.strict) await eventually('the subscription to be forgotten', () => server.stats().core.dialogs === 0);
});

function cancelOf(invite: ReturnType<SipPeer['request']>): ReturnType<SipPeer['request']> {
  return peer.request('CANCEL', invite.uri, {
    from: invite.headers.get('from')!,
    to: invite.headers.get('to')!,
    callId: invite.callId,
    cseq: invite.cseq.seq,
    headers: { Via: invite.headers.get('via')!, Reason: 'SIP;cause=200;text="answered elsewhere"' },
  });
}

function ackFailure(invite: ReturnType<SipPeer['request']>, to: string): void {
  peer.send(peer.request('ACK', invite.uri, { from: invite.headers.get('from')!, to, callId: invite.callId, cseq: invite.cseq.seq, headers: { Via: invite.headers.get('via')! } }));
}
