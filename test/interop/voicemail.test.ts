/** Voicemail between phones that anyone installs: left from Linphone, heard from baresip. */
import { Baresip } from '../support/baresip';
import { hears, mark } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import { Server, offhook } from '../support/server';
import { Stage, staged } from '../support/stage';
import { cutOut, judge } from '../support/tone';
import { eventually, pause } from '../support/wait';

const LINPHONE_TONE = 600;
const BARESIP_TONE = 900;

let suite: Stage;
let server: Server;

interface Listed {
  id: number;
  state: string;
  from: string;
  durationMs: number;
}

const messages = async (number: string): Promise<Listed[]> => JSON.parse((await offhook(['voicemail', 'list', number, '--json', '--data', server.data])).output) as Listed[];

need('linphone', 'baresip')('voicemail', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { settings: { 'voicemail.enabled': 'on', 'log.level': 'debug' } });
  }, 30_000);
  afterAll(() => suite.close());

  test('left from Linphone while baresip is off, heard through *97 from baresip, with its tone', ...staged(async (stage) => {
    const linphone = await Linphone.start(stage, { server: server.address, ...server.account('1001'), tone: LINPHONE_TONE });
    await linphone.registered();
    await linphone.dial('1002');
    await linphone.inCall();
    // the greeting is skipped with a key; then the tone
    await eventually('the greeting', () => judge(linphone.heard()).loudSeconds > 0.5, 15_000, 100);
    await linphone.press('1');
    await eventually('the message to be recorded', async () => (await messages('1002')).some(({ state }) => state === 'recording'), 15_000, 300);
    await pause(4000);
    await linphone.hangUp();
    await linphone.ended();
    const [message] = await eventually('the message', async () => {
      const all = await messages('1002');
      return all[0]?.state === 'new' ? all : undefined;
    }, 10_000, 300);
    expect(message).toMatchObject({ id: 1, from: '1001' });
    expect(message?.durationMs).toBeGreaterThan(3000);

    const baresip = await Baresip.start(stage, { server: server.address, ...server.account('1002'), tone: BARESIP_TONE });
    await baresip.registered();
    await baresip.dial('*97');
    await baresip.inCall();
    await eventually('the menu', () => judge(baresip.heard()).loudSeconds > 1, 15_000, 100);
    await baresip.press('1');
    const from = mark(baresip);
    await eventually('the message', () => judge(cutOut(baresip.heard(), from)).share(LINPHONE_TONE) > 0.3, 25_000, 200);
    await hears(baresip, LINPHONE_TONE, { not: [BARESIP_TONE], from: mark(baresip) });
    await eventually('the message to be saved once heard', async () => (await messages('1002'))[0]?.state === 'saved', 15_000, 300);
    await baresip.press('7');
    await pause(500);
    await baresip.hangUp();
    await baresip.ended();
    await eventually('the deleted message to be gone', async () => (await messages('1002')).length === 0, 10_000, 300);
  }, { suite: () => suite, seconds: 120 }));

  test('a message left while baresip is busy lights its lamp: solicited', ...staged(async (stage) => {
    const [linphone, baresip] = await Promise.all([
      Linphone.start(stage, { server: server.address, ...server.account('1001'), tone: LINPHONE_TONE }),
      Baresip.start(stage, { server: server.address, ...server.account('1002'), tone: BARESIP_TONE, mwi: true }),
    ]);
    await Promise.all([linphone.registered(), baresip.registered()]);
    await baresip.notified('Voice-Message: 0/0');
    await linphone.dial('1002');
    await baresip.ringing();
    await baresip.hangUp();
    await linphone.inCall();
    await eventually('the greeting', () => judge(linphone.heard()).loudSeconds > 0.5, 15_000, 100);
    await linphone.press('1');
    await eventually('the message to be recorded', async () => (await messages('1002')).some(({ state }) => state === 'recording'), 15_000, 300);
    await pause(3000);
    await linphone.hangUp();
    await linphone.ended();
    await baresip.notified('Voice-Message: 1/0');
  }, { suite: () => suite, seconds: 90 }));

  test('Linphone is told without having asked, when it comes back', ...staged(async (stage) => {
    const baresip = await Baresip.start(stage, { server: server.address, ...server.account('1002'), tone: BARESIP_TONE });
    await baresip.registered();
    await baresip.dial('1001');
    await baresip.inCall();
    await eventually('the greeting', () => judge(baresip.heard()).loudSeconds > 0.5, 15_000, 100);
    await baresip.press('1');
    await eventually('the message to be recorded', async () => (await messages('1001')).some(({ state }) => state === 'recording'), 15_000, 300);
    await pause(3000);
    await baresip.hangUp();
    await baresip.ended();
    const linphone = await Linphone.start(stage, { server: server.address, ...server.account('1001'), tone: LINPHONE_TONE });
    await linphone.registered();
    await linphone.logged(/^Voice-Message: 1\/0/m);
  }, { suite: () => suite, seconds: 90 }));
});
