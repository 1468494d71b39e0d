/** Programs of one's own beside the application, in the built server: away and back, asked first, proxying. All on drachtio-srf. */
import { createServer, type Server as WebServer } from 'node:http';
import { join } from 'node:path';
import Srf from 'drachtio-srf';
import { Child } from '../support/child';
import { PeerDialog, SipPeer, sdp } from '../support/sip-peer';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';

const SECRET = 'the-secret-of-the-port';
const GRACE_SECONDS = 2;

async function peerOf(stage: Stage, server: Server): Promise<SipPeer> {
  return stage.own(await SipPeer.udp({ host: server.host, port: server.port }));
}

describe('engine.graceSeconds: a program that is killed in a call', () => {
  let suite: Stage;
  let server: Server;
  let port: number;
  beforeAll(async () => {
    suite = new Stage();
    port = await suite.port();
    server = await Server.start(suite, { extensions: [], settings: { 'engine.control': `127.0.0.1:${port}`, 'engine.secret': SECRET, 'engine.graceSeconds': GRACE_SECONDS } });
  }, 60_000);
  afterAll(() => suite.close());

  function program(stage: Stage): Child {
    const child = new Child('a program', process.execPath, [join(__dirname, '..', 'support', 'control-program.cjs'), '127.0.0.1', String(port), SECRET, 'blue']);
    stage.own({ close: () => child.stop('SIGKILL'), report: () => child.tail() });
    return child;
  }

  /** A call that it has made. */
  async function inCall(stage: Stage): Promise<{ child: Child; peer: SipPeer; id: string; dialog: PeerDialog }> {
    const child = program(stage);
    const peer = await peerOf(stage, server);
    child.write('connect\n');
    await child.waitFor(/^connected$/m, 10_000);
    child.write(`call ${peer.uri}\n`);
    const invite = await peer.getRequest('INVITE', 10_000);
    const dialog = PeerDialog.called(peer, invite, peer.reply(invite, 200, { body: sdp() }));
    await peer.getRequest('ACK');
    const [, id = ''] = await child.waitFor(/^dialog (\S+)$/m, 5_000);
    return { child, peer, id, dialog };
  }

  test('comes back under its tags, and ends the call', ...staged(async (stage) => {
    const { child, peer, id, dialog } = await inCall(stage);
    const successor = program(stage);
    await child.stop('SIGKILL');
    await eventually('its absence to be known', async () => {
      const info = dialog.send('INFO');
      const { status, headers } = await peer.getFinal(info);
      return status === 503 && Number(headers.get('retry-after')) > 0;
    });
    successor.write('connect\n');
    await successor.waitFor(/^connected$/m, 10_000);
    successor.write(`bye ${id}\n`);
    const bye = await peer.getRequest('BYE');
    expect(bye.message.callId).toBe(dialog.callId);
    expect(bye.message.headers.has('reason')).toBe(false);
    peer.reply(bye, 200);
    await successor.waitFor(/^ended 200$/m, 5_000);
  }, { suite: () => suite, seconds: 40 }));

  test('does not come back: the call is ended when the time is over, not before', ...staged(async (stage) => {
    const { child, peer, dialog } = await inCall(stage);
    await child.stop('SIGKILL');
    const gone = Date.now();
    const bye = await peer.getRequest('BYE', 15_000);
    expect(Date.now() - gone).toBeGreaterThan((GRACE_SECONDS - 0.5) * 1000);
    expect(bye.message.callId).toBe(dialog.callId);
    expect(bye.message.headers.get('reason')).toContain('the application is gone');
    peer.reply(bye, 200);
  }, { suite: () => suite, seconds: 40 }));
});

describe('engine.handlers and engine.maxBreadth', () => {
  let suite: Stage;
  let server: Server;
  let web: WebServer;
  const asked: URLSearchParams[] = [];
  let targets: SipPeer[];

  beforeAll(async () => {
    suite = new Stage();
    // Messages are busy; calls go to the program.
    web = createServer((request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams;
      asked.push(query);
      response.end(JSON.stringify(query.get('method') === 'MESSAGE' ? { action: 'reject', data: { status: 486 } } : { action: 'route', data: { tag: 'forker' } }));
    });
    const [webPort, control] = [await suite.port(), await suite.port()];
    await new Promise<void>((resolve) => web.listen(webPort, '127.0.0.1', resolve));
    suite.own({ close: () => (web.closeAllConnections(), new Promise((resolve) => web.close(resolve))) });
    const settings = { 'engine.control': `127.0.0.1:${control}`, 'engine.secret': SECRET, 'engine.handlers': `MESSAGE|INVITE http://127.0.0.1:${webPort}/where?site=1`, 'engine.maxBreadth': 1 };
    server = await Server.start(suite, { extensions: [], settings });
    targets = [await SipPeer.udp(), await SipPeer.udp()];
    for (const target of targets) suite.own(target);

    const srf = new Srf();
    srf.on('error', () => undefined);
    srf.invite((req) => {
      const forking = req.uri.includes('together') ? 'simultaneous' : 'sequential';
      srf.proxyRequest(req, targets.map((target) => target.uri), { forking } as never, () => undefined);
    });
    srf.connect({ host: '127.0.0.1', port: control, secret: SECRET, tags: ['forker'] } as never);
    suite.own({ close: () => void srf.disconnect() });
    await new Promise<void>((resolve, reject) => srf.once('connect', (error: Error | null) => (error ? reject(error) : resolve())));
  }, 60_000);
  afterAll(() => suite.close());

  const handled = (body: (stage: Stage) => Promise<void>): ReturnType<typeof staged> => staged(body, { suite: () => suite });

  test('a web server is asked where a MESSAGE goes, and refuses it; what it is not asked about is served as ever', ...handled(async (stage) => {
    const peer = await peerOf(stage, server);
    const statusOf = async (method: string): Promise<number> => {
      const request = peer.request(method, `sip:1001@${server.address}`);
      peer.send(request);
      return (await peer.getFinal(request)).status;
    };
    expect(await statusOf('MESSAGE')).toBe(486);
    expect(Object.fromEntries(asked.splice(0)[0] ?? [])).toMatchObject({ site: '1', method: 'MESSAGE', uriUser: '1001', source_address: '127.0.0.1' });
    expect([await statusOf('OPTIONS'), await statusOf('REGISTER')]).toEqual([200, 401]);
    expect(asked).toEqual([]);
  }));

  test('with maxBreadth 1 a program forks one after the other', ...handled(async (stage) => {
    const caller = await peerOf(stage, server);
    const invite = caller.request('INVITE', `sip:in-turn@${server.address}`, { body: sdp() });
    caller.send(invite);
    const [first, second] = targets as [SipPeer, SipPeer];
    const one = await first.getRequest('INVITE');
    expect(one.message.headers.get('max-breadth')).toBe('1');
    expect(second.countRequests('INVITE')).toBe(0);
    first.reply(one, 404);
    const two = await second.getRequest('INVITE');
    expect(two.message.headers.get('max-breadth')).toBe('1');
    second.reply(two, 200, { body: sdp() });
    expect((await caller.getFinal(invite)).status).toBe(200);
    expect(asked.splice(0).map((query) => query.get('uriUser'))).toEqual(['in-turn']);
  }));

  test('and nobody is called by one that wants both at once: 440', ...handled(async (stage) => {
    const caller = await peerOf(stage, server);
    const before = targets.map((target) => target.heard.length);
    const invite = caller.request('INVITE', `sip:together@${server.address}`, { body: sdp() });
    caller.send(invite);
    expect((await caller.getFinal(invite)).status).toBe(440);
    expect(targets.map((target) => target.heard.length)).toEqual(before);
  }));
});
