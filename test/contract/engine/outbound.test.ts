/**
 * Request handlers: the engine asks a web server where a new request goes, and calls applications that listen (`srf.listen`). Ours only: a
 * drachtio-server would have to be started with other settings for each of these.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import Srf from 'drachtio-srf';
import type { EngineOptions } from '../../../signaling/engine';
import { makeCertificate } from '../../support/certificate';
import { SipPeer, PeerDialog, sdp } from '../../support/sip-peer';
import { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';
import { problems, secret, startApp, startServer, strictly, type AppUnderTest, type ServerUnderTest, type TestRequest, type TestSrf } from './harness';

type Handlers = NonNullable<EngineOptions['control']['handlers']>;
type Answer = unknown | ((response: ServerResponse) => void);

const stage = new Stage();
let server: ServerUnderTest;
let peer: SipPeer;
let web: Server;
let answer: Answer;
const asked: Array<{ method: string; query: URLSearchParams; body: string; headers: IncomingMessage['headers'] }> = [];
const apps: AppUnderTest[] = [];
const listening: Server[] = [];

beforeAll(async () => {
  web = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      asked.push({ method: request.method ?? '', query: new URL(request.url ?? '', 'http://x').searchParams, body, headers: request.headers });
      if (typeof answer === 'function') (answer as (response: ServerResponse) => void)(response);
      else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
  await stage.close();
});

afterEach(async () => {
  for (const app of apps.splice(0)) app.close();
  asked.length = 0;
  problems.length = 0;
  await peer.close();
  await server.close();
  for (const one of listening.splice(0)) await new Promise((resolve) => one.close(resolve));
});

const url = (): string => `http://127.0.0.1:${(web.address() as AddressInfo).port}`;

async function serve(handlers: Handlers, limits: EngineOptions['limits'] = {}): Promise<void> {
  server = await startServer({ control: { port: 0, secret, handlers }, limits });
  peer = await SipPeer.udp(server.udp);
}

const bob = (params = ''): string => `sip:bob@127.0.0.1:${server.udp.port}${params}`;

async function statusOf(method: string, uri = bob()): Promise<number> {
  peer.send(peer.request(method, uri, { body: method === 'INVITE' ? sdp() : '' }));
  const final = await eventually('a final response', () => peer.heard.map((one) => one.message).find((one) => 'status' in one && one.status >= 200 && one.cseq.method === method));
  return (final as { status: number }).status;
}

/** An application that listens; resolves with its port. */
async function listen(prepare: (srf: TestSrf) => void, settings: object = {}): Promise<number> {
  const srf = new Srf() as unknown as TestSrf & { listen(options: object): Server };
  srf.on('error', () => undefined);
  prepare(srf);
  srf.listen({ port: 0, host: '127.0.0.1', secret, ...settings });
  // drachtio-srf tells nobody which port it got.
  const net = (srf as unknown as { _app: { client: { wp: { server: Server } } } })._app.client.wp.server;
  listening.push(net);
  await eventually('it to listen', () => net.listening);
  return (net.address() as AddressInfo).port;
}

strictly('the question carries the facts of the request', async () => {
  await serve([{ methods: ['INVITE'], url: `${url()}/where?site=1` }]);
  answer = { action: 'reject', data: { status: 503, reason: 'Max Calls' } };
  peer.send(peer.request('INVITE', bob(';foo=bar;lr'), { body: sdp(), from: '<sip:alice@example.com>;tag=1', to: '"B" <sip:robert@example.com>' }));
  const { message } = await peer.getResponse(503, 'INVITE');
  expect(message.reason).toBe('Max Calls');
  await peer.getResponse(100, 'INVITE');
  expect([...asked[0]!.query]).toEqual([
    ['site', '1'],
    ['method', 'INVITE'],
    ['domain', '127.0.0.1'],
    ['protocol', 'udp'],
    ['source_address', '127.0.0.1'],
    ['fromUser', 'alice'],
    ['toUser', 'robert'],
    ['uriUser', 'bob'],
    ['contentType', 'application/sdp'],
    ['uri', bob(';foo=bar;lr')],
    ['foo', 'bar'],
    ['lr', ''],
  ]);
  expect(asked[0]).toMatchObject({ method: 'GET', body: '', headers: { accept: 'application/json' } });
});

strictly('POST carries the message', async () => {
  await serve([{ methods: ['*'], url: url(), httpMethod: 'POST' }]);
  answer = { action: 'reject', data: { status: 404 } };
  expect(await statusOf('MESSAGE')).toBe(404);
  expect(asked[0]).toMatchObject({ method: 'POST', headers: { 'content-type': 'text/plain; charset=UTF-8' }, body: expect.stringMatching(/^MESSAGE sip:bob@.*\r\n\r\n$/s) as string });
});

strictly('redirect: 302 with the Contacts', async () => {
  await serve([{ methods: ['INVITE'], url: url() }]);
  answer = { action: 'redirect', data: { contact: ['sip:a@192.0.2.1', '<sip:b@192.0.2.2>;q=0.5'] } };
  peer.send(peer.request('INVITE', bob(), { body: sdp() }));
  const { message } = await peer.getResponse(302, 'INVITE');
  expect(message.headers.getAll('contact')).toEqual(['<sip:a@192.0.2.1>', '<sip:b@192.0.2.2>;q=0.5']);
});

strictly('proxy: to where the answer says, without an application', async () => {
  await serve([{ methods: ['INVITE'], url: url() }]);
  const target = await SipPeer.udp();
  answer = { action: 'proxy', data: { destination: [target.uri], recordRoute: true } };
  peer.send(peer.request('INVITE', bob(), { body: sdp() }));
  const invite = await target.getRequest('INVITE');
  expect(invite.message.headers.has('record-route')).toBe(true);
  target.reply(invite, 404);
  await peer.getResponse(404, 'INVITE');
  await target.close();
});

describe('route by tag', () => {
  strictly('an application that authenticated with the tag and wants the method', async () => {
    await serve([{ methods: ['*'], url: url() }]);
    const served: string[] = [];
    for (const tag of ['blue', 'red']) {
      const prepare = (srf: TestSrf): void => srf.options((_req, res) => (served.push(tag), res.send(200)));
      apps.push(await startApp({ ...server, control: { ...server.control, tags: [tag, 'any'] } as ServerUnderTest['control'] }, prepare));
    }
    answer = { action: 'route', data: { tag: 'red' } };
    for (let i = 0; i < 2; i++) {
      peer.send(peer.request('OPTIONS', bob()));
      await peer.getResponse(200, 'OPTIONS');
    }
    answer = { action: 'route', data: { tag: 'any' } };
    for (let i = 0; i < 2; i++) {
      peer.send(peer.request('OPTIONS', bob()));
      await peer.getResponse(200, 'OPTIONS');
    }
    expect(served.slice(0, 2)).toEqual(['red', 'red']);
    expect(served.slice(2).sort()).toEqual(['blue', 'red']);
    answer = { action: 'route', data: { tag: 'green' } };
    expect(await statusOf('MESSAGE')).toBe(480);
  });
});

describe('route by address', () => {
  /** Answers calls; notes what it hears. */
  function listener(notes: string[], end = false): (srf: TestSrf) => void {
    return (srf) =>
      srf.invite((req, res) => {
        notes.push(`INVITE ${(req as TestRequest & { receivedOn: string }).receivedOn}`);
        void srf.createUAS(req, res, { localSdp: sdp(40002) }).then((dialog) => {
          dialog.on('destroy', () => {
            notes.push('end');
            if (end) (srf as unknown as { endSession(message: unknown): void }).endSession(req);
          });
        });
      });
  }

  strictly('the engine connects to srf.listen, the call lives on that connection, srf.endSession ends it', async () => {
    await serve([{ methods: ['INVITE'], url: url() }]);
    const notes: string[] = [];
    const port = await listen(listener(notes, true));
    answer = { action: 'route', data: { uri: `127.0.0.1:${port}` } };
    for (let i = 0; i < 2; i++) {
      const invite = peer.request('INVITE', bob(), { body: sdp() });
      peer.send(invite);
      const call = PeerDialog.caller(peer, invite, await peer.getResponse(200, 'INVITE'));
      call.ack();
      await eventually('the ACK to be there', () => server.stats().control.connections === 1);
      call.send('INFO');
      await peer.getResponse(200, 'INFO');
      call.send('BYE');
      await peer.getResponse(200, 'BYE');
      await eventually('the connection to end', () => server.stats().control.connections === 0);
    }
    expect(notes).toEqual([`INVITE 127.0.0.1:${server.udp.port}`, 'end', `INVITE 127.0.0.1:${server.udp.port}`, 'end']);
  });

  strictly('a tcp: handler calls without asking, a tls: one over TLS', async () => {
    const notes: string[] = [];
    const certificate = await makeCertificate(stage);
    const plain = await listen(listener(notes));
    const files = { cert: readFileSync(certificate.certificate), key: readFileSync(certificate.key) };
    const secure = await listen((srf) => srf.options((_req, res) => (notes.push('OPTIONS'), res.send(200))), { tls: files });
    await serve([
      { methods: ['INVITE'], url: `tcp://127.0.0.1:${plain}` },
      { methods: ['*'], url: `tls://127.0.0.1:${secure}`, authorities: certificate.ca },
    ]);
    expect(await statusOf('OPTIONS')).toBe(200);
    expect(await statusOf('INVITE')).toBe(200);
    expect(notes).toEqual(['OPTIONS', `INVITE 127.0.0.1:${server.udp.port}`]);
    expect(asked).toEqual([]);
  });

  strictly('an application that cannot be reached, or does not know the secret: 480', async () => {
    await serve([{ methods: ['*'], url: url(), timeoutSeconds: 1 }], { authenticateSeconds: 1 });
    answer = { action: 'route', data: { uri: `127.0.0.1:${(await stage.port()).toString()}` } };
    expect(await statusOf('INVITE')).toBe(480);
    answer = { action: 'route', data: { uri: `127.0.0.1:${await listen(() => undefined, { secret: 'wrong' })}` } };
    expect(await statusOf('MESSAGE')).toBe(480);
    // Something that accepts and says nothing.
    answer = { action: 'route', data: { uri: `127.0.0.1:${(web.address() as AddressInfo).port}` } };
    expect(await statusOf('OPTIONS')).toBe(480);
    expect(server.stats().control).toMatchObject({ connections: 0, counters: { unreachedApplications: 3 } });
  });

  strictly('a caller that gives up while the application is being called is answered, and nothing is left', async () => {
    await serve([{ methods: ['*'], url: url() }]);
    const notes: string[] = [];
    const port = await listen(listener(notes));
    let reply: (() => void) | undefined;
    answer = (response: ServerResponse) => (reply = () => response.end(JSON.stringify({ action: 'route', data: { uri: `127.0.0.1:${port}` } })));
    const invite = peer.request('INVITE', bob(), { body: sdp() });
    peer.send(invite);
    await eventually('the question', () => reply);
    const { headers } = invite;
    peer.send(peer.request('CANCEL', bob(), { from: headers.get('from')!, to: headers.get('to')!, callId: invite.callId, headers: { Via: headers.get('via')! } }));
    await peer.getResponse(487, 'INVITE');
    reply!();
    await eventually('the application to be called', () => server.stats().control.counters.asked === 1 && server.stats().control.connections === 0);
    expect(server.stats().core).toMatchObject({ incoming: 0, dialogs: 0 });
    expect(notes).toEqual([]);
  });

  strictly('a connection on which nothing happens, of an application that owns nothing, is closed', async () => {
    const port = await listen((srf) => srf.options((_req, res) => res.send(200)));
    await serve([{ methods: ['*'], url: `tcp://127.0.0.1:${port}` }], { outboundIdleSeconds: 1 });
    expect(await statusOf('OPTIONS')).toBe(200);
    expect(server.stats().control.connections).toBe(1);
    await eventually('it to be closed', () => server.stats().control.connections === 0);
  });

  strictly('no more connections than allowed', async () => {
    const port = await listen((srf) => srf.options((_req, res) => res.send(200)));
    await serve([{ methods: ['*'], url: `tcp://127.0.0.1:${port}` }], { maxOutboundConnections: 1 });
    expect(await statusOf('OPTIONS')).toBe(200);
    expect(await statusOf('MESSAGE')).toBe(480);
  });
});

describe('a handler that does not help', () => {
  const never = (): void => undefined;
  strictly('gives 504 when it says nothing in time, 500 when it cannot be understood or reached', async () => {
    const cases: Array<[string, Answer, number]> = [
      ['MESSAGE', never, 504],
      ['OPTIONS', 'no JSON', 500],
      ['INVITE', { action: 'dance' }, 500],
      ['SUBSCRIBE', { action: 'reject', data: { status: 200 } }, 500],
      ['NOTIFY', (response: ServerResponse) => ((response.statusCode = 503), response.end('{}')), 500],
      ['PUBLISH', (response: ServerResponse) => (response.socket as Socket).destroy(), 500],
      ['INFO', 'x'.repeat(70_000), 500],
      ['REGISTER', { action: 'route', data: { uri: 'nowhere' } }, 500],
    ];
    await serve([{ methods: ['*'], url: url(), timeoutSeconds: 0.3 }]);
    for (const [method, given, status] of cases) {
      answer = given;
      expect([method, await statusOf(method)]).toEqual([method, status]);
    }
    expect(server.stats().control.counters).toMatchObject({ asked: cases.length, unanswered: cases.length });
    expect(problems).toHaveLength(cases.length);
  });

  strictly('is not asked about methods it was not told, and a wrong one keeps the engine from starting', async () => {
    await serve([{ methods: ['INVITE'], url: url() }]);
    expect(await statusOf('OPTIONS')).toBe(503);
    expect(asked).toEqual([]);
    for (const handler of [
      { methods: ['INVITE'], url: 'no url' },
      { methods: ['INVITE'], url: 'ftp://example.com' },
      { methods: ['INVITE'], url: 'tcp://example.com' },
      { methods: [], url: url() },
    ]) {
      await expect(startServer({ control: { port: 0, secret, handlers: [handler] } })).rejects.toMatchObject({ name: 'EngineStartError', setting: 'engine.control' });
    }
  });
});
