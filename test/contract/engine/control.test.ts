/** The control port: who may speak, who is asked, what happens when an application goes away. */
import { connect, type Socket } from 'node:net';
import Srf from 'drachtio-srf';
import { SipPeer, PeerDialog, sdp } from '../../support/sip-peer';
import { eventually, pause } from '../../support/wait';
import { problems, secret, startApp, startServer, strictly, type ServerUnderTest, type TestDialog, type TestSrf } from './harness';

let server: ServerUnderTest;
let peer: SipPeer;

beforeEach(async () => {
  server = await startServer({ limits: { maxControlConnections: 4, authenticateSeconds: 1, maxControlFrameBytes: 20_000 } });
  peer = await SipPeer.udp(server.udp);
});

afterEach(async () => {
  await peer.close();
  await server.close();
  expect(problems).toEqual([]);
});

const own = (): string => `sip:127.0.0.1:${server.udp.port}`;

/** A connection that says what a test says. */
async function raw(): Promise<{ socket: Socket; text: () => string; closed: Promise<void>; frame: (payload: string) => void }> {
  const socket = connect(server.control);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { socket, text: () => text, closed, frame: (payload) => void socket.write(`${Buffer.byteLength(payload)}#${payload}`) };
}

test('the greeting names addresses and a version drachtio-srf sends pings to', async () => {
  const client = await raw();
  client.frame(`id1|authenticate|${server.control.secret}|`);
  const answer = await eventually('the answer', () => client.text() !== '' && client.text());
  const tokens = answer.slice(answer.indexOf('#') + 1).split('|');
  expect(tokens.slice(1, 4)).toEqual(['response', 'id1', 'OK']);
  expect(tokens[4]).toContain(`udp/127.0.0.1:${server.udp.port}`);
  expect(tokens[4]).toContain(`tcp/127.0.0.1:${server.tcp.port}`);
  expect(tokens[5]).toMatch(/^v\d+\.\d+\.\d+/);
  expect(tokens[6]).toBe(tokens[4]);
  client.frame('id2|ping');
  await eventually('the pong', () => client.text().includes('response|id2|OK|pong'));
  client.socket.destroy();
});

test('a wrong secret is refused and the connection closed', async () => {
  const client = await raw();
  client.frame('id1|authenticate|wrong|');
  await client.closed;
  expect(client.text()).toContain('response|id1|NO|incorrect secret');
  if (server.can.strict) expect(server.stats().control.counters.wrongSecret).toBe(1);

  const srf = new Srf() as unknown as TestSrf;
  const refused = await new Promise<Error | null>((resolve) => {
    srf.on('connect', (error: Error | null) => resolve(error));
    srf.on('error', () => undefined);
    srf.connect({ ...server.control, secret: 'wrong' });
  });
  expect(refused?.message).toMatch(/failed to authenticate/);
  srf.disconnect();
});

strictly('nothing is served before the secret', async () => {
  const client = await raw();
  client.frame('id1|route|register');
  await client.closed;
  expect(client.text()).toContain('NO|not authenticated');
  peer.send(peer.request('REGISTER', own()));
  await peer.getResponse(503, 'REGISTER');

  const other = await raw();
  other.frame(`id1|sip||\r\nOPTIONS ${peer.uri} SIP/2.0\r\n\r\n`);
  await other.closed;
  await pause(30);
  expect(peer.countRequests('OPTIONS')).toBe(0);
  expect(server.stats().control.counters.unauthenticated).toBe(2);
});

strictly('silence before the secret ends the connection, and so does garbage', async () => {
  const silent = await raw();
  await silent.closed;
  expect(server.stats().control.counters.greetingTimeouts).toBe(1);
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '0#', '99999999999#x', '-5#abc', '3#|||', '9000#x']) {
    const client = await raw();
    client.socket.write(garbage);
    await client.closed;
  }
  expect(server.stats().control.counters.malformed).toBe(6);
});

strictly('an authenticated application may send large frames, up to the limit', async () => {
  const client = await raw();
  client.frame(`id1|authenticate|${secret}|`);
  client.frame(`id2|sip||\r\nMESSAGE ${peer.uri} SIP/2.0\r\nContent-Type: text/plain\r\n\r\n${'x'.repeat(15_000)}`);
  const { message } = await peer.getRequest('MESSAGE');
  expect(message.body).toHaveLength(15_000);
  client.socket.write('20001#');
  await client.closed;
});

strictly('frames in one piece, in many pieces, and many large ones at once', async () => {
  const client = await raw();
  const greeting = `id1|authenticate|${secret}|`;
  for (const byte of Buffer.from(`${greeting.length}#${greeting}`)) {
    client.socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually('the greeting to be answered', () => client.text().includes('response|id1|OK'));
  const frames: string[] = [];
  for (let i = 0; i < 300; i++) {
    const payload = `m${i}|sip||\r\nMESSAGE ${peer.uri} SIP/2.0\r\nContent-Type: text/plain\r\n\r\n${'x'.repeat(3000 + 20 * i)}`;
    frames.push(`${payload.length}#${payload}`);
  }
  client.socket.write(frames.join(''));
  await eventually('every one to be answered', () => client.text().split('Msg sent:').length === 301);
  for (let i = 0; i < 300; i++) expect(client.text()).toContain(`response|m${i}|OK`);
  client.socket.destroy();
});

strictly('no more connections than allowed', async () => {
  const clients = await Promise.all([raw(), raw(), raw(), raw()]);
  const fifth = await raw();
  await fifth.closed;
  expect(server.stats().control.counters.refusedConnections).toBe(1);
  for (const client of clients) client.socket.destroy();
  await Promise.all(clients.map((client) => client.closed));
});

strictly('malformed commands are answered in words, the connection stays', async () => {
  const client = await raw();
  client.frame(`id1|authenticate|${secret}|`);
  client.frame('id2|sip||\r\nthis is no SIP');
  client.frame('id3|sip|some-id|\r\nINFO sip:a@b SIP/2.0\r\n\r\n');
  client.frame('id4|sip');
  client.frame('id5|dance');
  client.frame('id6|proxy|x||fullResponse||serial|||sip:a@b\r\nINVITE sip:a@b SIP/2.0\r\n\r\n');
  client.frame('id7|sip|unknown|\r\nSIP/2.0 200 OK\r\n\r\n');
  client.frame('id8|ping');
  await eventually('the last answer', () => client.text().includes('id8|OK'));
  for (const [id, text] of [
    ['id2', 'NOK|invalid request-uri'],
    ['id3', 'NOK|a transaction id goes with'],
    ['id4', 'NOK|'],
    ['id5', 'NOK|unknown command: dance'],
    ['id6', 'NOK|Unknown transaction id: x'],
    ['id7', 'NOK|Response not sent due to unknown transaction'],
  ]) {
    expect(client.text()).toContain(`response|${id}|${text}`);
  }
  client.socket.destroy();
});

strictly('a header that cannot be sent is left out, the rest is', async () => {
  const client = await raw();
  client.frame(`id1|authenticate|${secret}|`);
  client.frame(`id2|sip||\r\nOPTIONS ${peer.uri} SIP/2.0\r\nGood: yes\r\nno colon here\r\nbad name: x\r\nRoute: <sip:evil@example.com>\r\nVia: SIP/2.0/UDP evil\r\n\r\n`);
  const { message } = await peer.getRequest('OPTIONS');
  expect(message.headers.get('Good')).toBe('yes');
  expect(message.headers.has('route')).toBe(false);
  expect(message.headers.getAll('via')).toHaveLength(1);
  client.socket.destroy();
});

test('two applications take turns; one that takes its route back is not asked', async () => {
  const asked: string[] = [];
  const start = (name: string): ReturnType<typeof startApp> =>
    startApp(server, (srf) => {
      srf.options((_req, res) => {
        asked.push(name);
        res.send(200);
      });
      srf.message((_req, res) => {
        asked.push(`${name}-message`);
        res.send(200);
      });
    });
  const first = await start('first');
  const second = await start('second');
  // Registering another verb makes drachtio-srf send all its routes again: still one turn each.
  first.srf.use('publish', (_req, res) => res.send(200));
  await pause(30);
  for (let i = 0; i < 6; i++) {
    peer.send(peer.request('OPTIONS', own()));
    await peer.getResponse(200, 'OPTIONS');
  }
  if (server.can.strict) expect(asked.filter((name) => name === 'first')).toHaveLength(3);
  expect(new Set(asked)).toEqual(new Set(['first', 'second']));

  asked.length = 0;
  second.srf.unregisterForMessages('options');
  await pause(30);
  for (let i = 0; i < 3; i++) {
    peer.send(peer.request('OPTIONS', own()));
    await peer.getResponse(200, 'OPTIONS');
  }
  expect(asked).toEqual(['first', 'first', 'first']);
  if (server.can.strict) {
    asked.length = 0;
    for (let i = 0; i < 2; i++) {
      peer.send(peer.request('MESSAGE', own()));
      await peer.getResponse(200, 'MESSAGE');
    }
    expect(asked.sort()).toEqual(['first-message', 'second-message']);
  }
  first.close();
  second.close();
});

test('in-dialog requests go to the application that has the dialog', async () => {
  const dialogs: string[] = [];
  const start = (name: string): ReturnType<typeof startApp> =>
    startApp(server, (srf) =>
      srf.invite((req, res) => {
        void srf.createUAS(req, res, { localSdp: sdp(40002) }).then((dialog) => dialog.on('destroy', () => dialogs.push(name)));
        dialogs.push(`${name}-answered`);
      }),
    );
  const apps = [await start('first'), await start('second')];
  for (let i = 0; i < 2; i++) {
    const invite = peer.request('INVITE', own(), { body: sdp() });
    peer.send(invite);
    const call = PeerDialog.caller(peer, invite, await peer.getResponse(200, 'INVITE'));
    call.ack();
    await pause(20);
    call.send('BYE');
    await peer.getResponse(200, 'BYE');
  }
  await eventually('both to end', () => dialogs.length === 4);
  expect(dialogs[0]).toBe(`${dialogs[1]}-answered`);
  expect(dialogs[2]).toBe(`${dialogs[3]}-answered`);
  for (const app of apps) app.close();
});

test('an application that goes away: its calls answer 481, its open INVITE gets a final response', async () => {
  let made: TestDialog | undefined;
  let open = false;
  const app = await startApp(server, (srf) =>
    srf.invite((req, res) => {
      if (req.get('X-Open') !== undefined) open = true;
      else void srf.createUAS(req, res, { localSdp: sdp(40002) }).then((dialog) => (made = dialog));
    }),
  );
  const invite = peer.request('INVITE', own(), { body: sdp() });
  peer.send(invite);
  const call = PeerDialog.caller(peer, invite, await peer.getResponse(200, 'INVITE'));
  call.ack();
  await eventually('the dialog', () => made);
  const second = peer.request('INVITE', own(), { body: sdp(), headers: { 'X-Open': 'yes' } });
  peer.send(second);
  await eventually('the open one', () => open);
  app.close();
  if (server.can.strict) {
    const { message } = await peer.getResponse(503, 'INVITE');
    expect(message.callId).toBe(second.callId);
    expect(server.stats().core).toMatchObject({ dialogs: 0, incoming: 0 });
  } else await pause(100);
  call.send('INFO');
  await peer.getResponse(481, 'INFO');
});

strictly('an application that goes away while it calls: the INVITE is cancelled, an answer that comes all the same is ended', async () => {
  const app = await startApp(server, () => undefined);
  app.srf.createUAC(peer.uri, { localSdp: sdp(40002) }).catch(() => undefined);
  const invite = await peer.getRequest('INVITE');
  peer.reply(invite, 180);
  await pause(30);
  app.close();
  const cancel = await peer.getRequest('CANCEL');
  peer.reply(invite, 200, { body: sdp() });
  peer.reply(cancel, 481);
  await peer.getRequest('ACK');
  peer.reply(await peer.getRequest('BYE'), 200);
  expect(server.stats().core.dialogs).toBe(0);
});
