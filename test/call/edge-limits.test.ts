/** What a stranger may do at the edge of the built server, each bound by its setting. */
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import type { SipRequest } from '../../signaling/engine/wire/message';
import { SipPeer } from '../support/sip-peer';
import { Server } from '../support/server';
import { Stage } from '../support/stage';
import { eventually, pause } from '../support/wait';

const stage = new Stage();
const peers: SipPeer[] = [];
const PLACES = 4;
const RATE = 5;
const MANY = 40;
/** One for connections and messages, one for the rate of requests, one for what a client is before it is known. */
let edge: Server;
let rated: Server;
let opening: Server;
let webSockets: number;
/** Two that are there first; one of them says something now and then. */
let silent: SipPeer;
let talking: SipPeer;
let talk: NodeJS.Timeout;
let since: number;

async function tcp(server = edge): Promise<SipPeer> {
  const peer = await SipPeer.tcp(server);
  peers.push(peer);
  return peer;
}

async function udp(server = edge): Promise<SipPeer> {
  const peer = await SipPeer.udp(server);
  peers.push(peer);
  return peer;
}

const question = (peer: SipPeer, body = ''): SipRequest => peer.request('OPTIONS', 'sip:edge.test', { body });

async function statusOf(peer: SipPeer, body = ''): Promise<number> {
  const request = question(peer, body);
  peer.send(request);
  return (await peer.getFinal(request)).status;
}

const answersTo = (peer: SipPeer): number[] => peer.heard.map(({ message }) => ('status' in message ? message.status : 0));

afterEach(() => Promise.all(peers.splice(0).map((peer) => peer.close())));

beforeAll(async () => {
  webSockets = await stage.port();
  [edge, rated, opening] = await Promise.all([
    Server.start(stage, { extensions: [], settings: { 'sip.maxConnectionsPerSource': PLACES, 'sip.tcpIdleSeconds': 10, 'sip.maxMessageBytes': 2_048, 'sip.unfinishedSeconds': 1 } }),
    Server.start(stage, { extensions: [], settings: { 'sip.maxRequestsPerSecond': RATE, 'sip.unlimitedNets': '' } }),
    Server.start(stage, {
      extensions: [],
      settings: { 'sip.ws': `127.0.0.1:${webSockets}`, 'sip.maxConnections': PLACES, 'sip.handshakeSeconds': 1, 'sip.firstMessageSeconds': 2, 'sip.webSocketPingSeconds': 1, 'sip.maxHeaders': 20, 'sip.maxUnparsableBytes': 1_000 },
    }),
  ]);
  [silent, talking] = [await SipPeer.tcp(edge), await SipPeer.tcp(edge)];
  for (const peer of [silent, talking]) expect(await statusOf(peer)).toBe(200);
  since = Date.now();
  talk = setInterval(() => talking.send('\r\n\r\n'), 1_000);
}, 60_000);

afterAll(async () => {
  clearInterval(talk);
  await Promise.all([silent, talking].map((peer) => peer?.close()));
  await stage.close();
});

test('sip.maxConnectionsPerSource: one more is closed at once, and let in when another has gone', async () => {
  const others = [await tcp(), await tcp()];
  for (const peer of others) expect(await statusOf(peer)).toBe(200);
  const more = await tcp();
  await eventually('it to be closed', () => more.closedByOther);
  expect(await statusOf(talking)).toBe(200);
  // Datagrams are no connections.
  expect(await statusOf(await udp())).toBe(200);
  await others[0]!.close();
  await eventually('a place', async () => {
    const next = await tcp();
    next.send(question(next));
    await eventually('an answer, or the end', () => next.closedByOther || next.countResponses(200) === 1);
    return !next.closedByOther;
  });
});

test('sip.unfinishedSeconds: half a message is not waited for longer', async () => {
  const slow = await tcp();
  slow.send('OPTIONS sip:');
  await eventually('it to be cut off', () => slow.closedByOther);
  expect(await statusOf(talking)).toBe(200);
});

test('sip.maxMessageBytes: 413 to a longer one; a connection is closed with it', async () => {
  const [stream, datagrams] = [await tcp(), await udp()];
  const [fits, long] = ['x'.repeat(1_400), 'x'.repeat(2_400)];
  expect([await statusOf(stream, fits), await statusOf(datagrams, fits)]).toEqual([200, 200]);
  expect([await statusOf(stream, long), await statusOf(datagrams, long)]).toEqual([413, 413]);
  await eventually('the connection to be closed', () => stream.closedByOther);
  expect(await statusOf(datagrams)).toBe(200);
});

test('sip.maxRequestsPerSecond over TCP: 503 with Retry-After to those above it, and the connection stays', async () => {
  const peer = await tcp(rated);
  for (let n = 0; n < MANY; n++) peer.send(question(peer));
  await eventually('all to be answered', () => answersTo(peer).length === MANY);
  // Two seconds' worth at once, and what the time that it took has brought.
  expect(peer.countResponses(200)).toBeGreaterThanOrEqual(2 * RATE);
  expect(peer.countResponses(200)).toBeLessThan(MANY - RATE);
  expect(peer.countResponses(200) + peer.countResponses(503)).toBe(MANY);
  expect((await peer.getResponse(503)).message.headers.get('retry-after')).toBe('1');
  await eventually('requests to be served again', async () => {
    await pause(1_000 / RATE);
    return (await statusOf(peer)) === 200;
  });
});

test('sip.maxRequestsPerSecond over UDP: those above it are dropped, and one that is sent again is served in time', async () => {
  const peer = await udp(rated);
  const requests = Array.from({ length: MANY }, () => question(peer));
  for (const request of requests) peer.send(request);
  const last = requests[MANY - 1]!;
  await eventually('the last one to be served', async () => {
    await pause(1_000 / RATE);
    peer.send(last);
    return peer.heard.some(({ message }) => message.callId === last.callId);
  });
  expect(new Set(answersTo(peer))).toEqual(new Set([200]));
  expect(answersTo(peer).length).toBeLessThan(MANY - RATE);
});

test('sip.tcpIdleSeconds: a silent connection is closed after it, one that pings is not', async () => {
  await eventually('the silent one to be closed', () => silent.closedByOther, 15_000);
  expect(Date.now() - since).toBeGreaterThan(9_900);
  expect(talking.closedByOther).toBe(false);
  expect(await statusOf(talking)).toBe(200);
});

test('sip.maxConnections: one more than so many in all is closed at once', async () => {
  const all = await Promise.all(Array.from({ length: PLACES }, () => tcp(opening)));
  for (const peer of all) expect(await statusOf(peer)).toBe(200);
  const more = await tcp(opening);
  await eventually('it to be closed', () => more.closedByOther);
  expect(await statusOf(await udp(opening))).toBe(200);
  expect(all.map(({ closedByOther }) => closedByOther)).toEqual(all.map(() => false));
});

test('sip.handshakeSeconds: a WebSocket that is not opened is not waited for longer', async () => {
  const socket = connect({ host: '127.0.0.1', port: webSockets });
  try {
    let gone = false;
    socket.on('error', () => undefined).on('close', () => (gone = true));
    socket.write('GET / HTTP/1.1\r\n');
    await eventually('it to be cut off', () => gone);
  } finally {
    socket.destroy();
  }
});

test('sip.firstMessageSeconds: pings alone are not enough for a connection to be kept', async () => {
  const [pinging, known] = [await tcp(opening), await tcp(opening)];
  expect(await statusOf(known)).toBe(200);
  const pings = setInterval(() => pinging.send('\r\n\r\n'), 250);
  try {
    await eventually('it to be closed', () => pinging.closedByOther);
  } finally {
    clearInterval(pings);
  }
  expect(pinging.other).toContain('\r\n');
  expect(await statusOf(known)).toBe(200);
});

test('sip.webSocketPingSeconds: one that does not answer pings is closed, one that does is not', async () => {
  const made = [false, true].map((autoPong) => new WebSocket(`ws://127.0.0.1:${webSockets}`, 'sip', { autoPong }).on('error', () => undefined));
  const event = (socket: WebSocket, name: 'open' | 'message'): Promise<void> => new Promise((resolve) => void socket.once(name, () => resolve()));
  const word = (name: string): string =>
    ['OPTIONS sip:edge.test SIP/2.0', `Via: SIP/2.0/WS ${name}.invalid;branch=z9hG4bK${name}`, `From: <sip:${name}@edge.test>;tag=1`, 'To: <sip:edge.test>', `Call-ID: ${name}`, 'CSeq: 1 OPTIONS', 'Max-Forwards: 70', 'Content-Length: 0', '', ''].join('\r\n');
  try {
    await Promise.all(made.map((one) => event(one, 'open')));
    // Answered once, so that nobody waits for their first word any more.
    const answered = Promise.all(made.map((one) => event(one, 'message')));
    for (const [index, one] of made.entries()) one.send(word(`ws${index}`));
    await answered;
    const [silent, answering] = made as [WebSocket, WebSocket];
    await eventually('the silent one to be closed', () => silent.readyState === WebSocket.CLOSED);
    expect(answering.readyState).toBe(WebSocket.OPEN);
  } finally {
    for (const one of made) one.terminate();
  }
});

test('sip.maxHeaders and sip.maxUnparsableBytes: more lines are refused, and a connection that brings many such messages is closed', async () => {
  const [stream, datagrams] = [await tcp(opening), await udp(opening)];
  const lines = (peer: SipPeer, count: number): SipRequest => peer.request('OPTIONS', 'sip:edge.test', { headers: { Subject: Array.from({ length: count }, (_, n) => `line ${n}`) } });
  for (const peer of [stream, datagrams]) {
    const [fits, more] = [lines(peer, 10), lines(peer, 20)];
    peer.send(fits);
    expect((await peer.getFinal(fits)).status).toBe(200);
    peer.send(more);
    expect((await peer.getFinal(more)).status).toBe(400);
  }
  expect(stream.closedByOther).toBe(false);
  stream.send(lines(stream, 30));
  await eventually('the connection to be closed', () => stream.closedByOther);
  expect(await statusOf(datagrams)).toBe(200);
});
