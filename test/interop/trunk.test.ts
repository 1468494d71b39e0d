/** Calls to and from the outside, by ear: a stock Kamailio is the provider, real phones are there and here. */
import { writeFileSync } from 'node:fs';
import { Baresip } from '../support/baresip';
import { wholeCall } from '../support/conversation';
import { Kamailio, KAMAILIO_REALM } from '../support/kamailio';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { offhook, Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';

/** Our account there, and the number of somebody else. */
const ACCOUNT = '4930123456';
const OTHER = '4989777888';

let suite: Stage;
let server: Server;
let first: Kamailio;
let second: Kamailio;

const apply = async (text: string): Promise<void> => {
  const file = suite.path(`settings-${text.length}.yaml`);
  writeFileSync(file, text);
  const { code, output } = await offhook(['apply', file, '--yes', '--data', server.data]);
  if (code !== 0) throw new Error(output);
};

const trunks = (more = ''): string => `
trunks:
  - name: provider
    hosts: ["${first.address}:${first.ports.sip}", "${second.address}:${second.ports.sip}"]
    domain: ${KAMAILIO_REALM}
    register: true
    username: "${ACCOUNT}"
    password: pw${ACCOUNT}
    send: digits
    healthSeconds: 1
    answerSeconds: 2
${more}`;

const rules = `
routes:
  - name: Germany
    patterns: ["+49X."]
    trunks: [provider]
    maxCalls: 1
  - name: expensive
    patterns: ["0900X."]
    class: premium
    trunks: [provider]
inbound:
  - name: office
    numbers: ["+${ACCOUNT}"]
    to: "1001"
    prefix: "Office: "
`;

const registeredAt = (host: Kamailio): Promise<unknown> =>
  eventually('the trunk to be registered', () => server.output.includes('registered with the provider') && new RegExp(`"host":"${host.address}:${host.ports.sip}".*registered with the provider|registered with the provider.*${host.address}:${host.ports.sip}|${host.address}:${host.ports.sip}.*registered with`).test(server.output), 20_000);

need('kamailio', 'linphone', 'baresip')('a trunk', () => {
  beforeAll(async () => {
    suite = new Stage();
    [first, second, server] = await Promise.all([
      Kamailio.start(suite, { address: '127.0.0.2' }),
      Kamailio.start(suite, { address: '127.0.0.3' }),
      Server.start(suite, { extensions: ['1001', '1002'], settings: { 'outside.country': '49' } }),
    ]);
    await apply(trunks() + rules);
  }, 40_000);
  afterAll(() => suite.close());

  test('calls go out and come in, by ear; one provider is gone, the other is used', ...staged(async (stage) => {
    const linphone = { phone: await Linphone.start(stage, { server: server.address, ...server.account('1001'), tone: 600 }), tone: 600 };
    const there = (where: Kamailio, tone: number) => OurPhone.start(stage, { server: `${where.address}:${where.ports.sip}`, domain: KAMAILIO_REALM, user: OTHER, password: `pw${OTHER}`, tone });
    const outside = { phone: await there(first, 900), tone: 900 };
    await Promise.all([linphone.phone.registered(), outside.phone.registered(), registeredAt(first)]);

    // 089777888 is +4989777888, and goes to the provider as 4989777888
    await wholeCall(linphone, '089777888', outside);
    await wholeCall(outside, ACCOUNT, linphone, 'callee');
    expect(server.output).toMatch(/"to":"089777888","trunk":"provider","route":"Germany"/);

    await first.close();
    const other = { phone: await there(second, 1300), tone: 1300 };
    await other.phone.registered();
    await eventually('the second host', () => new RegExp(`${second.address}:${second.ports.sip}`).test(server.output), 20_000);
    await wholeCall(linphone, '+4989777888', other);
    await wholeCall(other, ACCOUNT, linphone);
  }, { suite: () => suite, seconds: 90 }));

  test('what is not permitted is refused, and a wrong password is told', ...staged(async (stage) => {
    const baresip = await Baresip.start(stage, { server: server.address, ...server.account('1002'), tone: 600 });
    await baresip.registered();
    await baresip.dial('0900123');
    await baresip.ended();
    await eventually('the refusal', () => server.output.includes('calls to 0900123 are not permitted'), 5000);
    await apply(trunks().replace(`password: pw${ACCOUNT}`, 'password: wrong'));
    await eventually('the reason', async () => (await offhook(['trunk', 'status', '--data', server.data])).output.includes('does not accept our user name and password'), 20_000);
    await eventually('the alarm', async () => {
      const { code, output } = await offhook(['alarms', '--data', server.data]);
      return code === 1 && /^critical +trunk provider .*No calls go over the trunk provider: .*Check its user name and password/m.test(output);
    }, 10_000);
  }, { suite: () => suite, seconds: 60 }));
});
