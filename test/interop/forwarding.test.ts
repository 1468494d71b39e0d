/** Calls that go elsewhere than where they were dialled, with real phones, by ear; set by the command line while the server runs, and by codes. */
import { Baresip } from '../support/baresip';
import { hearEachOther, marks, type Speaker } from '../support/conversation';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import { ScriptedPhone } from '../support/scripted-phone';
import { offhook, Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { eventually } from '../support/wait';

let suite: Stage;
let server: Server;

const set = async (number: string, ...options: string[]): Promise<void> => {
  const { code, output } = await offhook(['extension', 'set', number, ...options, '--data', server.data]);
  if (code !== 0) throw new Error(output);
};

const shown = async (number: string): Promise<Record<string, unknown>> => {
  const { output } = await offhook(['extension', 'show', number, '--json', '--data', server.data]);
  return (JSON.parse(output) as { diversion: Record<string, unknown> }).diversion;
};

/** Linphone is 1001, baresip 1003; 1002 has whatever a test gives it. */
async function phones(stage: Stage): Promise<{ linphone: Speaker; baresip: Speaker }> {
  const common = { server: server.address };
  const [linphone, baresip] = await Promise.all([Linphone.start(stage, { ...common, ...server.account('1001'), tone: 600 }), Baresip.start(stage, { ...common, ...server.account('1003'), tone: 900 })]);
  await Promise.all([linphone.registered(), baresip.registered()]);
  return { linphone: { phone: linphone, tone: 600 }, baresip: { phone: baresip, tone: 900 } };
}

/** 1001 dials 1002 and talks with 1003. */
async function reaches({ linphone, baresip }: { linphone: Speaker; baresip: Speaker }): Promise<void> {
  const from = marks(linphone, baresip);
  await linphone.phone.dial('1002');
  await baresip.phone.ringing();
  await baresip.phone.answer();
  await Promise.all([linphone.phone.inCall(), baresip.phone.inCall()]);
  await hearEachOther(linphone, baresip, { from });
  await baresip.phone.hangUp();
  await Promise.all([linphone.phone.ended(), baresip.phone.ended()]);
}

need('linphone', 'baresip', 'sipp')('forwarding', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { extensions: ['1001', '1002', '1003'] });
  }, 30_000);
  afterAll(() => suite.close());
  const shared = (body: (stage: Stage) => Promise<void>): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds: 60 });

  test('always, and when no phone is there: they hear each other', ...shared(async (stage) => {
    const both = await phones(stage);
    await set('1002', '--forward-always', '1003');
    await reaches(both);
    await set('1002', '--forward-always', 'none', '--forward-offline', '1003');
    await reaches(both);
    await set('1002', '--forward-offline', 'none');
  }));

  test('when her phone is busy, and when nobody answers it in the time she has set', ...shared(async (stage) => {
    const both = await phones(stage);
    const hers = await ScriptedPhone.registered(stage, { ...server.account('1002'), server: server.address });
    await set('1002', '--forward-busy', '1003', '--forward-no-answer', '1003', '--ring-seconds', '1');
    const busy = await hers.expects('callee-refuses', { status: '486 Busy Here' });
    await reaches(both);
    expect((await busy.finished()).code).toBe(0);
    const silent = await hers.expects('callee-is-cancelled');
    await reaches(both);
    expect((await silent.finished()).code).toBe(0);
  }));

  test('set and taken back by codes from the phone', ...shared(async (stage) => {
    const both = await phones(stage);
    const { phone } = both.baresip;
    const dials = async (code: string, holds: (diversion: Record<string, unknown>) => boolean): Promise<void> => {
      await phone.dial(code);
      await phone.inCall();
      await eventually(`what ${code} does`, async () => holds(await shown('1003')), 10_000, 200);
      await phone.ended();
    };
    await dials('*721001', ({ always }) => always === '1001');
    await dials('*73', ({ always }) => always === null);
    await dials('*78', ({ doNotDisturb }) => doNotDisturb === true);
    await dials('*79', ({ doNotDisturb }) => doNotDisturb === false);
  }));
});
