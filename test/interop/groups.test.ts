/** Several people behind one number, by ear: a group in turn and at once, somebody who is looked for elsewhere, and a queue whose agent logs in from its phone. */
import { join } from 'node:path';
import { systemClock, systemRandom } from '../../signaling/clock';
import { anyKinds } from '../../signaling/settings/catalogue';
import { SettingsDoor } from '../../signaling/settings/door';
import { openStore, type Store } from '../../signaling/store/store';
import { Baresip } from '../support/baresip';
import { hearEachOther, marks, type Speaker } from '../support/conversation';
import { hearsMusic } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import { ScriptedPhone } from '../support/scripted-phone';
import { Server } from '../support/server';
import { soonHears } from '../support/soon-hears';
import { Stage, staged } from '../support/stage';
import { writeTone } from '../support/tone';
import { eventually } from '../support/wait';

const MUSIC = 1300;

let suite: Stage;
let server: Server;
let linphone: Speaker;
let baresip: Speaker;

/** As another process does. */
async function change(work: (store: Store, put: (kind: string, key: string, value: object) => Promise<unknown>) => Promise<unknown>): Promise<void> {
  const store = await openStore({ dataDir: server.data });
  try {
    const door = new SettingsDoor(store, anyKinds, { clock: systemClock, random: systemRandom, realm: 'offhook' });
    await work(store, (kind, key, value) => door.put(anyKinds.find(({ name }) => name === kind)!, key, value));
  } finally {
    await store.close();
  }
}

/** 1001 dials, and talks with 1003 in the end. */
async function reaches(number: string): Promise<void> {
  const from = marks(linphone, baresip);
  await linphone.phone.dial(number);
  await baresip.phone.ringing();
  await baresip.phone.answer();
  await Promise.all([linphone.phone.inCall(), baresip.phone.inCall()]);
  await hearEachOther(linphone, baresip, { from });
  await baresip.phone.hangUp();
  await Promise.all([linphone.phone.ended(), baresip.phone.ended()]);
}

need('linphone', 'baresip', 'sipp')('groups and queues', () => {
  beforeAll(async () => {
    suite = new Stage();
    const music = join(suite.folder, 'music.wav');
    writeTone(music, MUSIC, 2, 16_000);
    server = await Server.start(suite, { extensions: ['1001', '1002', '1003'], settings: { 'media.holdMusic': music } });
    await change(async (store, put) => {
      await put('group', '600', { members: ['1002', '1003'], strategy: 'in-turn', memberSeconds: 1 });
      await put('group', '601', { members: ['1002', '1003'], prefix: 'Sales' });
      await put('queue', '650', { withoutAgents: 'wait', sayEverySeconds: 600 });
      await put('queue', '651', { overflow: '8000' });
      await store.extensions.update('1002', { diversion: { ringSeconds: 1 }, settings: { findMe: { order: 'in-turn', targets: [{ number: '1003', delay: 0, seconds: 20 }] } } });
    });
    const common = { server: server.address };
    const [one, other] = await Promise.all([Linphone.start(suite, { ...common, ...server.account('1001'), tone: 600 }), Baresip.start(suite, { ...common, ...server.account('1003'), tone: 900 })]);
    await Promise.all([one.registered(), other.registered()]);
    linphone = { phone: one, tone: 600 };
    baresip = { phone: other, tone: 900 };
  }, 30_000);
  afterAll(() => suite.close());
  const shared = (body: (stage: Stage) => Promise<void>): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds: 60 });

  test('a group in turn, a group all at once, and who is looked for: one does not answer, the other does', ...shared(async (stage) => {
    const hers = await ScriptedPhone.registered(stage, { ...server.account('1002'), server: server.address });
    for (const number of ['600', '601', '1002']) {
      const silent = await hers.expects('callee-is-cancelled');
      await reaches(number);
      expect((await silent.finished()).code).toBe(0);
    }
    expect(server.output).toMatch(/"from":"1001","to":"1003"|1001.*1003/);
    expect(server.output).toMatch(/through[":=]+"?600/);
  }));

  test('a queue: the caller is told where it stands and hears music; an agent logs in, is called and answers', ...shared(async () => {
    await linphone.phone.dial('650');
    await linphone.phone.inCall();
    await hearsMusic(linphone.phone, { not: [MUSIC], seconds: 0.7, settleMs: 0 });
    await soonHears(linphone.phone, MUSIC, { not: [600, 900] });
    await baresip.phone.dial('*50650');
    await baresip.phone.inCall();
    // it is kept, and the agent need not listen to the end
    await eventually('the agent to be logged in', async () => {
      let agent: unknown;
      await change(async (store) => (agent = await store.items.get('agent', '1003')));
      return agent !== undefined;
    });
    await baresip.phone.hangUp();
    await baresip.phone.ended();
    await baresip.phone.ringing();
    await baresip.phone.answer();
    await baresip.phone.inCall();
    await Promise.all([soonHears(linphone.phone, 900, { not: [600, MUSIC], seconds: 0.6 }), soonHears(baresip.phone, 600, { not: [900, MUSIC], seconds: 0.6 })]);
    await linphone.phone.hangUp();
    await Promise.all([linphone.phone.ended(), baresip.phone.ended()]);
    expect(server.output).toMatch(/through[":=]+"?650/);
  }));

  test('a queue in which nobody is takes its callers to a room: they hear each other there', ...shared(async () => {
    for (const { phone } of [linphone, baresip]) {
      await phone.dial('651');
      await phone.inCall();
    }
    await Promise.all([soonHears(linphone.phone, 900, { not: [600], seconds: 0.6 }), soonHears(baresip.phone, 600, { not: [900], seconds: 0.6 })]);
    await Promise.all([linphone.phone.hangUp(), baresip.phone.hangUp()]);
    await Promise.all([linphone.phone.ended(), baresip.phone.ended()]);
  }));
});
