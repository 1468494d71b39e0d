/**
 * Our phone with our server: Linphone, baresip and another of its kind, over UDP and TCP, either calling, judged by ear. And what only our
 * server has: the lamp of a mailbox.
 */
import { Baresip } from '../support/baresip';
import { wholeCall, type Speaker } from '../support/conversation';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { offhook, Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { judge } from '../support/tone';
import { eventually, pause } from '../support/wait';

let suite: Stage;
let server: Server;
const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 60 });

async function ours(stage: Stage, user: string, tone: number, options: { transport?: 'udp' | 'tcp'; more?: string[] } = {}): Promise<Speaker & { phone: OurPhone }> {
  const phone = await OurPhone.start(stage, { server: server.address, ...server.account(user), tone, ...options });
  await phone.registered();
  return { phone, tone };
}

describe('our phone with our server', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { extensions: ['1001', '1002', '1003', '1004'], settings: { 'voicemail.enabled': 'on' } });
  }, 30_000);
  afterAll(() => suite.close());

  need('linphone', 'baresip')('and phones that anyone installs', () => {
    let linphone: Speaker;
    let baresip: Speaker;
    beforeAll(async () => {
      const [one, two] = await Promise.all([
        Linphone.start(suite, { server: server.address, ...server.account('1001'), tone: 600 }),
        Baresip.start(suite, { server: server.address, ...server.account('1002'), tone: 900 }),
      ]);
      await Promise.all([one.registered(), two.registered()]);
      [linphone, baresip] = [{ phone: one, tone: 600 }, { phone: two, tone: 900 }];
    }, 60_000);

    test.each(['udp', 'tcp'] as const)('over %s: calls and is called', ...shared(async (stage, transport: 'udp' | 'tcp') => {
      const [one, two] = await Promise.all([ours(stage, '1003', 1300, { transport }), ours(stage, '1004', 1700, { transport })]);
      await Promise.all([wholeCall(one, '1001', linphone), wholeCall(baresip, '1004', two)]);
      await Promise.all([wholeCall(linphone, '1004', two, 'callee'), wholeCall(one, '1002', baresip, 'callee')]);
    }));
  });

  test.each(['udp', 'tcp'] as const)('over %s: two of ours', ...shared(async (stage, transport: 'udp' | 'tcp') => {
    const [one, two] = await Promise.all([ours(stage, '1003', 1300, { transport }), ours(stage, '1004', 1700, { transport })]);
    await wholeCall(one, '1004', two);
  }));

  test('as in the help: an echo of its own tone, with exit code 0', ...shared(async (stage) => {
    const phone = await OurPhone.start(stage, { server: server.address, ...server.account('1003'), tone: 440, more: ['--dial', '*43', '--dtmf', '#', '--hangup-after', '4'] });
    await phone.inCall();
    await eventually('the echo', () => judge(phone.heard()).secondsOf(440) > 0.6, 15_000, 100);
    expect(await phone.finished()).toEqual({ code: 0, signal: null });
  }));

  test('a number that nobody has: it says why, and ends with exit code 1', ...shared(async (stage) => {
    const phone = await OurPhone.start(stage, { server: server.address, ...server.account('1003'), tone: 440, more: ['--dial', '4999'] });
    const ended = await phone.event('ended');
    expect(ended).toMatchObject({ answered: false, status: 404 });
    expect((await phone.finished()).code).toBe(1);
  }));

  test('a message left for it lights its lamp', ...shared(async (stage) => {
    const [one, two] = await Promise.all([ours(stage, '1003', 1300), ours(stage, '1004', 1700)]);
    await two.phone.event('voicemail', ({ waiting }) => !waiting);
    await one.phone.dial('1004');
    await two.phone.ringing();
    two.phone.command({ do: 'reject' });
    await one.phone.inCall();
    await eventually('the greeting', () => judge(one.phone.heard()).loudSeconds > 0.5, 15_000, 100);
    await one.phone.press('1');
    await eventually('the message to be recorded', async () => (await offhook(['voicemail', 'list', '1004', '--json', '--data', server.data])).output.includes('"recording"'), 15_000, 300);
    await pause(2500); // what is recorded is real time
    await one.phone.hangUp();
    const lamp = await two.phone.event('voicemail', ({ waiting }) => waiting);
    expect(lamp).toMatchObject({ newMessages: 1, oldMessages: 0 });
  }));
});
