/** Requests outside dialogs, both ways: what reaches the application, what leaves, and what the engine answers by itself. */
import { SipPeer } from '../../support/sip-peer';
import { pause } from '../../support/wait';
import { once, problems, startApp, startServer, type AppUnderTest, type ServerUnderTest, type TestRequest, type TestResponse } from './harness';

let server: ServerUnderTest;
let app: AppUnderTest;
let peer: SipPeer;
const seen: TestRequest[] = [];

beforeAll(async () => {
  server = await startServer();
  app = await startApp(server, (srf) => {
    srf.register((req, res) => {
      seen.push(req);
      const contact = req.get('Contact');
      res.send(200, { headers: { contact: contact.includes('expires=') ? contact : `${contact};expires=300`, 'x-note': 'kept', 'some-other': 'capitalised' } });
    });
    srf.options((req, res) => {
      seen.push(req);
      res.send(200);
    });
    srf.message((req, res) => {
      seen.push(req);
      res.send(req.get('X-Want') === undefined ? 202 : Number(req.get('X-Want')));
    });
  });
});

afterAll(async () => {
  app.close();
  await server.close();
  expect(problems).toEqual([]);
});

beforeEach(async () => {
  seen.length = 0;
  peer = await SipPeer.udp(server.udp);
});

afterEach(() => peer.close());

const own = (): string => `sip:127.0.0.1:${server.udp.port}`;

test('REGISTER reaches the application, and its answer comes back with the application\'s headers', async () => {
  const request = peer.request('REGISTER', own(), { headers: { Expires: '300' } });
  peer.send(request);
  const { message } = await peer.getResponse(200, 'REGISTER');
  expect(message.callId).toBe(request.callId);
  expect(message.cseq).toEqual({ seq: 1, method: 'REGISTER' });
  expect(message.fromTag).toBe(request.fromTag);
  expect(message.toTag).toBeDefined();
  expect(message.headers.get('contact')).toContain(';expires=300');
  const names = [...message.headers].map((header) => header.name);
  expect(names).toEqual(expect.arrayContaining(['x-note', 'Some-Other']));
  expect(seen[0]).toMatchObject({ source: 'network', protocol: 'udp', source_address: '127.0.0.1', source_port: peer.port, receivedOn: `127.0.0.1:${server.udp.port}` });
});

test('the source port is stamped into the top Via, and received when the address differs', async () => {
  peer.send(peer.request('OPTIONS', own(), { advertised: { host: '192.0.2.7', port: 5060 } }));
  const { message } = await peer.getResponse(200, 'OPTIONS');
  expect(message.topVia).toMatchObject({ host: '192.0.2.7', port: 5060, rport: peer.port, received: '127.0.0.1' });
  expect(seen[0]!.get('Via')).toContain(`rport=${peer.port}`);
  expect(seen[0]!.get('Via')).toContain('received=127.0.0.1');
});

test('compact names, folded lines and repeated headers reach the application in their long form', async () => {
  const id = `compact-${peer.port}@peer`;
  peer.send(
    [
      `MESSAGE ${own()} SIP/2.0`,
      `v: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKcompact${peer.port}`,
      'f: <sip:alice@example.com>;tag=c1',
      't: <sip:bob@example.com>',
      `i: ${id}`,
      'CSeq: 1 MESSAGE',
      'Max-Forwards: 70',
      'r: <sip:carol@example.com>',
      'k: one,',
      '  two',
      'k: three',
      'c: text/plain',
      'l: 5',
      '',
      'hello',
    ].join('\r\n'),
  );
  await peer.getResponse(202, 'MESSAGE');
  expect(seen[0]!.get('Call-ID')).toBe(id);
  expect(seen[0]!.get('Refer-To')).toBe('<sip:carol@example.com>');
  expect(seen[0]!.get('Supported').replace(/\s/g, '')).toBe('one,two,three');
  expect(seen[0]!.body).toBe('hello');
});

test('a retransmitted request is answered again and delivered once', async () => {
  const request = peer.request('OPTIONS', own());
  peer.send(request);
  await peer.getResponse(200);
  peer.send(request);
  await peer.getResponse(200);
  expect(seen).toHaveLength(1);
});

test.each([
  ['BYE', 481],
  ['UPDATE', 481],
  ['PRACK', 481],
  ['CANCEL', 481],
  ['INVITE', 503],
  ['SUBSCRIBE', 503],
  ['REFER', 503],
  ['FROBNICATE', 501],
])('%s outside a dialog, with nobody registered for it, is answered %i by the engine', async (method, status) => {
  if (!server.can.strict && ['REFER', 'FROBNICATE', 'PRACK'].includes(method)) return;
  const request = peer.request(method, own());
  peer.send(request);
  const { message } = await peer.getResponse(status, method);
  if (method === 'INVITE') {
    expect(peer.countResponses(100)).toBe(1);
    peer.send(peer.request('ACK', own(), { from: message.headers.get('from')!, to: message.headers.get('to')!, callId: message.callId, headers: { Via: request.headers.get('via')! } }));
  }
  expect(message.toTag).toBeDefined();
  expect(seen).toHaveLength(0);
});

test('a request with a To tag that belongs to no dialog is answered 481', async () => {
  peer.send(peer.request('INVITE', own(), { to: '<sip:bob@example.com>;tag=nobody' }));
  await peer.getResponse(481, 'INVITE');
});

test('INVITE without Contact is answered 400', async () => {
  peer.send(peer.request('INVITE', own(), { headers: { Contact: '' } }));
  await peer.getResponse(400, 'INVITE');
});

test('a request of the application leaves with everything a request needs', async () => {
  const request = await app.srf.request(peer.uri, { method: 'OPTIONS', headers: { 'X-Thing': 'as given', subject: 'lower' } });
  const answered = once<[TestResponse]>();
  request.on('response', answered.fn);
  const heard = await peer.getRequest('OPTIONS');
  const { message } = heard;
  expect(message.uri).toBe(peer.uri);
  expect(message.topVia).toMatchObject({ protocol: 'UDP', host: '127.0.0.1' });
  expect(message.topVia.branch).toMatch(/^z9hG4bK/);
  expect(message.headers.get('max-forwards')).toBe('70');
  expect(message.fromTag).toBeDefined();
  expect(message.to.uri).toBe(peer.uri);
  expect(message.toTag).toBeUndefined();
  expect(message.callId.length).toBeGreaterThan(8);
  expect(message.cseq.method).toBe('OPTIONS');
  expect(message.headers.get('X-Thing')).toBe('as given');
  expect(message.headers.get('Subject')).toBe('lower');
  expect(message.headers.has('contact')).toBe(false);
  expect(request.get('Call-ID')).toBe(message.callId);
  peer.reply(heard, 200, { headers: { Server: 'peer' } });
  const [response] = await answered.called;
  expect(response.status).toBe(200);
  expect(response.get('Server')).toBe('peer');
});

test('the first response is never lost to a caller that awaits the request, however quick the peer is', async () => {
  const rounds = 30;
  let quick = 0;
  for (let i = 0; i < rounds; i++) {
    const answered = peer.getRequest('OPTIONS').then((heard) => peer.reply(heard, 200));
    const request = await app.srf.request(peer.uri, { method: 'OPTIONS' });
    const response = once<[TestResponse]>();
    request.on('response', response.fn);
    await answered;
    const got = await Promise.race([response.called, pause(500).then(() => undefined)]);
    if (got) quick++;
  }
  expect(quick).toBe(rounds);
});

test('the application\'s From, To, Call-ID, CSeq and next hop are honoured; localhost becomes the engine', async () => {
  const pending = app.srf.request('sip:carol@nowhere.invalid', {
    method: 'MESSAGE',
    proxy: `sip:127.0.0.1:${peer.port}`,
    headers: { From: '"Al" <sip:al@localhost>;tag=mine', To: '<sip:carol@x.example>', 'Call-ID': `given-${peer.port}`, CSeq: '77 MESSAGE', 'Content-Type': 'text/plain' },
    body: 'hi there',
  });
  const heard = await peer.getRequest('MESSAGE');
  expect(heard.message.uri).toBe('sip:carol@nowhere.invalid');
  expect(heard.message.from).toMatchObject({ displayName: 'Al', uri: `sip:al@127.0.0.1:${server.udp.port}` });
  expect(heard.message.fromTag).toBe('mine');
  expect(heard.message.to.uri).toBe('sip:carol@x.example');
  expect(heard.message.callId).toBe(`given-${peer.port}`);
  expect(heard.message.cseq.seq).toBe(77);
  expect(heard.message.body.toString()).toBe('hi there');
  peer.reply(heard, 200);
  await pending;
});

test('a body of unknown type, a request to the engine itself, an unusable URI are refused with words', async () => {
  await expect(app.srf.request(peer.uri, { method: 'MESSAGE', body: 'plain' })).rejects.toThrow('missing content-type');
  await expect(app.srf.request(own(), { method: 'OPTIONS' })).rejects.toThrow('can not send request to myself');
  if (!server.can.strict) return;
  await expect(app.srf.request('tel:+4930123456', { method: 'OPTIONS' })).rejects.toThrow('invalid request-uri');
  await expect(app.srf.request('sips:bob@127.0.0.1', { method: 'OPTIONS' })).rejects.toThrow('transport not available');
});

test('nobody at the other end: 503 at once', async () => {
  const gone = await SipPeer.tcpServer();
  const uri = `sip:bob@127.0.0.1:${gone.port};transport=tcp`;
  await gone.close();
  const request = await app.srf.request(uri, { method: 'OPTIONS' });
  const answered = once<[TestResponse]>();
  request.on('response', answered.fn);
  const [response] = await answered.called;
  expect(response.status).toBe(503);
  expect(response.source_address).toBe('');
});

test('a phone that registered over TCP is reached over its connection, and 410 says that it is gone', async () => {
  const phone = await SipPeer.tcp(server.tcp);
  phone.send(phone.request('REGISTER', own(), { headers: { Contact: '<sip:tcpphone@df7jal23ls0d.invalid;transport=ws>' } }));
  await phone.getResponse(200, 'REGISTER');
  expect(seen[0]!.protocol).toBe('tcp');

  const first = await app.srf.request('sip:tcpphone@df7jal23ls0d.invalid;transport=ws', { method: 'OPTIONS' });
  const answered = once<[TestResponse]>();
  first.on('response', answered.fn);
  const heard = await phone.getRequest('OPTIONS');
  expect(heard.message.topVia.protocol).toBe('TCP');
  phone.reply(heard, 200);
  expect((await answered.called)[0].status).toBe(200);

  // By the address of the connection, as an application does that remembers where the REGISTER came from.
  const second = await app.srf.request('sip:tcpphone@df7jal23ls0d.invalid', { method: 'MESSAGE', proxy: `sip:127.0.0.1:${phone.port};transport=tcp`, body: 'x', headers: { 'Content-Type': 'text/plain' } });
  phone.reply(await phone.getRequest('MESSAGE'), 200);
  await new Promise<void>((resolve) => second.on('response', () => resolve()));

  await phone.close();
  await pause(50);
  const third = await app.srf.request('sip:tcpphone@df7jal23ls0d.invalid', { method: 'OPTIONS' });
  const last = once<[TestResponse]>();
  third.on('response', last.fn);
  expect((await last.called)[0].status).toBe(410);
});

test('a TCP registration that ends is forgotten', async () => {
  const phone = await SipPeer.tcp(server.tcp);
  const contact = '<sip:leaver@gone.invalid;transport=tcp>';
  phone.send(phone.request('REGISTER', own(), { headers: { Contact: contact } }));
  await phone.getResponse(200, 'REGISTER');
  phone.send(phone.request('REGISTER', own(), { headers: { Contact: `${contact};expires=0` } }));
  await phone.getResponse(200, 'REGISTER');
  const request = await app.srf.request('sip:leaver@gone.invalid', { method: 'OPTIONS' });
  const answered = once<[TestResponse]>();
  request.on('response', answered.fn);
  expect((await answered.called)[0].status).toBe(503);
  expect(phone.countRequests('OPTIONS')).toBe(0);
  await phone.close();
});

test('two challenges in one header of the application leave as two lines', async () => {
  const challenging = await startApp(server, (srf) =>
    srf.use('publish', (_req, res) => res.send(401, { headers: { 'WWW-Authenticate': 'Digest realm="x", nonce="1", algorithm=MD5,Digest realm="x", nonce="2", algorithm=SHA-256' } })),
  );
  peer.send(peer.request('PUBLISH', own()));
  const { message } = await peer.getResponse(401, 'PUBLISH');
  if (server.can.strict) expect(message.headers.getAll('www-authenticate')).toEqual(['Digest realm="x", nonce="1", algorithm=MD5', 'Digest realm="x", nonce="2", algorithm=SHA-256']);
  challenging.close();
});
