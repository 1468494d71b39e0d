/** Calls the application makes (createUAC, createB2BUA): what the called side and the application see. */
import { createHash } from 'node:crypto';
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

async function hangUp(dialog: TestDialog, by: SipPeer = peer): Promise<void> {
  const ended = dialog.destroy();
  by.reply(await by.getRequest('BYE'), 200);
  await ended;
}

describe('createUAC', () => {
  test('a call: provisional and final response, ACK, BYE by the called side', async () => {
    const statuses: number[] = [];
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002), headers: { From: '<sip:al@example.com>' } }, { cbProvisional: (res: TestResponse) => void statuses.push(res.status) });
    const invite = await peer.getRequest('INVITE');
    expect(invite.message.body.toString()).toBe(sdp(40002));
    expect(invite.message.headers.get('content-type')).toBe('application/sdp');
    expect(contactOf(invite.message)).toBe(`sip:127.0.0.1:${server.udp.port}`);
    peer.reply(invite, 100);
    peer.reply(invite, 180);
    await eventually('the 180', () => statuses.length > 0);
    const ok = peer.reply(invite, 200, { body: sdp(40100) });
    const dialog = await made;
    expect(statuses).toEqual([180]);
    expect(dialog.id).toBe(`${invite.message.callId};from-tag=${invite.message.fromTag}`);
    expect(dialog.remote.sdp).toBe(sdp(40100));
    const ack = await peer.getRequest('ACK');
    expect(ack.message.uri).toBe(contactOf(ok));
    expect(ack.message.cseq).toEqual({ seq: invite.message.cseq.seq, method: 'ACK' });
    expect(ack.message.toTag).toBe(ok.toTag);
    const destroyed = new Promise<void>((resolve) => dialog.once('destroy', () => resolve()));
    PeerDialog.called(peer, invite, ok).send('BYE');
    await peer.getResponse(200, 'BYE');
    await destroyed;
  });

  test('a repeated 200 gets the ACK again', async () => {
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
    const invite = await peer.getRequest('INVITE');
    peer.reply(invite, 200, { body: sdp() });
    const first = await peer.getRequest('ACK');
    peer.reply(invite, 200, { body: sdp() });
    const second = await peer.getRequest('ACK');
    expect(second.message.topVia.branch).toBe(first.message.topVia.branch);
    await hangUp(await made);
  });

  test('re-INVITE, INFO and UPDATE of the called side reach the application', async () => {
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
    const invite = await peer.getRequest('INVITE');
    const call = PeerDialog.called(peer, invite, peer.reply(invite, 200, { body: sdp() }));
    const dialog = await made;
    await peer.getRequest('ACK');
    dialog.on('modify', (_req: TestRequest, res: TestResponse) => res.send(200, { body: sdp(40004) }));
    dialog.on('info', (_req: TestRequest, res: TestResponse) => res.send(200));
    call.send('INVITE', { body: sdp(40102) });
    const { message } = await peer.getResponse(200, 'INVITE');
    expect(message.body.toString()).toBe(sdp(40004));
    call.ack({ cseq: message.cseq.seq });
    call.send('INFO');
    await peer.getResponse(200, 'INFO');
    call.send('UPDATE', { body: sdp(40104) });
    await peer.getResponse(200, 'UPDATE');
    await hangUp(dialog);
  });

  test('busy: the reason reaches the application, the engine acknowledges', async () => {
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
    const invite = await peer.getRequest('INVITE');
    peer.reply(invite, 486, { reason: 'On The Phone' });
    await expect(made).rejects.toMatchObject({ status: 486, reason: 'On The Phone' });
    const ack = await peer.getRequest('ACK');
    expect(ack.message.topVia.branch).toBe(invite.message.topVia.branch);
    if (server.can.strict) await eventually('the dialog to be forgotten', () => server.stats().core.dialogs === 0);
  });

  test('the credentials are sent in a second INVITE of the same call', async () => {
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002), auth: { username: 'al', password: 'secret' } });
    const first = await peer.getRequest('INVITE');
    peer.reply(first, 407, { headers: { 'Proxy-Authenticate': 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5' } });
    await peer.getRequest('ACK');
    const second = await peer.getRequest('INVITE');
    expect(second.message.callId).toBe(first.message.callId);
    expect(second.message.fromTag).toBe(first.message.fromTag);
    expect(second.message.cseq.seq).toBe(first.message.cseq.seq + 1);
    const credentials = second.message.headers.get('proxy-authorization') ?? '';
    const field = (name: string): string => new RegExp(`${name}="?([^",]+)`).exec(credentials)?.[1] ?? '';
    const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
    expect(field('response')).toBe(md5(`${md5('al:r:secret')}:n:${field('nc')}:${field('cnonce')}:auth:${md5(`INVITE:${peer.uri}`)}`));
    peer.reply(second, 200, { body: sdp() });
    const dialog = await made;
    await peer.getRequest('ACK');
    await hangUp(dialog);
  });

  test('no SDP: the offer is in the 200, the answer in the ACK', async () => {
    const made = app.srf.createUAC(peer.uri, { noAck: true }) as unknown as Promise<{ sdp: string; ack: (sdp: string) => Promise<TestDialog> }>;
    const invite = await peer.getRequest('INVITE');
    expect(invite.message.body).toHaveLength(0);
    peer.reply(invite, 200, { body: sdp(40106) });
    const { sdp: offer, ack } = await made;
    expect(offer).toBe(sdp(40106));
    await pause(30);
    expect(peer.countRequests('ACK')).toBe(0);
    const dialog = await ack(sdp(40006));
    expect((await peer.getRequest('ACK')).message.body.toString()).toBe(sdp(40006));
    await hangUp(dialog);
  });

  test('follows the route set of the called side, reversed', async () => {
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
    const invite = await peer.getRequest('INVITE');
    const near = `<sip:127.0.0.1:${peer.port};lr>`;
    peer.reply(invite, 200, { body: sdp(), headers: { 'Record-Route': `<sip:far.example.com;lr>, ${near}`, Contact: '<sip:bob@192.0.2.77>' } });
    const ack = await peer.getRequest('ACK');
    expect(ack.message.uri).toBe('sip:bob@192.0.2.77');
    expect(ack.message.headers.getList('route')).toEqual([near, '<sip:far.example.com;lr>']);
    await hangUp(await made);
  });

  strictly('a strict router gets its own URI as Request-URI (RFC 3261 §12.2.1.1)', async () => {
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
    const invite = await peer.getRequest('INVITE');
    peer.reply(invite, 200, { body: sdp(), headers: { 'Record-Route': `<sip:strict@127.0.0.1:${peer.port}>`, Contact: '<sip:bob@192.0.2.77>' } });
    const ack = await peer.getRequest('ACK');
    expect(ack.message.uri).toBe(`sip:strict@127.0.0.1:${peer.port}`);
    expect(ack.message.headers.getList('route')).toEqual(['<sip:bob@192.0.2.77>']);
    await hangUp(await made);
  });

  test('a called side behind NAT is sent to where it answered from', async () => {
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
    const invite = await peer.getRequest('INVITE');
    peer.reply(invite, 200, { body: sdp(), headers: { Contact: '<sip:bob@192.0.2.78:5062>' } });
    expect((await peer.getRequest('ACK')).message.uri).toBe('sip:bob@192.0.2.78:5062');
    await hangUp(await made);
  });

  test('over TCP: dialled once, the whole call on one connection, in order', async () => {
    const phone = await SipPeer.tcpServer();
    const made = app.srf.createUAC(phone.uri, { localSdp: sdp(40002) });
    const invite = await phone.getRequest('INVITE');
    expect(invite.message.topVia.protocol).toBe('TCP');
    phone.reply(invite, 200, { body: sdp() });
    const dialog = await made;
    const answered = dialog.request({ method: 'INFO' });
    await phone.getRequest('ACK');
    phone.reply(await phone.getRequest('INFO'), 200);
    expect((await answered).status).toBe(200);
    await hangUp(dialog, phone);
    await phone.close();
  });

  test('reliable provisional responses are acknowledged with PRACK, once', async () => {
    const provisional = once<[TestResponse]>();
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002), headers: { Supported: '100rel' } }, { cbProvisional: provisional.fn });
    const invite = await peer.getRequest('INVITE');
    const reliable = (): void => void peer.reply(invite, 183, { body: sdp(40110), headers: { Require: '100rel', RSeq: '7001' } });
    reliable();
    await provisional.called;
    const prack = await peer.getRequest('PRACK');
    expect(prack.message.headers.get('rack')).toBe(`7001 ${invite.message.cseq.seq} INVITE`);
    expect(prack.message.toTag).toBeDefined();
    peer.reply(prack, 200);
    if (server.can.strict) {
      reliable();
      await pause(60);
      expect(peer.countRequests('PRACK')).toBe(1);
    }
    peer.reply(invite, 200, { body: sdp(40110) });
    const dialog = await made;
    expect((await peer.getRequest('ACK')).message.cseq.seq).toBe(invite.message.cseq.seq);
    await hangUp(dialog);
  });

  strictly('every further 200 of a fork is acknowledged and ended (RFC 3261 §13.2.2.4)', async () => {
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
    const invite = await peer.getRequest('INVITE');
    peer.reply(invite, 200, { body: sdp(), tag: 'first' });
    const dialog = await made;
    await peer.getRequest('ACK');
    peer.reply(invite, 200, { body: sdp(), tag: 'second' });
    const ack = await peer.getRequest('ACK');
    expect(ack.message.toTag).toBe('second');
    const bye = await peer.getRequest('BYE');
    expect(bye.message.toTag).toBe('second');
    peer.reply(bye, 200);
    peer.reply(invite, 200, { body: sdp(), tag: 'second' });
    expect((await peer.getRequest('ACK')).message.toTag).toBe('second');
    await pause(30);
    expect(peer.countRequests('BYE')).toBe(1);
    expect(dialog.sip.remoteTag).toBe('first');
    await hangUp(dialog);
  });
});

describe('CANCEL of the application', () => {
  test('leaves when the called side has said something, and 487 is the end', async () => {
    const sent = once<[Error | null, TestRequest]>();
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) }, { cbRequest: sent.fn });
    const [, request] = await sent.called;
    const invite = await peer.getRequest('INVITE');
    const echoed = once<[Error | null, TestRequest]>();
    request.cancel({ headers: { Reason: 'SIP;cause=200;text="elsewhere"' } }, echoed.fn);
    const [error, echo] = await echoed.called;
    expect(error).toBeNull();
    expect(echo.method).toBe('CANCEL');
    await pause(50);
    expect(peer.countRequests('CANCEL')).toBe(0);
    peer.reply(invite, 180);
    const cancel = await peer.getRequest('CANCEL');
    expect(cancel.message.topVia.branch).toBe(invite.message.topVia.branch);
    expect(cancel.message.headers.get('reason')).toContain('elsewhere');
    peer.reply(cancel, 200);
    peer.reply(invite, 487);
    await expect(made).rejects.toMatchObject({ status: 487 });
    await peer.getRequest('ACK');
  });

  test('crossing the 200: the call is acknowledged and ended, and the application told', async () => {
    const sent = once<[Error | null, TestRequest]>();
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) }, { cbRequest: sent.fn });
    const [, request] = await sent.called;
    const invite = await peer.getRequest('INVITE');
    peer.reply(invite, 180);
    await pause(30);
    request.cancel();
    const cancel = await peer.getRequest('CANCEL');
    peer.reply(invite, 200, { body: sdp() });
    peer.reply(cancel, 481);
    const dialog = await made;
    const destroyed = once<[TestMessage, string]>();
    dialog.on('destroy', destroyed.fn);
    await peer.getRequest('ACK');
    const bye = await peer.getRequest('BYE');
    expect(bye.message.headers.get('reason')).toContain('ACK-BYE due to cancel race condition');
    peer.reply(bye, 200);
    expect((await destroyed.called)[1]).toBe('ACK-BYE due to cancel race condition');
  });

  test('of something unknown is refused', async () => {
    const sent = once<[Error | null, TestRequest]>();
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) }, { cbRequest: sent.fn });
    const [, request] = await sent.called;
    const invite = await peer.getRequest('INVITE');
    peer.reply(invite, 404);
    await expect(made).rejects.toMatchObject({ status: 404 });
    const echoed = once<[Error | null, TestRequest]>();
    request.cancel({}, echoed.fn);
    expect((await echoed.called)[0]?.message).toMatch(/unable to cancel unknown transaction/);
  });
});

describe('createB2BUA', () => {
  let caller: SipPeer;

  beforeEach(async () => {
    caller = await SipPeer.udp(server.udp);
  });

  afterEach(() => caller.close());

  const call = (options: { body?: string; headers?: Record<string, string> } = { body: sdp() }): ReturnType<SipPeer['request']> => {
    const invite = caller.request('INVITE', `sip:bob@127.0.0.1:${server.udp.port}`, options);
    caller.send(invite);
    return invite;
  };

  test('a call goes through, provisional and final, and either side can end it', async () => {
    const made = once<[{ uas: TestDialog; uac: TestDialog }]>();
    onInvite = (req, res) => void app.srf.createB2BUA(req, res, peer.uri, {}).then(made.fn);
    const invite = call();
    const out = await peer.getRequest('INVITE');
    expect(out.message.body.toString()).toBe(sdp());
    // Nothing of the caller's leg shows on the other (RFC 3261 §16 does not apply: these are two calls).
    expect(out.message.headers.getAll('via')).toHaveLength(1);
    expect(out.message.callId).not.toBe(invite.callId);
    expect([...out.message.headers].map((header) => header.value).join()).not.toContain(String(caller.port));
    peer.reply(out, 180);
    await caller.getResponse(180);
    peer.reply(out, 200, { body: sdp(40200) });
    const answer = await caller.getResponse(200, 'INVITE');
    expect(answer.message.body.toString()).toBe(sdp(40200));
    await peer.getRequest('ACK');
    const leg = PeerDialog.caller(caller, invite, answer);
    leg.ack();
    const [{ uas, uac }] = await made.called;
    uas.on('destroy', () => void uac.destroy());
    leg.send('BYE');
    await caller.getResponse(200, 'BYE');
    peer.reply(await peer.getRequest('BYE'), 200);
    if (server.can.strict) await eventually('both dialogs to be forgotten', () => server.stats().core.dialogs === 0);
  });

  test('the called side\'s refusal reaches the caller', async () => {
    onInvite = (req, res) => void app.srf.createB2BUA(req, res, peer.uri, {}).catch(() => undefined);
    const invite = call();
    peer.reply(await peer.getRequest('INVITE'), 486);
    const { message } = await caller.getResponse(486, 'INVITE');
    caller.send(caller.request('ACK', invite.uri, { from: invite.headers.get('from')!, to: message.headers.get('to')!, callId: invite.callId, headers: { Via: invite.headers.get('via')! } }));
  });

  test('the caller\'s CANCEL reaches the called side', async () => {
    const failed = once<[{ status: number }]>();
    onInvite = (req, res) => void app.srf.createB2BUA(req, res, peer.uri, {}).catch(failed.fn);
    const invite = call();
    const out = await peer.getRequest('INVITE');
    peer.reply(out, 180);
    await caller.getResponse(180);
    caller.send(caller.request('CANCEL', invite.uri, { from: invite.headers.get('from')!, to: invite.headers.get('to')!, callId: invite.callId, headers: { Via: invite.headers.get('via')! } }));
    await caller.getResponse(200, 'CANCEL');
    await caller.getResponse(487, 'INVITE');
    peer.reply(await peer.getRequest('CANCEL'), 200);
    peer.reply(out, 487);
    expect((await failed.called)[0].status).toBe(487);
  });

  test('without an offer, the answer travels with the ACKs', async () => {
    const made = once<[{ uas: TestDialog; uac: TestDialog }]>();
    onInvite = (req, res) => void app.srf.createB2BUA(req, res, peer.uri, {}).then(made.fn);
    const invite = call({});
    const out = await peer.getRequest('INVITE');
    expect(out.message.body).toHaveLength(0);
    peer.reply(out, 200, { body: sdp(40210) });
    const answer = await caller.getResponse(200, 'INVITE');
    expect(answer.message.body.toString()).toBe(sdp(40210));
    const leg = PeerDialog.caller(caller, invite, answer);
    leg.ack({ body: sdp(40212) });
    expect((await peer.getRequest('ACK')).message.body.toString()).toBe(sdp(40212));
    const [{ uas, uac }] = await made.called;
    uas.on('destroy', () => void uac.destroy());
    leg.send('BYE');
    peer.reply(await peer.getRequest('BYE'), 200);
    await caller.getResponse(200, 'BYE');
  });
});

describe('SUBSCRIBE of the application', () => {
  test('NOTIFYs reach the dialog, the first one also when it overtakes the answer; the final one ends it', async () => {
    const made = app.srf.createUAC(peer.uri, { method: 'SUBSCRIBE', headers: { Event: 'presence', Expires: '60', From: '<sip:peer@127.0.0.1>' } });
    const subscribe = await peer.getRequest('SUBSCRIBE');
    const notify = { Event: 'presence', 'Subscription-State': 'active;expires=60' };
    if (server.can.strict) {
      const early = PeerDialog.called(peer, subscribe, peer.reply(subscribe, 100));
      // The tag is the one the answer will carry.
      const request = early.request('NOTIFY', { headers: { ...notify, From: `${subscribe.message.headers.get('to')!};tag=rt${peer.port}` } });
      peer.send(request);
      await pause(20);
    }
    const accepted = peer.reply(subscribe, 200, { headers: { Expires: '60' } });
    const dialog = await made;
    const notes: string[] = [];
    dialog.on('notify', (req: TestRequest, res: TestResponse) => {
      notes.push(req.get('Subscription-State'));
      res.send(200);
    });
    const call = PeerDialog.called(peer, subscribe, accepted);
    call.seq = 200;
    if (server.can.strict) await peer.getResponse(200, 'NOTIFY');
    call.send('NOTIFY', { headers: notify });
    await peer.getResponse(200, 'NOTIFY');
    // drachtio-srf looks for its own subscription under the address of the other side, so here they are the same.
    const gone = new Promise<void>((resolve) => dialog.once('destroy', () => resolve()));
    call.send('NOTIFY', { headers: { Event: 'presence', 'Subscription-State': 'terminated;reason=timeout' } });
    if (server.can.strict) await peer.getResponse(200, 'NOTIFY');
    await eventually('the last one', () => notes.at(-1)?.startsWith('terminated'));
    await gone;
    expect(notes.length).toBe(server.can.strict ? 3 : 2);
    if (server.can.strict) await eventually('the subscription to be forgotten', () => server.stats().core.dialogs === 0);
  });
});

test('a dialog that is gone is refused with the words drachtio-srf looks for', async () => {
  const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002) });
  const invite = await peer.getRequest('INVITE');
  const call = PeerDialog.called(peer, invite, peer.reply(invite, 200, { body: sdp() }));
  const dialog = await made;
  await peer.getRequest('ACK');
  call.send('BYE');
  await peer.getResponse(200, 'BYE');
  await expect(dialog.request({ method: 'INFO' })).rejects.toMatchObject({ code: 'ENODIALOG' });
  onSubscribe = (_req, res) => res.send(480);
});
