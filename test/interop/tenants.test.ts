/** Two tenants with the same numbers on one server, with real phones: each reaches its own, and nobody else. */
import { anyKinds } from '../../signaling/settings/catalogue';
import { SettingsDoor } from '../../signaling/settings/door';
import { systemClock, systemRandom } from '../../signaling/clock';
import { openStore } from '../../signaling/store/store';
import { Baresip } from '../support/baresip';
import { wholeCall } from '../support/conversation';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';

const ACME = 'acme.example';

let suite: Stage;
let server: Server;

async function makeTenant(data: string): Promise<void> {
  const store = await openStore({ dataDir: data });
  try {
    await new SettingsDoor(store, anyKinds, { clock: systemClock, random: systemRandom, realm: 'offhook' }).put(anyKinds.find(({ name }) => name === 'tenant')!, ACME, {});
  } finally {
    await store.close();
  }
}

need('linphone', 'baresip')('tenants', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { extensions: ['1001', '1003'] });
    await makeTenant(server.data);
    for (const number of ['1001', '1002']) await server.add(`${number}@${ACME}`);
  }, 30_000);
  afterAll(() => suite.close());

  test('each reaches its own numbers only', ...staged(async (stage) => {
    const common = { server: server.address };
    const inAcme = (number: string) => ({ ...common, domain: ACME, user: number, password: server.account(`${number}@${ACME}`).password });
    const linphone = { phone: await Linphone.start(stage, { ...common, ...server.account('1001'), tone: 600 }), tone: 600 };
    const baresip = { phone: await Baresip.start(stage, { ...inAcme('1001'), tone: 900 }), tone: 900 };
    const ours = { phone: await OurPhone.start(stage, { ...inAcme('1002'), tone: 1300 }), tone: 1300 };
    await Promise.all([linphone.phone.registered(), baresip.phone.registered(), ours.phone.registered()]);

    await wholeCall(baresip, '1002', ours);
    // the other 1001 is this one's
    await wholeCall(ours, '1001', baresip);
    await linphone.phone.dial('1002');
    await linphone.phone.ended();
    expect(server.output).toMatch(/"from":"1001@acme\.example","to":"1002@acme\.example"|1001@acme\.example.*1002@acme\.example/);
    // the phone may hear of it before the log is read
    await eventually('the refusal', () => /call failed.*404|404.*call failed/s.test(server.output), 5000);
  }, { suite: () => suite, seconds: 60 }));
});
