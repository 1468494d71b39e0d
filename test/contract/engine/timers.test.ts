/**
 * What time does: retransmissions, time-outs, session timers. Runs with RFC 3261's timers shrunk twentyfold where the server can do
 * that; the order of events is asserted, never how long something took.
 */
import { SipPeer, PeerDialog, contactOf, sdp } from '../../support/sip-peer';
import { eventually, pause } from '../../support/wait';
import { fastTimers, once, problems, startApp, startServer, timed, type AppUnderTest, type ServerUnderTest, type TestDialog, type TestMessage, type TestRequest, type TestResponse } from './harness';

let server: ServerUnderTest;
let app: AppUnderTest;
let peer: SipPeer;
let onInvite: (req: TestRequest, res: TestResponse) => void;

beforeAll(async () => {
  server = await startServer({ timers: fastTimers, sessionTimer: { minSeconds: 1 } });
  app = await startApp(server, (srf) => {
    srf.invite((req, res) => onInvite(req, res));
    srf.options(() => undefined);
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

const own = (): string => `sip:bob@127.0.0.1:${server.udp.port}`;

async function answeredCall(headers: Record<string, string> = {}, uasHeaders: Record<string, string> = {}): Promise<{ dialog: TestDialog; call: PeerDialog; answer: TestMessageLike }> {
  const made = once<[TestDialog]>();
  onInvite = (req, res) => void app.srf.createUAS(req, res, { localSdp: sdp(40002), headers: uasHeaders }).then(made.fn);
  const invite = peer.request('INVITE', own(), { body: sdp(), headers });
  peer.send(invite);
  const answer = await peer.getResponse(200, 'INVITE');
  const call = PeerDialog.caller(peer, invite, answer);
  call.ack();
  const [dialog] = await made.called;
  return { dialog, call, answer: answer.message };
}

type TestMessageLike = Awaited<ReturnType<SipPeer['getResponse']>>['message'];

function destroyed(dialog: TestDialog): Promise<[TestMessage, string]> {
  return new Promise((resolve) => dialog.once('destroy', (message: TestMessage, reason: string) => resolve([message, reason])));
}

timed('time-outs', () => {
  test('a request nobody answers is repeated, then 408', async () => {
    const request = await app.srf.request(peer.uri, { method: 'OPTIONS' });
    const answered = once<[TestResponse]>();
    request.on('response', answered.fn);
    const [response] = await answered.called;
    expect(response.status).toBe(408);
    expect(response.source_address).toBe('');
    expect(peer.countRequests('OPTIONS')).toBeGreaterThan(3);
  });

  test('an INVITE nobody answers: 408 and no dialog left', async () => {
    await expect(app.srf.createUAC(peer.uri, { localSdp: sdp() })).rejects.toMatchObject({ status: 408 });
    expect(peer.countRequests('INVITE')).toBeGreaterThan(3);
    expect(server.stats().core).toMatchObject({ dialogs: 0, outgoing: 0 });
  });

  test('a cancelled INVITE that never gets its 487 ends all the same', async () => {
    const sent = once<[Error | null, TestRequest]>();
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp() }, { cbRequest: sent.fn });
    const [, request] = await sent.called;
    peer.reply(await peer.getRequest('INVITE'), 180);
    await pause(20);
    request.cancel();
    peer.reply(await peer.getRequest('CANCEL'), 200);
    await expect(made).rejects.toMatchObject({ status: 487 });
  });

  test('200 is repeated until the ACK comes, and no longer', async () => {
    const made = once<[TestDialog]>();
    onInvite = (req, res) => void app.srf.createUAS(req, res, { localSdp: sdp(40002) }).then(made.fn);
    const invite = peer.request('INVITE', own(), { body: sdp() });
    peer.send(invite);
    const answer = await peer.getResponse(200, 'INVITE');
    await peer.getResponse(200, 'INVITE');
    await peer.getResponse(200, 'INVITE');
    const call = PeerDialog.caller(peer, invite, answer);
    call.ack();
    const [dialog] = await made.called;
    await eventually('the ACK to arrive', () => server.stats().transactions.acksPassedUp > 0);
    const sofar = peer.countResponses(200);
    await pause(250);
    expect(peer.countResponses(200)).toBeLessThanOrEqual(sofar + 1);
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('200 that is never acknowledged: BYE, and the application is told why', async () => {
    const made = once<[TestDialog]>();
    onInvite = (req, res) => void app.srf.createUAS(req, res, { localSdp: sdp(40002) }).then(made.fn);
    peer.send(peer.request('INVITE', own(), { body: sdp() }));
    const [dialog] = await made.called;
    const end = destroyed(dialog);
    const bye = await peer.getRequest('BYE', 8000);
    expect(bye.message.headers.get('reason')).toBe('SIP;cause=200;text="ACK timeout"');
    peer.reply(bye, 200);
    const [message, reason] = await end;
    expect(reason).toBe('ACK timeout');
    expect(message.source).toBe('application');
    expect(server.stats().core.dialogs).toBe(0);
  });

  test('BYE to a dead peer: destroy() resolves, the dialog is gone', async () => {
    const { dialog } = await answeredCall();
    await dialog.destroy();
    expect(server.stats().core.dialogs).toBe(0);
  });

  test('a request in a dialog that times out leaves the dialog', async () => {
    const { dialog, call } = await answeredCall();
    expect((await dialog.request({ method: 'INFO' })).status).toBe(408);
    call.send('BYE');
    await peer.getResponse(200, 'BYE');
  });

  test('an application that never answers: the engine does, 500', async () => {
    peer.send(peer.request('OPTIONS', own()));
    await peer.getResponse(500, 'OPTIONS');
    onInvite = () => undefined;
    peer.send(peer.request('INVITE', own(), { body: sdp() }));
    await peer.getResponse(500, 'INVITE');
    expect(server.stats().core.incoming).toBe(0);
  });

  test('a reliable provisional without PRACK is repeated, then the INVITE fails', async () => {
    const cancelled = once<[TestMessage]>();
    onInvite = (req, res) => {
      req.on('cancel', cancelled.fn);
      res.send(183, { headers: { Require: '100rel' }, body: sdp() });
    };
    peer.send(peer.request('INVITE', own(), { body: sdp(), headers: { Supported: '100rel' } }));
    await peer.getResponse(183);
    await peer.getResponse(183);
    await peer.getResponse(504, 'INVITE');
    await cancelled.called;
  });
});

timed('session timers', () => {
  const offer = { Supported: 'timer', 'Session-Expires': '2' };

  test('the caller\'s offer is taken up: it refreshes; when it does not, the call ends', async () => {
    const { dialog, answer } = await answeredCall(offer);
    expect(answer.headers.get('session-expires')).toBe('2;refresher=uac');
    expect(answer.headers.getList('require')).toContain('timer');
    const end = destroyed(dialog);
    const bye = await peer.getRequest('BYE', 8000);
    expect(bye.message.headers.get('reason')).toContain('Session timer expired');
    peer.reply(bye, 200);
    expect((await end)[1]).toBe('Session timer expired');
  });

  test('the caller\'s refreshes keep the call up', async () => {
    const { dialog, call } = await answeredCall(offer);
    for (let i = 0; i < 4; i++) {
      await pause(700);
      call.send('UPDATE', { headers: { Supported: 'timer', 'Session-Expires': '2;refresher=uac' } });
      const { message } = await peer.getResponse(200, 'UPDATE');
      expect(message.headers.get('session-expires')).toBe('2;refresher=uac');
    }
    expect(peer.countRequests('BYE')).toBe(0);
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('when it is for us to refresh, the engine does, and the application sees nothing: UPDATE to those who take it', async () => {
    const { dialog } = await answeredCall({ ...offer, 'Session-Expires': '2;refresher=uas', Allow: 'INVITE, ACK, BYE, UPDATE' });
    const seen: string[] = [];
    dialog.on('modify', () => seen.push('modify'));
    for (let i = 0; i < 2; i++) {
      const refresh = await peer.getRequest('UPDATE');
      expect(refresh.message.headers.get('session-expires')).toBe('2;refresher=uac');
      expect(refresh.message.body).toHaveLength(0);
      peer.reply(refresh, 200, { headers: { 'Session-Expires': '2;refresher=uac', Require: 'timer' } });
    }
    expect(seen).toEqual([]);
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('…and INVITE with the last description to the others', async () => {
    const { dialog } = await answeredCall({}, { 'Session-Expires': '2;refresher=uas', Supported: 'timer' });
    const refresh = await peer.getRequest('INVITE');
    expect(refresh.message.body.toString()).toBe(sdp(40002));
    expect(contactOf(refresh.message)).toContain(`127.0.0.1:${server.udp.port}`);
    peer.reply(refresh, 200, { body: sdp(), headers: { 'Session-Expires': '2;refresher=uac' } });
    const ack = await peer.getRequest('ACK');
    expect(ack.message.cseq.seq).toBe(refresh.message.cseq.seq);
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('a refresh that meets 481 ends the call', async () => {
    const { dialog } = await answeredCall({}, { 'Session-Expires': '2;refresher=uas' });
    const end = destroyed(dialog);
    peer.reply(await peer.getRequest('INVITE'), 481);
    peer.reply(await peer.getRequest('BYE'), 481);
    expect((await end)[1]).toBe('Session timer expired');
  });

  test('as caller we refresh what the called side agreed to', async () => {
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp(40002), headers: { Supported: 'timer', 'Session-Expires': '2' } });
    const invite = await peer.getRequest('INVITE');
    peer.reply(invite, 200, { body: sdp(), headers: { 'Session-Expires': '2;refresher=uac', Require: 'timer' } });
    const dialog = await made;
    await peer.getRequest('ACK');
    const refresh = await peer.getRequest('INVITE');
    expect(refresh.message.body.toString()).toBe(sdp(40002));
    peer.reply(refresh, 200, { body: sdp(), headers: { 'Session-Expires': '2;refresher=uac' } });
    await peer.getRequest('ACK');
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('the application\'s own re-INVITE carries the timer on', async () => {
    const { dialog } = await answeredCall({ ...offer, 'Session-Expires': '60' });
    const modified = dialog.modify(sdp(40020));
    const heard = await peer.getRequest('INVITE');
    expect(heard.message.headers.get('session-expires')).toBe('60;refresher=uas');
    expect(heard.message.headers.get('supported')).toContain('timer');
    peer.reply(heard, 200, { body: sdp(), headers: { 'Session-Expires': '60;refresher=uas' } });
    await modified;
    void dialog.destroy();
    peer.reply(await peer.getRequest('BYE'), 200);
  });

  test('an interval below the minimum is refused with 422 (RFC 4028 §6)', async () => {
    const invite = peer.request('INVITE', own(), { body: sdp(), headers: { Supported: 'timer', 'Session-Expires': '0' } });
    peer.send(invite);
    const { message } = await peer.getResponse(422, 'INVITE');
    expect(message.headers.get('min-se')).toBe('1');
    peer.send(peer.request('ACK', own(), { from: invite.headers.get('from')!, to: message.headers.get('to')!, callId: invite.callId, headers: { Via: invite.headers.get('via')! } }));
  });
});
