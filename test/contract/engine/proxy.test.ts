/** The `proxy` command (PROTOCOL 14): a stock drachtio-srf program has requests sent on between peers that do what the test says. */
import { once as onceEvent } from 'node:events';
import { connect } from 'node:net';
import { frameText, FrameReader } from '../../../signaling/engine/control/framing';
import type { SipRequest, SipResponse } from '../../../signaling/engine/wire/message';
import { need } from '../../support/peers';
import { PeerDialog, SipPeer, contactOf, sdp, type Heard } from '../../support/sip-peer';
import { Sipp } from '../../support/sipp';
import { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';
import { fastTimers, problems, startApp, startServer, strictly, timed, type AppUnderTest, type ServerUnderTest, type TestRequest, type TestResponse } from './harness';

interface ProxyOptions {
  remainInDialog?: boolean;
  recordRoute?: boolean;
  followRedirects?: boolean;
  forking?: 'simultaneous' | 'sequential';
  provisionalTimeout?: string;
  finalTimeout?: string;
  headers?: Record<string, string>;
}

interface ProxyResults {
  connected: boolean;
  finalStatus?: number;
  responses: Array<{ address: string; port: number; msgs: Array<{ time: string; status: number; msg: { headers: Record<string, string> } }> }>;
}

let server: ServerUnderTest;
let app: AppUnderTest;
let onRequest: (req: TestRequest, res: TestResponse) => void;
const peers: SipPeer[] = [];

function useServer(options: Parameters<typeof startServer>[0] = {}): void {
  beforeAll(async () => {
    server = await startServer(options);
    app = await startApp(server, (srf) => {
      for (const method of ['invite', 'register', 'message', 'options']) srf.use(method, (req, res) => onRequest(req, res));
    });
  });
  afterAll(async () => {
    app.close();
    await server.close();
    expect(problems).toEqual([]);
  });
  afterEach(async () => {
    await Promise.all(peers.splice(0).map((peer) => peer.close()));
  });
}

async function udp(): Promise<SipPeer> {
  const peer = await SipPeer.udp(server.udp);
  peers.push(peer);
  return peer;
}

async function tcpCaller(): Promise<SipPeer> {
  const peer = await SipPeer.tcp(server.tcp);
  peers.push(peer);
  return peer;
}

async function tcpTarget(): Promise<SipPeer> {
  const peer = await SipPeer.tcpServer();
  peers.push(peer);
  return peer;
}

const destination = (peer: SipPeer): string => `sip:x@127.0.0.1:${peer.port}${peer.protocol === 'tcp' ? ';transport=tcp' : ''}`;

/** What the application is to do with the next requests; resolves with what drachtio-srf makes of the first. */
function proxyTo(targets: SipPeer[] | string[], options: ProxyOptions = {}): Promise<ProxyResults> {
  return new Promise((resolve, reject) => {
    onRequest = (req) => {
      const uris = targets.map((one) => (typeof one === 'string' ? one : destination(one)));
      const { srf } = app as unknown as { srf: { proxyRequest(req: TestRequest, to: string[], options: ProxyOptions): Promise<ProxyResults> } };
      srf.proxyRequest(req, uris, options).then(resolve, reject);
    };
  });
}

const outcomes = (results: ProxyResults): number[] => results.responses.flatMap(({ msgs }) => msgs.map(({ status }) => status));

function invite(caller: SipPeer, options: Parameters<SipPeer['request']>[2] = {}): SipRequest {
  const request = caller.request('INVITE', 'sip:bob@example.com', { body: sdp(), ...options });
  caller.send(request);
  return request;
}

/** Of the transaction, for a response other than 2xx or a request that is given up. */
function inTransaction(method: 'ACK' | 'CANCEL', caller: SipPeer, request: SipRequest, to = request.headers.get('to')!): void {
  caller.send(
    caller.request(method, request.uri, { from: request.headers.get('from')!, to, callId: request.callId, cseq: request.cseq.seq, headers: { Via: request.headers.get('via')! } }),
  );
}

function ack(caller: SipPeer, request: SipRequest, response: Heard<SipResponse>): void {
  inTransaction('ACK', caller, request, response.message.headers.get('to')!);
}

const routeOf = (message: SipRequest | SipResponse): string[] => message.headers.getList('record-route');

describe('proxying', () => {
  useServer();

  describe('a call that stays with the proxy', () => {
    const sides: Array<[string, () => Promise<SipPeer>, () => Promise<SipPeer>, number]> = [
      ['UDP to UDP', udp, udp, 1],
      ['TCP to UDP', tcpCaller, udp, 2],
      ['UDP to TCP', udp, tcpTarget, 2],
      ['TCP to TCP', tcpCaller, tcpTarget, 1],
    ];
    for (const [name, from, to, entries] of sides) {
      // drachtio-server has one entry in any case.
      const contract = entries === 1 ? test : strictly;
      contract(`${name}: record-routed; ACK, re-INVITE, INFO and BYE go through from both sides`, async () => {
        const caller = await from();
        const target = await to();
        const results = proxyTo([target], { remainInDialog: true });
        const request = invite(caller);
        const heard = await target.getRequest('INVITE');
        expect(heard.message.headers.get('max-forwards')).toBe('69');
        expect(heard.message.headers.getAll('via')).toHaveLength(2);
        expect(routeOf(heard.message)).toHaveLength(entries);
        expect(routeOf(heard.message)[0]).toMatch(/^<sip:127\.0\.0\.1:\d+(;transport=tcp)?;lr(;[^>]*)?>$/);
        target.reply(heard, 180);
        await caller.getResponse(180);
        const answer = target.reply(heard, 200, { body: sdp(40002) });
        const answered = await caller.getResponse(200, 'INVITE');
        expect(answered.message.headers.getAll('via')).toHaveLength(1);
        const here = PeerDialog.caller(caller, request, answered);
        const there = PeerDialog.called(target, heard, answer);
        const hereRoute = { headers: { Route: routeOf(answered.message).reverse().join(', ') } };
        const thereRoute = { headers: { Route: routeOf(heard.message).join(', ') } };
        here.ack(hereRoute);
        expect((await target.getRequest('ACK')).message.headers.has('route')).toBe(false);
        expect(await results).toMatchObject({ connected: true, finalStatus: 200 });

        here.send('INVITE', { ...hereRoute, body: sdp(40004) });
        const again = await target.getRequest('INVITE');
        expect(again.message.uri).toBe(contactOf(answer));
        target.reply(again, 200, { body: sdp(40006) });
        await caller.getResponse(200, 'INVITE');
        here.send('ACK', { ...hereRoute, cseq: 2 });
        await target.getRequest('ACK');

        there.send('INVITE', { ...thereRoute, body: sdp(40008) });
        const back = await caller.getRequest('INVITE');
        caller.reply(back, 200, { body: sdp(40010) });
        const ok = await target.getResponse(200, 'INVITE');
        there.send('ACK', { ...thereRoute, cseq: ok.message.cseq.seq });
        await caller.getRequest('ACK');

        there.send('INFO', thereRoute);
        caller.reply(await caller.getRequest('INFO'), 200);
        await target.getResponse(200, 'INFO');

        here.send('BYE', hereRoute);
        target.reply(await target.getRequest('BYE'), 200);
        await caller.getResponse(200, 'BYE');
        if (server.can.strict) expect(server.stats().core).toMatchObject({ dialogs: 0, incoming: 0, proxying: 0 });
      });
    }

    test('BYE from the called side', async () => {
      const caller = await udp();
      const target = await udp();
      const results = proxyTo([target], { recordRoute: true });
      const request = invite(caller);
      const heard = await target.getRequest('INVITE');
      const answer = target.reply(heard, 200, { body: sdp(40002) });
      const answered = await caller.getResponse(200, 'INVITE');
      PeerDialog.caller(caller, request, answered).ack({ headers: { Route: routeOf(answered.message).reverse().join(', ') } });
      await target.getRequest('ACK');
      await results;
      PeerDialog.called(target, heard, answer).send('BYE', { headers: { Route: routeOf(heard.message).join(', ') } });
      caller.reply(await caller.getRequest('BYE'), 200);
      await target.getResponse(200, 'BYE');
    });

    for (const [name, from, host] of [
      ['behind NAT', udp, '10.9.9.9'],
      ['in a browser', tcpCaller, 'df7jal.invalid'],
    ] as const) {
      strictly(`a caller ${name}, whose Contact leads nowhere, is reached over the flow it came by`, async () => {
        const caller = await from();
        const target = await udp();
        const results = proxyTo([target], { remainInDialog: true });
        const request = invite(caller, { advertised: { host, port: 5060 } });
        const heard = await target.getRequest('INVITE');
        const answer = target.reply(heard, 200, { body: sdp(40002) });
        const answered = await caller.getResponse(200, 'INVITE');
        PeerDialog.caller(caller, request, answered).ack({ headers: { Route: routeOf(answered.message).reverse().join(', ') } });
        await target.getRequest('ACK');
        await results;
        PeerDialog.called(target, heard, answer).send('BYE', { headers: { Route: routeOf(heard.message).join(', ') } });
        const bye = await caller.getRequest('BYE');
        expect(bye.message.uri).toContain(`@${host}:5060`);
        caller.reply(bye, 200);
        await target.getResponse(200, 'BYE');
      });
    }

    strictly('a request that was not let through before is not let through with our address in Route', async () => {
      const caller = await udp();
      const target = await udp();
      caller.send(caller.request('INFO', destination(target), { to: '<sip:bob@example.com>;tag=x', headers: { Route: `<sip:127.0.0.1:${server.udp.port};lr>` } }));
      await caller.getResponse(481, 'INFO');
      expect(target.heard).toHaveLength(0);
    });
  });

  test('without staying: no Record-Route, and the application\'s headers are in the copy', async () => {
    const caller = await udp();
    const target = await udp();
    const results = proxyTo([target], { headers: { 'X-Via-Proxy': 'yes' } });
    invite(caller, { headers: { 'X-Own': 'kept as it is' } });
    const heard = await target.getRequest('INVITE');
    expect(heard.message.uri).toBe('sip:bob@example.com');
    expect(routeOf(heard.message)).toEqual([]);
    expect([heard.message.headers.get('x-own'), heard.message.headers.get('x-via-proxy')]).toEqual(['kept as it is', 'yes']);
    target.reply(heard, 200, { body: sdp(40002) });
    await caller.getResponse(200, 'INVITE');
    const { responses, ...rest } = await results;
    expect(rest).toMatchObject({ connected: true, finalStatus: 200 });
    expect(responses).toEqual([{ address: '127.0.0.1', port: target.port, msgs: [expect.objectContaining({ status: 200 })] }]);
    expect(responses[0]!.msgs[0]!.time).toMatch(/^\d\d:\d\d:\d\d\.\d{6}$/);
    // As it came: with the Via of the server.
    expect(responses[0]!.msgs[0]!.msg.headers['via']).toMatch(/SIP\/2\.0\/UDP .*SIP\/2\.0\/UDP /s);
  });

  test('the destination replaces a Request-URI that is the server\'s own', async () => {
    const caller = await udp();
    const target = await udp();
    const results = proxyTo([target]);
    const request = caller.request('OPTIONS', `sip:bob@127.0.0.1:${server.udp.port}`);
    caller.send(request);
    const heard = await target.getRequest('OPTIONS');
    expect(heard.message.uri).toBe(destination(target));
    target.reply(heard, 200);
    await caller.getResponse(200, 'OPTIONS');
    await results;
  });

  test('one after the other: busy, then an answer', async () => {
    const caller = await udp();
    const [first, second] = [await udp(), await udp()];
    const results = proxyTo([first, second], { provisionalTimeout: '1500ms', finalTimeout: '20s' });
    invite(caller);
    first.reply(await first.getRequest('INVITE'), 486);
    await first.getRequest('ACK');
    const heard = await second.getRequest('INVITE');
    second.reply(heard, 180);
    await caller.getResponse(180);
    second.reply(heard, 200, { body: sdp(40002) });
    await caller.getResponse(200, 'INVITE');
    expect(caller.countResponses(486)).toBe(0);
    const got = await results;
    expect(got).toMatchObject({ connected: true, finalStatus: 200 });
    expect(outcomes(got)).toEqual([486, 200]);
  });

  for (const count of [2, 3]) {
    test(`all at once: ${count} targets ring, one answers, the others are cancelled`, async () => {
      const caller = await udp();
      const targets = await Promise.all(Array.from({ length: count }, udp));
      const results = proxyTo(targets, { forking: 'simultaneous' });
      invite(caller);
      const heard = await Promise.all(targets.map((target) => target.getRequest('INVITE')));
      targets.forEach((target, at) => target.reply(heard[at]!, 180));
      for (let i = 0; i < count; i++) await caller.getResponse(180);
      targets[0]!.reply(heard[0]!, 200, { body: sdp(40002) });
      const answered = await caller.getResponse(200, 'INVITE');
      expect(answered.message.toTag).toBe(`rt${targets[0]!.port}`);
      for (const [at, target] of targets.entries()) {
        if (at === 0) continue;
        target.reply(await target.getRequest('CANCEL'), 200);
        target.reply(heard[at]!, 487);
        await target.getRequest('ACK');
      }
      const got = await results;
      expect(got).toMatchObject({ connected: true, finalStatus: 200 });
      expect(outcomes(got)).toEqual([200]);
      expect(targets[0]!.countRequests('CANCEL')).toBe(0);
    });
  }

  test('all fail: the best response goes up', async () => {
    const caller = await udp();
    const [first, second] = [await udp(), await udp()];
    const results = proxyTo([first, second]);
    const request = invite(caller);
    first.reply(await first.getRequest('INVITE'), 503, { reason: 'Nope' });
    second.reply(await second.getRequest('INVITE'), 404);
    ack(caller, request, await caller.getResponse(404, 'INVITE'));
    const got = await results;
    expect(got).toMatchObject({ connected: false, finalStatus: 404 });
    expect(outcomes(got)).toEqual([503, 404]);
  });

  test('a challenge goes up at once; the request with credentials goes to whom they are for', async () => {
    const caller = await udp();
    const [first, second] = [await udp(), await udp()];
    const results = proxyTo([first, second]);
    const request = invite(caller);
    first.reply(await first.getRequest('INVITE'), 401, { headers: { 'WWW-Authenticate': 'Digest realm="r", nonce="n1"' } });
    ack(caller, request, await caller.getResponse(401, 'INVITE'));
    expect(outcomes(await results)).toEqual([401]);

    const next = proxyTo([first, second]);
    invite(caller, {
      callId: request.callId,
      cseq: 2,
      from: request.headers.get('from')!,
      headers: { Authorization: 'Digest username="u", realm="r", nonce="n1", uri="sip:bob@example.com", response="x"' },
    });
    const heard = await first.getRequest('INVITE');
    expect(heard.message.headers.get('authorization')).toContain('nonce="n1"');
    first.reply(heard, 200, { body: sdp(40002) });
    await caller.getResponse(200, 'INVITE');
    expect(await next).toMatchObject({ connected: true });
    expect(second.heard).toHaveLength(0);
  });

  strictly('the challenges of all targets go up together', async () => {
    const caller = await udp();
    const targets = [await udp(), await udp()];
    const results = proxyTo(targets, { forking: 'simultaneous' });
    const request = invite(caller);
    for (const [at, target] of targets.entries()) {
      target.reply(await target.getRequest('INVITE'), 407, { headers: { 'Proxy-Authenticate': `Digest realm="r${at}", nonce="n${at}"` } });
    }
    const challenged = await caller.getResponse(407, 'INVITE');
    expect(challenged.message.headers.getAll('proxy-authenticate').sort()).toEqual(['Digest realm="r0", nonce="n0"', 'Digest realm="r1", nonce="n1"']);
    ack(caller, request, challenged);
    await results;
  });

  test('a redirect is followed', async () => {
    const caller = await udp();
    const [first, second] = [await udp(), await udp()];
    const results = proxyTo([first], { followRedirects: true });
    invite(caller);
    first.reply(await first.getRequest('INVITE'), 302, { headers: { Contact: `<sip:new@127.0.0.1:${second.port}>` } });
    const heard = await second.getRequest('INVITE');
    // drachtio-server keeps the Request-URI, so that a redirect to another user leads to the old one.
    expect(heard.message.uri).toBe(server.can.strict ? `sip:new@127.0.0.1:${second.port}` : 'sip:bob@example.com');
    second.reply(heard, 200, { body: sdp(40002) });
    await caller.getResponse(200, 'INVITE');
    const got = await results;
    expect(got).toMatchObject({ connected: true, finalStatus: 200 });
    expect(outcomes(got)).toEqual([302, 200]);
  });

  test('or goes up', async () => {
    const caller = await udp();
    const target = await udp();
    const results = proxyTo([target]);
    const request = invite(caller);
    target.reply(await target.getRequest('INVITE'), 302, { headers: { Contact: '<sip:new@example.com>' } });
    const redirected = await caller.getResponse(302, 'INVITE');
    expect(redirected.message.headers.get('contact')).toBe('<sip:new@example.com>');
    ack(caller, request, redirected);
    expect(await results).toMatchObject({ connected: false, finalStatus: 302 });
  });

  test('a target that says nothing is left after the provisional timeout', async () => {
    const caller = await udp();
    const [silent, second] = [await udp(), await udp()];
    const results = proxyTo([silent, second], { provisionalTimeout: '200ms' });
    invite(caller);
    const heard = await second.getRequest('INVITE');
    expect(silent.countRequests('INVITE')).toBe(1);
    second.reply(heard, 200, { body: sdp(40002) });
    await caller.getResponse(200, 'INVITE');
    const got = await results;
    expect(got).toMatchObject({ connected: true, finalStatus: 200 });
    // drachtio-server does not mention it.
    if (server.can.strict) expect(outcomes(got)).toEqual([408, 200]);
  });

  strictly('a target that only rings is cancelled after the final timeout', async () => {
    const caller = await udp();
    const [ringing, second] = [await udp(), await udp()];
    const results = proxyTo([ringing, second], { finalTimeout: '200ms' });
    const request = invite(caller);
    const first = await ringing.getRequest('INVITE');
    ringing.reply(first, 180);
    await caller.getResponse(180);
    ringing.reply(await ringing.getRequest('CANCEL'), 200);
    ringing.reply(first, 487);
    second.reply(await second.getRequest('INVITE'), 486);
    ack(caller, request, await caller.getResponse(486, 'INVITE'));
    expect(outcomes(await results)).toEqual([408, 486]);
  });

  describe('the caller gives up', () => {
    test('after 180: the targets are cancelled', async () => {
      const caller = await udp();
      const targets = [await udp(), await udp()];
      const results = proxyTo(targets, { forking: 'simultaneous' });
      const request = invite(caller);
      const heard = await Promise.all(targets.map((target) => target.getRequest('INVITE')));
      targets.forEach((target, at) => target.reply(heard[at]!, 180));
      await caller.getResponse(180);
      await caller.getResponse(180);
      inTransaction('CANCEL', caller, request);
      await caller.getResponse(200, 'CANCEL');
      for (const [at, target] of targets.entries()) {
        target.reply(await target.getRequest('CANCEL'), 200);
        target.reply(heard[at]!, 487);
        await target.getRequest('ACK');
      }
      ack(caller, request, await caller.getResponse(487, 'INVITE'));
      expect(await results).toMatchObject({ connected: false, finalStatus: 487 });
    });

    test('before a target has said anything: 487 at once, and the target is cancelled when it speaks', async () => {
      const caller = await udp();
      const target = await udp();
      const results = proxyTo([target]);
      const request = invite(caller);
      const heard = await target.getRequest('INVITE');
      inTransaction('CANCEL', caller, request);
      await caller.getResponse(200, 'CANCEL');
      ack(caller, request, await caller.getResponse(487, 'INVITE'));
      target.reply(heard, 180);
      target.reply(await target.getRequest('CANCEL'), 200);
      target.reply(heard, 487);
      await target.getRequest('ACK');
      expect(await results).toMatchObject({ connected: false });
      expect(caller.countResponses(180)).toBe(0);
    });
  });

  test('REGISTER: with Path when it stays', async () => {
    const caller = await udp();
    const registrar = await udp();
    const results = proxyTo([registrar], { remainInDialog: true });
    caller.send(caller.request('REGISTER', 'sip:example.com'));
    const heard = await registrar.getRequest('REGISTER');
    expect(heard.message.headers.get('path')).toBe(`<sip:127.0.0.1:${server.udp.port};lr>`);
    expect(heard.message.headers.get('require')).toBe('path');
    registrar.reply(heard, 200, { headers: { Contact: `${heard.message.headers.get('contact')};expires=60` } });
    const registered = await caller.getResponse(200, 'REGISTER');
    expect(registered.message.headers.get('contact')).toContain('expires=60');
    expect(await results).toMatchObject({ connected: true, finalStatus: 200 });
  });

  test('MESSAGE, over TCP to UDP, its body untouched', async () => {
    const caller = await tcpCaller();
    const target = await udp();
    const results = proxyTo([target]);
    caller.send(caller.request('MESSAGE', 'sip:bob@example.com', { headers: { 'Content-Type': 'text/plain;charset=UTF-8' }, body: 'Grüße ✓' }));
    const heard = await target.getRequest('MESSAGE');
    expect(heard.message.body.toString()).toBe('Grüße ✓');
    expect(heard.message.headers.get('content-type')).toBe('text/plain;charset=UTF-8');
    target.reply(heard, 202);
    await caller.getResponse(202, 'MESSAGE');
    expect(outcomes(await results)).toEqual([202]);
  });

  describe('what cannot be done is said', () => {
    test('a request that has been answered, if only with 180', async () => {
      const caller = await udp();
      const refused = new Promise((resolve) => {
        onRequest = (req, res) => {
          res.send(180);
          void eventually('the 180', () => caller.countResponses(180) > 0).then(() => {
            req.proxy({ destination: 'sip:x@127.0.0.1:9' }).catch((error: unknown) => {
              resolve([error, `Unknown transaction id: ${req.stackTxnId}`]);
              res.send(480);
            });
          });
        };
      });
      const request = invite(caller);
      ack(caller, request, await caller.getResponse(480, 'INVITE'));
      const [error, words] = (await refused) as [unknown, string];
      expect(error).toBe(words);
    });

    test('no transport to any target: 500', async () => {
      const caller = await udp();
      const results = proxyTo(['sip:x@127.0.0.1:9;transport=sctp']);
      caller.send(caller.request('OPTIONS', 'sip:bob@example.com'));
      await expect(results).rejects.toMatch(/^error proxying request to /);
      await caller.getResponse(500, 'OPTIONS');
    });

    test('Max-Forwards 0: 483', async () => {
      const caller = await udp();
      const results = proxyTo(['sip:x@127.0.0.1:9']);
      caller.send(caller.request('OPTIONS', 'sip:bob@example.com', { headers: { 'Max-Forwards': '0' } }));
      await expect(results).rejects.toBe('Rejected with 483 Too Many Hops due to Max-Forwards value of 0');
      await caller.getResponse(483, 'OPTIONS');
    });

    strictly('a loop: 482; an extension for proxies: 420; a timeout that is none', async () => {
      const caller = await udp();
      const target = await udp();
      const first = proxyTo([target]);
      caller.send(caller.request('OPTIONS', 'sip:bob@example.com'));
      const heard = await target.getRequest('OPTIONS');
      const second = proxyTo([target]);
      const round = heard.message.clone();
      round.headers.prepend('Via', `SIP/2.0/UDP 127.0.0.1:${target.port};branch=z9hG4bKround${target.port}`);
      target.send(round, server.udp);
      await target.getResponse(482, 'OPTIONS');
      await expect(second).rejects.toMatch(/482/);
      target.reply(heard, 200);
      await first;

      const third = proxyTo([target]);
      caller.send(caller.request('OPTIONS', 'sip:bob@example.com', { headers: { 'Proxy-Require': 'foo' } }));
      expect((await caller.getResponse(420, 'OPTIONS')).message.headers.get('unsupported')).toBe('foo');
      await expect(third).rejects.toMatch(/420/);

      const fourth = proxyTo([target], { finalTimeout: 'soon' });
      caller.send(caller.request('OPTIONS', 'sip:bob@example.com'));
      await expect(fourth).rejects.toMatch(/^a timeout is a number followed by ms or s.*soon$/);
    });
  });

  strictly('without fullResponse there is one reply, as soon as a copy is out', async () => {
    onRequest = () => undefined;
    const socket = connect({ host: server.control.host, port: server.control.port });
    await onceEvent(socket, 'connect');
    const frames: string[] = [];
    const reader = new FrameReader(1 << 20);
    socket.on('data', (chunk) => reader.push(chunk, (payload) => void frames.push(payload)));
    const got = async (part: string): Promise<string> => {
      await eventually(part, () => frames.some((frame) => frame.includes(part)));
      return frames.find((frame) => frame.includes(part))!;
    };
    socket.write(frameText(`1|authenticate|${server.control.secret}|`));
    socket.write(frameText('2|route|publish'));
    await got('|response|2|OK');
    const caller = await udp();
    const target = await udp();
    caller.send(caller.request('PUBLISH', 'sip:bob@example.com'));
    const [, , , , , , , , transactionId] = (await got('PUBLISH sip:bob')).split('\r\n')[0]!.split('|');
    socket.write(frameText(`3|proxy|${transactionId}||||serial|||${destination(target)}\r\nPUBLISH ${destination(target)} SIP/2.0\r\nContent-Length: 0\r\n\r\n`));
    await got('|response|3|OK|done');
    target.reply(await target.getRequest('PUBLISH'), 200);
    await caller.getResponse(200, 'PUBLISH');
    expect(frames.filter((frame) => frame.includes('|response|3|'))).toHaveLength(1);
    socket.destroy();
  });
});

timed('proxying, with time running fast', () => {
  useServer({ timers: { ...fastTimers, c: 1500 } });

  test('an INVITE nobody answers: 408', async () => {
    const caller = await udp();
    const target = await udp();
    const results = proxyTo([target]);
    const request = invite(caller);
    ack(caller, request, await caller.getResponse(408, 'INVITE'));
    expect(target.countRequests('INVITE')).toBeGreaterThan(3);
    expect(await results).toMatchObject({ connected: false, finalStatus: 408 });
  });

  test('a MESSAGE nobody answers is reported; its sender hears nothing (RFC 4320)', async () => {
    const caller = await udp();
    const target = await udp();
    const results = proxyTo([target]);
    caller.send(caller.request('MESSAGE', 'sip:bob@example.com'));
    expect(await results).toMatchObject({ connected: false, finalStatus: 408 });
    expect(target.countRequests('MESSAGE')).toBeGreaterThan(3);
    expect(caller.countResponses(408)).toBe(0);
  });

  test('timer C: a target that only rings', async () => {
    const caller = await udp();
    const target = await udp();
    const results = proxyTo([target]);
    const request = invite(caller);
    const heard = await target.getRequest('INVITE');
    target.reply(heard, 180);
    target.reply(await target.getRequest('CANCEL'), 200);
    target.reply(heard, 487);
    ack(caller, request, await caller.getResponse(408, 'INVITE'));
    expect(await results).toMatchObject({ connected: false, finalStatus: 408 });
    expect(server.stats().core.counters.timerC).toBe(1);
  });

  test('nothing is left', async () => {
    await eventually('all transactions have ended', () => server.stats().transactions.client + server.stats().transactions.server === 0);
    expect(server.stats().core).toMatchObject({ dialogs: 0, incoming: 0, outgoing: 0, proxying: 0 });
  });
});


need('sipp')('proxying, between SIPp and SIPp', () => {
  const calls = 60;
  let stage: Stage;
  useServer();
  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => stage.close());

  for (const [from, to] of [
    ['udp', 'udp'],
    ['tcp', 'udp'],
    ['udp', 'tcp'],
  ] as const) {
    // drachtio-server's one Record-Route names the transport of one side only.
    const contract = from === to ? test : strictly;
    contract(`${calls} calls, ${from} to ${to}: the first target is busy, the second answers, ACK and BYE go through`, async () => {
      const target = (port: number, transport: string): string => `sip:x@127.0.0.1:${port};transport=${transport}`;
      const common = { calls, atOnce: calls, perSecond: 60 };
      const busy = await Sipp.start(stage, { ...common, scenario: 'callee-refuses', values: { status: '486 Busy Here' } });
      const answers = await Sipp.start(stage, { ...common, scenario: 'proxied-callee', transport: to });
      const results: Array<Promise<ProxyResults>> = [];
      onRequest = (req) => {
        const { srf } = app as unknown as { srf: { proxyRequest(req: TestRequest, to: string[], options: ProxyOptions): Promise<ProxyResults> } };
        results.push(srf.proxyRequest(req, [target(busy.port, 'udp'), target(answers.port, to)], { remainInDialog: true }));
      };
      const caller = await Sipp.run(stage, { ...common, scenario: 'proxied-caller', transport: from, server: `127.0.0.1:${server[from].port}`, values: { talkMs: 100 } });
      expect(caller).toMatchObject({ successful: calls, failed: 0 });
      for (const callee of [busy, answers]) expect(await callee.finished()).toMatchObject({ successful: calls, failed: 0 });
      const outcome = (await Promise.all(results)).map((one) => [one.connected, ...outcomes(one)]);
      expect(outcome).toEqual(Array.from({ length: calls }, () => [true, 486, 200]));
      if (server.can.strict) expect(server.stats().core).toMatchObject({ dialogs: 0, incoming: 0, proxying: 0 });
    });
  }
});
