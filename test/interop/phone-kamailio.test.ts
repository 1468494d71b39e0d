/**
 * Our phone with a server that is not ours: over each transport it registers at Kamailio, calls Linphone, baresip and another of its kind, is
 * called by them, and each hears the other's tone. Sound goes directly from phone to phone.
 */
import { Baresip } from '../support/baresip';
import { wholeCall, type Speaker } from '../support/conversation';
import { Kamailio, type KamailioTransport } from '../support/kamailio';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { Stage, staged } from '../support/stage';

const TRANSPORTS: KamailioTransport[] = ['udp', 'tcp', 'tls', 'ws'];

let suite: Stage;
let server: Kamailio;
let linphone: Speaker;
let baresip: Speaker;

const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 60 });

async function ours(stage: Stage, user: string, transport: KamailioTransport, tone: number): Promise<Speaker> {
  const { realm: domain, certificate } = server;
  const phone = await OurPhone.start(stage, { server: server.server(transport), domain, transport, ...server.account(user), tone, ...(certificate && { ca: certificate.ca }) });
  await phone.registered();
  return { phone, tone };
}

need('linphone', 'baresip', 'kamailio', 'kamailio-tls', 'kamailio-websocket', 'openssl')('our phone through Kamailio', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Kamailio.start(suite, { tls: true, web: true });
    const common = { server: server.server('udp'), domain: server.realm };
    const [one, two] = await Promise.all([
      Linphone.start(suite, { ...common, ...server.account('1001'), tone: 600 }),
      Baresip.start(suite, { ...common, ...server.account('1002'), tone: 900 }),
    ]);
    await Promise.all([one.registered(), two.registered()]);
    [linphone, baresip] = [{ phone: one, tone: 600 }, { phone: two, tone: 900 }];
  }, 60_000);
  afterAll(() => suite.close());

  test.each(TRANSPORTS)('over %s: Linphone, baresip and another of ours, either calling', ...shared(async (stage, transport: KamailioTransport) => {
    const [one, two] = await Promise.all([ours(stage, '1003', transport, 1300), ours(stage, '1004', transport, 1700)]);
    // two calls at a time, between two pairs of phones
    await Promise.all([wholeCall(one, '1001', linphone), wholeCall(baresip, '1004', two)]);
    await Promise.all([wholeCall(linphone, '1004', two, 'callee'), wholeCall(one, '1002', baresip, 'callee')]);
    await wholeCall(one, '1004', two);
  }));

  // Of what it is made of, TLS and WebSockets, the others have proved the rest.
  test('over wss: another of ours', ...shared(async (stage) => {
    const [one, two] = await Promise.all([ours(stage, '1003', 'wss', 1300), ours(stage, '1004', 'wss', 1700)]);
    await wholeCall(one, '1004', two);
  }));

  test('over TLS, when the authority is not known: it says so, and ends with exit code 1', ...shared(async (stage) => {
    const phone = await OurPhone.start(stage, { server: server.server('tls'), domain: server.realm, transport: 'tls', ...server.account('1003'), tone: 600 });
    const { problem } = await phone.event('disconnected');
    expect(problem).toMatch(/certificate/i);
    expect(await phone.finished()).toEqual({ code: 1, signal: null });
  }));

  test('with a wrong password: it says so, and ends with exit code 1', ...shared(async (stage) => {
    const phone = await OurPhone.start(stage, { server: server.server('udp'), domain: server.realm, user: '1003', password: 'wrong', tone: 600 });
    const refused = await phone.event('registration-failed');
    expect(refused).toMatchObject({ final: true });
    expect((await phone.finished()).code).toBe(1);
  }));
});

need('kamailio', 'openssl', 'kamailio-tls')('our phone where SHA-256 is asked for', () => {
  test('registers and calls', ...staged(async (stage) => {
    suite = stage;
    server = await Kamailio.start(stage, { algorithm: 'SHA-256' });
    const [one, two] = await Promise.all([ours(stage, '1003', 'udp', 1300), ours(stage, '1004', 'tcp', 1700)]);
    await wholeCall(one, '1004', two);
  }, { seconds: 40 }));
});
