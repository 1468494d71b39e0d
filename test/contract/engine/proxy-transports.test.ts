/**
 * The proxy between transports, over real sockets: TLS, WebSocket, TCP, IPv6 on each side. What the two sides are told of us is what each can
 * use (RFC 5658 §3), requests come through in both directions, sips stays on TLS, and what the proxy has no part in is carried as it is.
 */
import { Engine } from '../../../signaling/engine';
import { sameLoopBarrier } from '../../../signaling/engine/barrier';
import type { SipRequest, SipResponse } from '../../../signaling/engine/wire/message';
import { makeCertificate, type Certificate } from '../../support/certificate';
import { DnsServer } from '../../support/dns-server';
import { unless } from '../../support/peers';
import { contactOf, PeerDialog, sdp, SipPeer, type Address } from '../../support/sip-peer';
import { Stage } from '../../support/stage';
import { isRealServer, secret, startApp, type AppUnderTest, type ServerUnderTest, type TestRequest } from './harness';

const stage = new Stage();
let certificate: Certificate;
let names: DnsServer;
let engine: Engine;
let app: AppUnderTest;
let ports: Record<string, number>;
let onRequest: (req: TestRequest) => void;
const peers: SipPeer[] = [];

const at = (protocol: string, host = '127.0.0.1'): Address => ({ host, port: ports[`${protocol} ${host}`] ?? 0 });
async function own(made: Promise<SipPeer>): Promise<SipPeer> {
  const peer = await made;
  peers.push(peer);
  return peer;
}

/** Who calls, or is called. A called WebSocket registers first: nobody can dial it. */
const sides = {
  UDP: { caller: () => SipPeer.udp(at('udp')), called: () => SipPeer.udp(at('udp')), entry: /^<sip:127\.0\.0\.1:\d+;lr/ },
  'UDP over IPv6': { caller: () => SipPeer.udp(at('udp', '::1'), '::1'), called: () => SipPeer.udp(at('udp', '::1'), '::1'), entry: /^<sip:\[::1\]:\d+;lr/ },
  TCP: { caller: () => SipPeer.tcp(at('tcp')), called: () => SipPeer.tcpServer(), entry: /^<sip:127\.0\.0\.1:\d+;transport=tcp;lr/ },
  TLS: { caller: () => SipPeer.tls(at('tls')), called: () => SipPeer.tcpServer(certificate), entry: /^<sip:127\.0\.0\.1:\d+;transport=tls;lr/ },
  WebSocket: { caller: () => SipPeer.ws(at('ws')), called: registered, entry: /^<sip:127\.0\.0\.1:\d+;transport=ws;lr/ },
} as const;
type Side = keyof typeof sides;

async function registered(): Promise<SipPeer> {
  const peer = await SipPeer.ws(at('ws'));
  onRequest = (req) => void (req as unknown as { res: { send(status: number, options: object): void } }).res.send(200, { headers: { Contact: `${req.get('Contact')};expires=60` } });
  peer.send(peer.request('REGISTER', 'sip:example.com'));
  await peer.getResponse(200, 'REGISTER');
  return peer;
}

const uriOf = (peer: SipPeer): string => `sip:alice@${peer.host}:${peer.port}${peer.protocol === 'udp' ? '' : `;transport=${peer.protocol}`}`;

function proxyTo(destination: string, options: object = { remainInDialog: true }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    onRequest = (req) => void (app as unknown as { srf: { proxyRequest(req: TestRequest, to: string[], options: object): Promise<unknown> } }).srf.proxyRequest(req, [destination], options).then(resolve, reject);
  });
}

const routeOf = (message: SipRequest | SipResponse): string[] => message.headers.getList('record-route');

unless(isRealServer ? 'the listening points of a real drachtio-server are not ours to choose' : undefined)('proxying between transports', () => {
  beforeAll(async () => {
    certificate = await makeCertificate(stage, { names: ['127.0.0.1', '::1', 'three.test'] });
    names = await DnsServer.start();
    engine = new Engine(
      {
        dnsServers: [names.address],
        listen: ['127.0.0.1', '::1'].flatMap((address) => (['udp', 'tcp', 'tls', 'ws'] as const).map((protocol) => ({ protocol, address, port: 0 }))),
        control: { port: 0, secret },
        tls: { certificates: [certificate], authorities: certificate.ca },
      },
      { barrier: sameLoopBarrier },
    );
    const { control, listening } = await engine.start();
    ports = Object.fromEntries(listening.map(({ protocol, address, port }) => [`${protocol} ${address}`, port]));
    app = await startApp({ control: { ...control, secret } } as ServerUnderTest, (srf) => {
      for (const method of ['invite', 'register', 'message', 'options']) {
        srf.use(method, (req, res) => {
          (req as unknown as { res: unknown }).res = res;
          onRequest(req);
        });
      }
    });
  }, 30_000);
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
  });
  afterAll(async () => {
    app.close();
    await engine.close();
    await names.close();
    await stage.close();
  });

  test.each<[Side, Side]>([
    ['TLS', 'UDP'],
    ['UDP', 'TLS'],
    ['TLS', 'TLS'],
    ['WebSocket', 'UDP'],
    ['UDP', 'WebSocket'],
    ['WebSocket', 'WebSocket'],
    ['WebSocket', 'TLS'],
    ['TCP', 'UDP over IPv6'],
    ['UDP over IPv6', 'UDP'],
    ['UDP over IPv6', 'UDP over IPv6'],
    ['UDP over IPv6', 'TLS'],
  ])('%s to %s: each side has a way to us that it can go, and both are heard', async (from, to) => {
    const target = await own(sides[to].called());
    const caller = await own(sides[from].caller());
    const results = proxyTo(uriOf(target));
    const request = caller.request('INVITE', 'sip:bob@example.com', { body: sdp() });
    caller.send(request);
    const heard = await target.getRequest('INVITE');
    const entries = routeOf(heard.message);
    expect(entries).toHaveLength(from === to ? 1 : 2);
    expect(entries[0]).toMatch(sides[to].entry);
    expect(entries.at(-1)).toMatch(sides[from].entry);
    const answer = target.reply(heard, 200, { body: sdp(40002) });
    const answered = await caller.getResponse(200, 'INVITE');
    const here = PeerDialog.caller(caller, request, answered);
    const there = PeerDialog.called(target, heard, answer);
    const hereRoute = { headers: { Route: routeOf(answered.message).reverse().join(', ') } };
    const thereRoute = { headers: { Route: entries.join(', ') } };
    here.ack(hereRoute);
    expect((await target.getRequest('ACK')).message.headers.has('route')).toBe(false);
    await results;
    here.send('INFO', hereRoute);
    target.reply(await target.getRequest('INFO'), 200);
    await caller.getResponse(200, 'INFO');
    there.send('INFO', thereRoute);
    const info = await caller.getRequest('INFO');
    expect([info.message.uri, info.message.headers.has('route')]).toEqual([contactOf(request), false]);
    caller.reply(info, 200);
    await target.getResponse(200, 'INFO');
    there.send('BYE', thereRoute);
    caller.reply(await caller.getRequest('BYE'), 200);
    await target.getResponse(200, 'BYE');
    expect(engine.stats().core).toMatchObject({ incoming: 0, proxying: 0 });
  });

  describe('a way that is found only behind the Record-Route', () => {
    const large = sdp(40000, `a=note:${'x'.repeat(1_400)}\r\n`);

    /** The target has the INVITE with these entries: answers it, and both sides are heard within the call. */
    async function talk(caller: SipPeer, request: SipRequest, target: SipPeer, entries: Side[]): Promise<void> {
      const heard = await target.getRequest('INVITE');
      const routes = routeOf(heard.message);
      expect(routes).toEqual(entries.map((side) => expect.stringMatching(sides[side].entry)));
      expect(heard.message.headers.getAll('via')).toHaveLength(2);
      const answer = target.reply(heard, 200, { body: sdp(40002) });
      const answered = await caller.getResponse(200, 'INVITE');
      const here = PeerDialog.caller(caller, request, answered);
      const there = PeerDialog.called(target, heard, answer);
      const hereRoute = { headers: { Route: routeOf(answered.message).reverse().join(', ') } };
      here.ack(hereRoute);
      await target.getRequest('ACK');
      there.send('INFO', { headers: { Route: routes.join(', ') } });
      const info = await caller.getRequest('INFO');
      expect(info.message.headers.has('route')).toBe(false);
      caller.reply(info, 200);
      await target.getResponse(200, 'INFO');
      here.send('BYE', hereRoute);
      const bye = await target.getRequest('BYE');
      expect(bye.message.headers.has('route')).toBe(false);
      target.reply(bye, 200);
      await caller.getResponse(200, 'BYE');
    }

    test.each<[Side, Side[]]>([
      ['UDP', ['TCP', 'UDP']],
      ['TCP', ['TCP']],
      ['TLS', ['TCP', 'TLS']],
      ['WebSocket', ['TCP', 'WebSocket']],
      ['UDP over IPv6', ['TCP', 'UDP over IPv6']],
    ])('%s to UDP, and over TCP because it is large', async (from, entries) => {
      const target = await own(SipPeer.tcpServer());
      const caller = await own(sides[from].caller());
      const results = proxyTo(`sip:alice@127.0.0.1:${target.port}`);
      const request = caller.request('INVITE', 'sip:bob@example.com', { body: large });
      caller.send(request);
      await talk(caller, request, target, entries);
      await results;
    });

    test.each<[Side, string, 'udp' | 'tls', Side[]]>([
      ['UDP', 'one.test', 'udp', ['UDP']],
      ['TCP', 'two.test', 'udp', ['UDP', 'TCP']],
      ['UDP', 'three.test', 'tls', ['TLS', 'UDP']],
    ])('%s to %s: TCP, UDP and TLS in turn, and the last one answers', async (from, name, last, entries) => {
      const [first, second] = [await own(SipPeer.tcpServer()), await own(SipPeer.udp())];
      const target = await own(last === 'udp' ? SipPeer.udp() : SipPeer.tcpServer(certificate));
      const order = last === 'udp' ? ['D2T _sip._tcp', 'D2U _sip._udp'] : ['D2T _sip._tcp', 'D2U _sip._udp', 'D2T _sips._tcp'];
      names.set('NAPTR', name, order.map((one, at) => `${at + 1}0 10 s ${one.startsWith('D2T _sips') ? 'SIPS' : 'SIP'}+${one}.${name}`));
      names.set('SRV', `_sip._tcp.${name}`, [`1 1 ${first.port} host.${name}`]).set('A', `host.${name}`, ['127.0.0.1']);
      names.set('SRV', `_sip._udp.${name}`, [`1 1 ${second.port} host.${name}`, ...(last === 'udp' ? [`2 1 ${target.port} host.${name}`] : [])]);
      if (last === 'tls') names.set('SRV', `_sips._tcp.${name}`, [`1 1 ${target.port} host.${name}`]);
      const caller = await own(sides[from].caller());
      const results = proxyTo(`sip:alice@${name}`);
      const request = caller.request('INVITE', 'sip:bob@example.com', { body: sdp() });
      caller.send(request);
      first.reply(await first.getRequest('INVITE'), 503);
      second.reply(await second.getRequest('INVITE'), 503);
      await talk(caller, request, target, entries);
      await results;
    });
  });

  describe('sips', () => {
    test('goes on over TLS, and our entry is one for sips', async () => {
      const target = await own(SipPeer.tcpServer(certificate));
      const caller = await own(SipPeer.tls(at('tls')));
      // drachtio-srf makes `sip:sips:…` of a sips URI.
      const results = proxyTo(uriOf(target));
      const request = caller.request('INVITE', 'sips:bob@example.com', { body: sdp() });
      caller.send(request);
      const heard = await target.getRequest('INVITE');
      expect(heard.message.uri).toBe('sips:bob@example.com');
      expect(heard.message.topVia.protocol).toBe('TLS');
      expect(routeOf(heard.message)).toEqual([expect.stringMatching(new RegExp(`^<sips:127\\.0\\.0\\.1:${at('tls').port};lr;`))]);
      target.reply(heard, 200, { body: sdp(40002) });
      const answered = await caller.getResponse(200, 'INVITE');
      const bye = { headers: { Route: routeOf(answered.message).join(', ') } };
      await results;
      const dialog = PeerDialog.caller(caller, request, answered);
      dialog.ack(bye);
      await target.getRequest('ACK');
      dialog.send('BYE', bye);
      target.reply(await target.getRequest('BYE'), 200);
      await caller.getResponse(200, 'BYE');
    });

    test('goes nowhere else: 500, and the application is told why', async () => {
      const target = await own(SipPeer.udp());
      const caller = await own(SipPeer.tls(at('tls')));
      const results = proxyTo(uriOf(target));
      caller.send(caller.request('OPTIONS', 'sips:bob@example.com'));
      await caller.getResponse(500, 'OPTIONS');
      await expect(results).rejects.toMatch(/: a request for a sips URI goes over TLS only$/);
      expect(target.heard).toHaveLength(0);
    });
  });

  test('TLS can be dialled by an engine that does not listen on it, once it is told whom to trust', async () => {
    const other = new Engine({ listen: [{ protocol: 'udp', address: '127.0.0.1', port: 0 }], control: { port: 0, secret }, tls: { certificates: [], authorities: certificate.ca } }, { barrier: sameLoopBarrier });
    const { control } = await other.start();
    const one = await startApp({ control: { ...control, secret } } as ServerUnderTest, () => undefined);
    const target = await own(SipPeer.tcpServer(certificate));
    try {
      const made = one.srf.createUAC(uriOf(target), { localSdp: sdp() });
      const invite = await target.getRequest('INVITE');
      expect(invite.message.topVia.protocol).toBe('TLS');
      // Where the connection comes from: the only place where it can be used.
      expect(contactOf(invite.message)).toBe(`sip:127.0.0.1:${invite.from.port};transport=tls`);
      target.reply(invite, 200, { body: sdp() });
      const dialog = await made;
      await target.getRequest('ACK');
      const ended = dialog.destroy();
      target.reply(await target.getRequest('BYE'), 200);
      await ended;
      expect(other.stats().transport.connectionsDialled).toBe(1);
    } finally {
      one.close();
      await other.close();
    }
  });

  test('GRUU (RFC 5627): its parameters pass in both directions as they are', async () => {
    const target = await own(SipPeer.udp());
    const caller = await own(SipPeer.udp(at('udp')));
    const gruu = 'sip:callee@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
    const contact = `<sip:caller@127.0.0.1:${caller.port};gr=hha9s8d-999a>;+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"`;
    const results = proxyTo(uriOf(target), {});
    caller.send(caller.request('INVITE', gruu, { body: sdp(), headers: { Contact: contact, Supported: 'gruu' } }));
    const heard = await target.getRequest('INVITE');
    expect([heard.message.uri, heard.message.headers.get('contact'), heard.message.headers.get('supported')]).toEqual([gruu, contact, 'gruu']);
    target.reply(heard, 486, { headers: { Contact: `<${gruu}>` } });
    await target.getRequest('ACK');
    const answered = await caller.getResponse(486, 'INVITE');
    expect(answered.message.headers.get('contact')).toBe(`<${gruu}>`);
    await results;
    // What an application registers and calls: the registrar's word goes back, a Contact that is a GRUU is where dialogs go.
    const registrar = (req: TestRequest): void =>
      (req as unknown as { res: { send(status: number, options: object): void } }).res.send(200, { headers: { Contact: `${req.get('Contact')};pub-gruu="${gruu}";temp-gruu="sip:tgruu.7hs@example.com;gr";expires=60` } });
    onRequest = registrar;
    caller.send(caller.request('REGISTER', 'sip:example.com', { headers: { Contact: contact, Supported: 'gruu' } }));
    expect((await caller.getResponse(200, 'REGISTER')).message.headers.get('contact')).toBe(`${contact};pub-gruu="${gruu}";temp-gruu="sip:tgruu.7hs@example.com;gr";expires=60`);
    const made = app.srf.createUAC(uriOf(target), { localSdp: sdp(), headers: { Contact: contact } });
    const call = await target.getRequest('INVITE');
    expect(call.message.headers.get('contact')).toBe(contact);
    const there = `sip:callee@127.0.0.1:${target.port};gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6`;
    target.reply(call, 200, { body: sdp(), headers: { Contact: `<${there}>` } });
    const dialog = await made;
    expect((await target.getRequest('ACK')).message.uri).toBe(there);
    const ended = dialog.destroy();
    const bye = await target.getRequest('BYE');
    expect(bye.message.uri).toBe(there);
    target.reply(bye, 200);
    await ended;
  });
});
