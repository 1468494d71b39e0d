/**
 * RFC 3263 with a name server of the test's own: an application sends to a name, and what is behind it gets the request, whoever else is out of
 * order. And RFC 3261 §18.1.1: what is too large for a datagram.
 */
import { DnsServer } from '../../support/dns-server';
import { unless } from '../../support/peers';
import { SipPeer, contactOf, sdp } from '../../support/sip-peer';
import { isRealServer, once, problems, startApp, startServer, type AppUnderTest, type ServerUnderTest, type TestResponse } from './harness';

/** 64*T1 is two and a half seconds, and a peer that answers at once does not hear anything twice. */
const timers = { t1: 40, t2: 320, t4: 400 };

let names: DnsServer;
let server: ServerUnderTest;
let app: AppUnderTest;
const peers: SipPeer[] = [];

async function own(peer: Promise<SipPeer>): Promise<SipPeer> {
  const made = await peer;
  peers.push(made);
  return made;
}

/** Sends OPTIONS; the final response. */
async function options(uri: string, headers: Record<string, string> = {}): Promise<TestResponse> {
  const { fn, called } = once<[TestResponse]>();
  const request = await app.srf.request(uri, { method: 'OPTIONS', headers });
  request.on('response', fn);
  return (await called)[0];
}

unless(isRealServer ? 'a real drachtio-server asks the name servers of its machine' : undefined)('names', () => {
  beforeAll(async () => {
    names = await DnsServer.start();
    server = await startServer({ dnsServers: [names.address], timers });
    app = await startApp(server, () => undefined);
  });
  afterEach(async () => {
    for (const peer of peers.splice(0)) await peer.close();
  });
  afterAll(async () => {
    app.close();
    await server.close();
    await names.close();
    expect(problems).toEqual([]);
  });

  test('NAPTR, SRV, A; asked once while the answers are good', async () => {
    const peer = await own(SipPeer.tcpServer());
    names.set('NAPTR', 'full.test', ['10 10 s SIP+D2T _sip._tcp.full.test', '20 10 s SIP+D2U _sip._udp.full.test']);
    names.set('SRV', '_sip._tcp.full.test', [`10 10 ${peer.port} host.full.test`]).set('A', 'host.full.test', ['127.0.0.1']);
    for (let n = 0; n < 3; n++) {
      const answer = options('sip:a@full.test');
      const request = await peer.getRequest('OPTIONS');
      expect(request.message.uri).toBe('sip:a@full.test');
      expect(request.message.topVia.protocol).toBe('TCP');
      peer.reply(request, 200);
      expect((await answer).status).toBe(200);
    }
    for (const question of ['NAPTR full.test', 'SRV _sip._tcp.full.test', 'A host.full.test']) expect(names.asked.filter((one) => one === question)).toHaveLength(1);
  });

  test('a server that does not answer, one that is not there, one that says 503: the next one gets it, with another branch', async () => {
    const [silent, busy, good] = [await own(SipPeer.udp()), await own(SipPeer.udp()), await own(SipPeer.udp())];
    const closed = await SipPeer.tcpServer();
    await closed.close();
    names.set('NAPTR', 'four.test', ['10 10 s SIP+D2T _sip._tcp.four.test', '20 10 s SIP+D2U _sip._udp.four.test']);
    names.set('SRV', '_sip._tcp.four.test', [`1 1 ${closed.port} host.four.test`]);
    names.set('SRV', '_sip._udp.four.test', [`1 1 ${silent.port} host.four.test`, `2 1 ${busy.port} host.four.test`, `3 1 ${good.port} host.four.test`]).set('A', 'host.four.test', ['127.0.0.1']);
    const before = server.stats().transport.failedOver;
    const answer = options('sip:a@four.test');
    const second = await busy.getRequest('OPTIONS', 8_000);
    busy.reply(second, 503);
    const third = await good.getRequest('OPTIONS');
    good.reply(third, 200);
    expect((await answer).status).toBe(200);
    const first = silent.heard[0]?.message;
    expect(new Set([first?.topVia.branch, second.message.topVia.branch, third.message.topVia.branch]).size).toBe(3);
    expect(third.message.headers.getAll('via')).toHaveLength(1);
    expect(third.message.callId).toBe(second.message.callId);
    expect(third.message.cseq).toEqual(second.message.cseq);
    expect(server.stats().transport.failedOver).toBe(before + 2);
    // Those that failed come last the next time.
    const heard = (): number => silent.heard.length + busy.heard.length;
    const soFar = heard();
    const again = options('sip:a@four.test');
    good.reply(await good.getRequest('OPTIONS'), 200);
    expect((await again).status).toBe(200);
    expect(heard()).toBe(soFar);
  });

  test('an INVITE, too: its 503 is acknowledged, the application hears of the call that was answered, and of one only', async () => {
    const [busy, good] = [await own(SipPeer.udp()), await own(SipPeer.udp())];
    names.set('SRV', '_sip._udp.call.test', [`1 1 ${busy.port} host.call.test`, `2 1 ${good.port} host.call.test`]).set('A', 'host.call.test', ['127.0.0.1']);
    const made = app.srf.createUAC('sip:a@call.test;transport=udp', { localSdp: sdp() });
    busy.reply(await busy.getRequest('INVITE'), 503);
    await busy.getRequest('ACK');
    const invite = await good.getRequest('INVITE');
    good.reply(invite, 180);
    good.reply(invite, 200, { body: sdp(), headers: { Contact: `<sip:bob@127.0.0.1:${good.port}>` } });
    const dialog = await made;
    await good.getRequest('ACK');
    const ended = dialog.destroy();
    good.reply(await good.getRequest('BYE'), 200);
    await ended;
  });

  test('a call that ends up on another transport than it began on names that one as its Contact, in later requests too', async () => {
    const [busy, good] = [await own(SipPeer.tcpServer()), await own(SipPeer.udp())];
    names.set('NAPTR', 'moves.test', ['10 10 s SIP+D2T _sip._tcp.moves.test', '20 10 s SIP+D2U _sip._udp.moves.test']);
    names.set('SRV', '_sip._tcp.moves.test', [`1 1 ${busy.port} host.moves.test`]).set('SRV', '_sip._udp.moves.test', [`1 1 ${good.port} host.moves.test`]).set('A', 'host.moves.test', ['127.0.0.1']);
    const made = app.srf.createUAC('sip:a@moves.test', { localSdp: sdp() });
    const first = await busy.getRequest('INVITE');
    expect(contactOf(first.message)).toBe(`sip:127.0.0.1:${server.tcp.port};transport=tcp`);
    busy.reply(first, 503);
    const second = await good.getRequest('INVITE');
    const ours = `sip:127.0.0.1:${server.udp.port}`;
    expect(contactOf(second.message)).toBe(ours);
    good.reply(second, 200, { body: sdp() });
    const dialog = await made;
    await good.getRequest('ACK');
    // Not a re-INVITE: drachtio-srf repeats the Contact of its first echo in those.
    const updated = dialog.request({ method: 'UPDATE' });
    const update = await good.getRequest('UPDATE');
    expect(contactOf(update.message)).toBe(ours);
    good.reply(update, 200);
    await updated;
    const ended = dialog.destroy();
    good.reply(await good.getRequest('BYE'), 200);
    await ended;
  });

  test('the last of several that wants to be left alone is the last the next time, too', async () => {
    const [one, two] = [await own(SipPeer.udp()), await own(SipPeer.udp())];
    // By chance the one or the other is first.
    names.set('SRV', '_sip._udp.rests.test', [`1 1 ${one.port} host.rests.test`, `1 1 ${two.port} host.rests.test`]).set('A', 'host.rests.test', ['127.0.0.1']);
    const answer = options('sip:a@rests.test;transport=udp');
    const [heard, last] = await Promise.race([one, two].map(async (peer) => [await peer.getRequest('OPTIONS'), peer === one ? two : one] as const));
    (last === two ? one : two).reply(heard, 503, { headers: { 'Retry-After': '0' } });
    last.reply(await last.getRequest('OPTIONS'), 503, { headers: { 'Retry-After': '60' } });
    expect((await answer).status).toBe(503);
    const other = last === two ? one : two;
    const before = last.heard.length;
    for (let n = 0; n < 5; n++) {
      const next = options('sip:a@rests.test;transport=udp');
      other.reply(await other.getRequest('OPTIONS'), 200);
      expect((await next).status).toBe(200);
    }
    expect(last.heard.length).toBe(before);
  });

  test('once it rings nothing is tried elsewhere: a 503 after that is the answer', async () => {
    const [ringing, other] = [await own(SipPeer.udp()), await own(SipPeer.udp())];
    names.set('SRV', '_sip._udp.rings.test', [`1 1 ${ringing.port} host.rings.test`, `2 1 ${other.port} host.rings.test`]).set('A', 'host.rings.test', ['127.0.0.1']);
    const made = app.srf.createUAC('sip:a@rings.test;transport=udp', { localSdp: sdp() }).catch((error: { status?: number }) => error.status);
    const invite = await ringing.getRequest('INVITE');
    ringing.reply(invite, 180);
    ringing.reply(invite, 503);
    expect(await made).toBe(503);
    expect(other.heard).toHaveLength(0);
  });

  test('nowhere left: what the last one said; no such name: 503 made here, and remembered', async () => {
    const [one, two] = [await own(SipPeer.udp()), await own(SipPeer.udp())];
    names.set('SRV', '_sip._udp.all.test', [`1 1 ${one.port} host.all.test`, `2 1 ${two.port} host.all.test`]).set('A', 'host.all.test', ['127.0.0.1']);
    const answer = options('sip:a@all.test;transport=udp');
    one.reply(await one.getRequest('OPTIONS'), 503);
    two.reply(await two.getRequest('OPTIONS'), 503, { headers: { Warning: '399 two "full"' } });
    expect((await answer).get('Warning')).toContain('two');
    for (let n = 0; n < 2; n++) expect((await options('sip:a@nobody.test')).status).toBe(503);
    expect(names.asked.filter((name) => name === 'A nobody.test')).toHaveLength(1);
  });

  test.each([[';ob', 'the flow'], ['', 'the Contact']])('in dialogs requests follow a Contact with %j: %s', async (parameter) => {
    const [peer, elsewhere] = [await own(SipPeer.udp()), await own(SipPeer.udp())];
    const made = app.srf.createUAC(peer.uri, { localSdp: sdp() });
    peer.reply(await peer.getRequest('INVITE'), 200, { body: sdp(), headers: { Contact: `<sip:bob@127.0.0.1:${elsewhere.port}${parameter}>` } });
    const dialog = await made;
    const ended = dialog.destroy();
    const there = parameter === '' ? elsewhere : peer;
    there.reply(await there.getRequest('BYE'), 200);
    await ended;
  });

  describe('requests over 1300 bytes', () => {
    const large = { 'X-Large': 'x'.repeat(1_300) };

    test('go over TCP where the target takes it', async () => {
      const peer = await own(SipPeer.tcpServer());
      const answer = options(`sip:a@127.0.0.1:${peer.port}`, large);
      const request = await peer.getRequest('OPTIONS');
      expect(request.message.topVia.protocol).toBe('TCP');
      peer.reply(request, 200);
      expect((await answer).status).toBe(200);
    });

    test('are asked over TCP at the place behind one that failed, too', async () => {
      const [silent, good] = [await own(SipPeer.udp()), await own(SipPeer.tcpServer())];
      names.set('SRV', '_sip._udp.large.test', [`1 1 ${silent.port} host.large.test`, `2 1 ${good.port} host.large.test`]).set('A', 'host.large.test', ['127.0.0.1']);
      const answer = options('sip:a@large.test', large);
      const second = await good.getRequest('OPTIONS', 8_000);
      // The first takes no TCP, and says nothing over UDP.
      expect([silent.heard[0]?.message.topVia.protocol, second.message.topVia.protocol]).toEqual(['UDP', 'TCP']);
      good.reply(second, 200);
      expect((await answer).status).toBe(200);
    });

    test('the application sees them as they were sent, though a connection had to be dialled first', async () => {
      const peer = await own(SipPeer.tcpServer());
      for (const [uri, via] of [[`sip:a@127.0.0.1:${peer.port}`, 'TCP'], ['sip:a@127.0.0.1:9', 'UDP']] as const) {
        const sent = await app.srf.request(uri, { method: 'OPTIONS', headers: large });
        expect([sent.get('Via').slice(0, 11), sent.protocol]).toEqual([`SIP/2.0/${via}`, via.toLowerCase()]);
      }
      expect((await peer.getRequest('OPTIONS')).message.topVia.protocol).toBe('TCP');
    });

    test('go over UDP where it does not, and where UDP was asked for; small ones are not asked about', async () => {
      const peer = await own(SipPeer.udp());
      const failures = server.stats().transport.dialFailures;
      for (const [uri, headers] of [[`sip:a@127.0.0.1:${peer.port}`, large], [`sip:a@127.0.0.1:${peer.port}`, large], [`sip:a@127.0.0.1:${peer.port};transport=udp`, large], [`sip:a@127.0.0.1:${peer.port}`, {}]] as const) {
        const answer = options(uri, headers);
        const request = await peer.getRequest('OPTIONS');
        expect(request.message.topVia.protocol).toBe('UDP');
        peer.reply(request, 200);
        expect((await answer).status).toBe(200);
      }
      // Refused once, remembered after that.
      expect(server.stats().transport.dialFailures).toBe(failures + 1);
    });
  });
});
