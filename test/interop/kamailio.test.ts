/**
 * The other server, itself: every listener takes a registration, and it relays what the softphone's tests ask of it. When a test of our phone
 * through Kamailio fails and this one passes, the fault is ours.
 */
import { createHash } from 'node:crypto';
import { connect } from 'node:tls';
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import type { Notification, Sip, UserAgent as Agent } from '../../client/sip/sip-js';
import { makeCertificate } from '../support/certificate';
import { Child, run } from '../support/child';
import { Kamailio, KAMAILIO_REALM } from '../support/kamailio';
import { need, peerPath } from '../support/peers';
import { ScriptedPhone } from '../support/scripted-phone';
import { Stage, staged } from '../support/stage';
import { eventually, pause } from '../support/wait';

const PIDF = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:1002@${KAMAILIO_REALM}"><tuple id="a"><status><basic>open</basic></status></tuple></presence>`;

let suite: Stage;
let server: Kamailio;
let sip: Sip;
const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 30 });

/** A user agent of sip.js over a WebSocket, registered. What it is told lands in `heard`. */
async function agent(stage: Stage, user: string, transport: 'ws' | 'wss' = 'ws'): Promise<{ ua: Agent; heard: string[] }> {
  const heard: string[] = [];
  const { user: authorizationUsername, password: authorizationPassword } = server.account(user);
  const uri = sip.UserAgent.makeURI(`sip:${user}@${KAMAILIO_REALM}`);
  if (!uri) throw new Error('no address');
  const ua = new sip.UserAgent({
    uri, authorizationUsername, authorizationPassword, logBuiltinEnabled: false,
    transportOptions: { server: `${transport}://${server.server(transport)}`, connectionTimeout: 5 },
    delegate: {
      onMessage: (message) => {
        heard.push(message.request.body);
        void message.accept();
      },
    },
  });
  stage.own({ close: () => Promise.race([ua.stop().catch(() => undefined), pause(1000)]), report: () => `--- sip.js ${user}: ${JSON.stringify(heard)}` });
  await ua.start();
  const registerer = new sip.Registerer(ua);
  await registerer.register();
  await eventually(`${user} to be registered over ${transport}`, () => registerer.state === sip.RegistererState.Registered, 5000);
  return { ua, heard };
}

const request = (method: string, port: number, headers: string[] = []): string =>
  [`${method} sip:${KAMAILIO_REALM} SIP/2.0`, `Via: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK${headers.length}${method}`, `From: <sip:1001@${KAMAILIO_REALM}>;tag=a`,
    `To: <sip:1001@${KAMAILIO_REALM}>`, `Call-ID: ${method}-${port}`, `CSeq: ${headers.length + 1} ${method}`, 'Max-Forwards: 10',
    `Contact: <sip:1001@127.0.0.1:9;transport=tls>`, ...headers, 'Content-Length: 0', '', ''].join('\r\n');

/** Over TLS, with the certificate checked: sends and waits for the answer. */
async function ask(at: Kamailio, texts: (last: string) => string[]): Promise<string> {
  const ca = readFileSync(at.certificate!.ca);
  const socket = connect({ host: '127.0.0.1', port: at.ports.tls, ca });
  try {
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    let got = '';
    socket.on('data', (data: Buffer) => (got += data.toString()));
    let last = '';
    for (let i = 0; ; i++) {
      const text = texts(last)[i];
      if (text === undefined) return last;
      got = '';
      socket.write(text);
      last = await eventually('an answer over TLS', () => (/^SIP\/2\.0 [2-6]\d\d[\s\S]*\r\n\r\n/.test(got) ? got : undefined), 5000);
    }
  } finally {
    socket.destroy();
  }
}

/** openssl as a TLS client; it stays until it is told to go. */
class Client {
  private readonly child: Child;

  constructor(at: string, ca: string) {
    this.child = new Child('openssl s_client', peerPath('openssl'), ['s_client', '-connect', at, '-CAfile', ca, '-verify_return_error', '-verify_ip', '127.0.0.1']);
  }

  sees(pattern: RegExp): Promise<RegExpExecArray> {
    return this.child.waitFor(pattern, 5000);
  }

  async close(): Promise<void> {
    await this.child.stop();
  }
}

need('kamailio', 'kamailio-tls', 'kamailio-websocket', 'kamailio-presence', 'openssl')('Kamailio', () => {
  const before = globalThis.WebSocket;
  beforeAll(async () => {
    suite = new Stage();
    server = await Kamailio.start(suite, { tls: true, web: true, presence: true });
    const ca = readFileSync(server.certificate!.ca);
    // sip.js's own transport takes the browser's WebSocket.
    Object.assign(globalThis, { WebSocket: class extends WebSocket { constructor(url: string, protocols: string) { super(url, protocols, { ca }); } } });
    sip = await import('sip.js');
  }, 30_000);
  afterAll(async () => {
    Object.assign(globalThis, { WebSocket: before });
    await suite.close();
  });

  need('sipp')('with SIPp', () => {
    test.each(['udp', 'tcp'] as const)('takes a registration over %s', ...shared(async (stage, transport: 'udp' | 'tcp') => {
      const phone = await ScriptedPhone.make(stage, { server: server.server(transport), ...server.account('1003'), transport });
      expect((await phone.register()).code).toBe(0);
    }));
  });

  test('answers over TLS, with a certificate that openssl finds good', ...shared(async (stage) => {
    const { ca } = server.certificate!;
    const client = stage.own(new Client(server.server('tls'), ca));
    await client.sees(/Verify return code: 0 \(ok\)/);
    expect(await ask(server, () => [request('OPTIONS', server.port)])).toMatch(/^SIP\/2\.0 200/);
  }));

  test.each(['ws', 'wss'] as const)('takes a registration of a bare sip.js over %s', ...shared(async (stage, transport: 'ws' | 'wss') => {
    await agent(stage, '1004', transport);
  }));

  test('refuses a WebSocket of another protocol', ...shared(async () => {
    const socket = new WebSocket(`ws://${server.server('ws')}`, 'chat');
    const status = await new Promise((resolve) => socket.once('open', () => resolve('open')).once('error', (error) => resolve(error.message)));
    socket.terminate();
    expect(status).toMatch(/Unexpected server response: 4|subprotocol/);
  }));

  test('relays MESSAGE', ...shared(async (stage) => {
    const [one, two] = await Promise.all([agent(stage, '1001'), agent(stage, '1002')]);
    await new sip.Messager(one.ua, sip.UserAgent.makeURI(`sip:1002@${KAMAILIO_REALM}`)!, 'how do you do').message();
    await eventually('the message', () => two.heard.includes('how do you do'), 5000);
  }));

  test('is a presence server: what one publishes the other is told', ...shared(async (stage) => {
    const [one, two] = await Promise.all([agent(stage, '1001'), agent(stage, '1002')]);
    const told: string[] = [];
    const target = sip.UserAgent.makeURI(`sip:1002@${KAMAILIO_REALM}`)!;
    const subscriber = new sip.Subscriber(one.ua, target, 'presence', { expires: 600 });
    subscriber.delegate = { onNotify: (notification: Notification) => {
      told.push(notification.request.body);
      void notification.accept();
    } };
    await subscriber.subscribe();
    await eventually('the first NOTIFY', () => told.length > 0, 5000);
    expect(told[0]).not.toContain('<basic>open</basic>');
    await new sip.Publisher(two.ua, target, 'presence', { body: PIDF, contentType: 'application/pidf+xml', expires: 600 }).publish(PIDF);
    await eventually('the published state', () => told.some((body) => body.includes('<basic>open</basic>')), 5000);
  }));

  test('asks for SHA-256 when told so, and takes it', ...shared(async (stage) => {
    const strict = await Kamailio.start(stage, { tls: true, algorithm: 'SHA-256' });
    const challenged = request('REGISTER', strict.port);
    const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
    let challenge = '';
    const answer = await ask(strict, (last) => {
      challenge ||= last;
      const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1] ?? '';
      const uri = `sip:${KAMAILIO_REALM}`;
      const response = sha(`${sha(`1001:${KAMAILIO_REALM}:pw1001`)}:${nonce}:00000001:c:auth:${sha(`REGISTER:${uri}`)}`);
      return [challenged, request('REGISTER', strict.port, [`Authorization: Digest username="1001", realm="${KAMAILIO_REALM}", nonce="${nonce}", uri="${uri}", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c", response="${response}"`])];
    });
    expect(challenge).toMatch(/^SIP\/2\.0 401[\s\S]*algorithm=SHA-256/);
    expect(answer).toMatch(/^SIP\/2\.0 200/);
  }));
});

need('openssl')('a certificate of the test', () => {
  test('is refused without its authority, and when it has expired', ...staged(async (stage) => {
    const [good, old] = [await makeCertificate(stage), await makeCertificate(stage, { expired: true })];
    const verify = async (ca: string, certificate: string) => (await run(peerPath('openssl'), ['verify', '-CAfile', ca, certificate])).output;
    expect(await verify(good.ca, good.certificate)).toMatch(/: OK$/m);
    expect(await verify(old.ca, good.certificate)).toMatch(/unable to get local issuer|signature failure/);
    expect(await verify(old.ca, old.certificate)).toContain('certificate has expired');
  }));
});
