/**
 * RFC 5626 over real sockets: a telephone with two flows, which nobody can dial; the engine in front of a registrar (Path with a token), and as
 * the registrar's own server.
 */
import { Engine } from '../../../signaling/engine';
import { sameLoopBarrier } from '../../../signaling/engine/barrier';
import { unless } from '../../support/peers';
import { PeerDialog, sdp, SipPeer, type Address } from '../../support/sip-peer';
import { eventually } from '../../support/wait';
import { isRealServer, secret, startApp, type AppUnderTest, type ServerUnderTest, type TestRequest } from './harness';

type Answer = { send(status: number, options: object): void };
type Proxying = { proxyRequest(req: TestRequest, to: string[], options: object): Promise<unknown> };

const uri = 'sip:alice@phone.invalid;transport=ws';
let engine: Engine;
let app: AppUnderTest;
let ports: Record<string, number>;
let onRegister: (req: TestRequest, res: Answer) => void;
let invites = 0;
const peers: SipPeer[] = [];

const at = (protocol: string): Address => ({ host: '127.0.0.1', port: ports[protocol] ?? 0 });

async function own(made: Promise<SipPeer>): Promise<SipPeer> {
  const peer = await made;
  peers.push(peer);
  return peer;
}

function register(phone: SipPeer, regId: number): void {
  phone.send(phone.request('REGISTER', 'sip:example.com', { headers: { Contact: `<${uri}>;+sip.instance="<urn:uuid:f81d4fae>";reg-id=${regId}`, Supported: 'path, outbound' } }));
}

/** Ends a flow, and waits until the engine knows. */
async function lose(phone: SipPeer): Promise<void> {
  const before = engine.stats().transport.connectionsByProtocol.ws ?? 0;
  await phone.close();
  await eventually('the end of the flow', () => (engine.stats().transport.connectionsByProtocol.ws ?? 0) < before);
}

unless(isRealServer ? 'drachtio-server knows nothing of RFC 5626' : undefined)('flows', () => {
  beforeAll(async () => {
    engine = new Engine({ listen: (['udp', 'ws'] as const).map((protocol) => ({ protocol, address: '127.0.0.1', port: 0 })), control: { port: 0, secret } }, { barrier: sameLoopBarrier });
    const { control, listening } = await engine.start();
    ports = Object.fromEntries(listening.map(({ protocol, port }) => [protocol, port]));
    app = await startApp({ control: { ...control, secret } } as ServerUnderTest, (srf) => {
      srf.use('register', (req, res) => onRegister(req, res as unknown as Answer));
      srf.use('invite', (req) => {
        invites++;
        void (srf as unknown as Proxying).proxyRequest(req, [req.uri], {}).catch(() => undefined);
      });
    });
  }, 30_000);
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
  });
  afterAll(async () => {
    app.close();
    await engine.close();
  });

  test('as the edge: the registrar reaches the telephone over the flow its Path names, 430 when that is gone, and a forged one is refused', async () => {
    const [registrar, first, second] = [await own(SipPeer.udp(at('udp'))), await own(SipPeer.ws(at('ws'))), await own(SipPeer.ws(at('ws')))];
    onRegister = (req) => void (app.srf as unknown as Proxying).proxyRequest(req, [`sip:127.0.0.1:${registrar.port}`], { remainInDialog: true });
    const paths: string[] = [];
    for (const [n, phone] of [first, second].entries()) {
      register(phone, n + 1);
      const heard = await registrar.getRequest('REGISTER');
      const path = heard.message.headers.get('path') ?? '';
      expect(path).toMatch(/^<sip:[\w-]+\.[\w-]{14}@127\.0\.0\.1:\d+;lr;ob>$/);
      expect(heard.message.headers.getList('require')).toEqual(['path']);
      registrar.reply(heard, 200, { headers: { Contact: `${heard.message.headers.get('contact')};expires=600`, Path: path, Require: 'outbound' } });
      expect((await phone.getResponse(200, 'REGISTER')).message.headers.get('path')).toBe(path);
      paths.push(path);
    }
    expect(paths[0]).not.toBe(paths[1]);

    for (const [n, phone] of [first, second].entries()) {
      const request = registrar.request('INVITE', uri, { headers: { Route: paths[n] ?? '' }, body: sdp() });
      registrar.send(request);
      const heard = await phone.getRequest('INVITE');
      expect([heard.message.uri, heard.message.headers.has('route')]).toEqual([uri, false]);
      const answer = phone.reply(heard, 200, { body: sdp(40002), headers: { Contact: `<${uri}>` } });
      const answered = await registrar.getResponse(200, 'INVITE');
      const [here, there] = [PeerDialog.caller(registrar, request, answered), PeerDialog.called(phone, heard, answer)];
      const route = { headers: { Route: answered.message.headers.getList('record-route').reverse().join(', ') } };
      here.ack(route);
      await phone.getRequest('ACK');
      there.send('INFO', { headers: { Route: heard.message.headers.getList('record-route').join(', ') } });
      registrar.reply(await registrar.getRequest('INFO'), 200);
      await phone.getResponse(200, 'INFO');
      here.send('BYE', route);
      phone.reply(await phone.getRequest('BYE'), 200);
      await registrar.getResponse(200, 'BYE');
    }

    await lose(first);
    const ask = async (route: string, status: number): Promise<void> => {
      const request = registrar.request('INVITE', uri, { headers: { Route: route }, body: sdp() });
      registrar.send(request);
      expect((await registrar.getFinal(request)).status).toBe(status);
    };
    await ask(paths[0] ?? '', 430);
    const asked = invites;
    await ask((paths[1] ?? '').replace(/\.(.)/, (_all, one: string) => `.${one === 'A' ? 'B' : 'A'}`), 403);
    expect(invites).toBe(asked);
    registrar.send(registrar.request('INVITE', uri, { headers: { Route: paths[1] ?? '' }, body: sdp() }));
    second.reply(await second.getRequest('INVITE'), 486);
    await registrar.getResponse(486, 'INVITE');
  });

  test('as the server: the newest flow is called, the other one when that is gone, and 410 when both are', async () => {
    const [first, second] = [await own(SipPeer.ws(at('ws'))), await own(SipPeer.ws(at('ws')))];
    onRegister = (req, res) => res.send(200, { headers: { Contact: `${req.get('Contact')};expires=600` } });
    for (const [n, phone] of [first, second].entries()) {
      register(phone, n + 1);
      await phone.getResponse(200, 'REGISTER');
    }
    const call = (): Promise<unknown> => app.srf.createUAC(uri, { localSdp: sdp() }).catch((error: { status?: number }) => error.status);
    for (const phone of [second, first]) {
      const made = call();
      phone.reply(await phone.getRequest('INVITE'), 486);
      expect(await made).toBe(486);
      await lose(phone);
    }
    expect(await call()).toBe(410);
  });
});
