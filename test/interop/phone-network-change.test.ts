/**
 * A phone whose computer changes its address in a call: it registers again, tells the far end where it is now, and both hear each other as
 * before. And a far end that falls silent without a word: the phone says so.
 */
import { connectCall, hearEachOther, marks, type Speaker } from '../support/conversation';
import { PUBLIC_ADDRESS, TwoHosts } from '../support/netns';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { Server } from '../support/server';
import { staged, type Stage } from '../support/stage';

const LATER_ADDRESS = '198.51.100.77';

interface Scene {
  hosts: TwoHosts;
  mobile: Speaker & { phone: OurPhone };
  desk: Speaker & { phone: OurPhone };
}

async function talking(stage: Stage, transport: 'udp' | 'tcp'): Promise<Scene> {
  const hosts = await TwoHosts.make(stage);
  const server = await Server.start(stage, { host: PUBLIC_ADDRESS, netns: hosts.far });
  const phone = async (user: string, tone: number, netns: string): Promise<Speaker & { phone: OurPhone }> => {
    const started = await OurPhone.start(stage, { server: server.address, transport, ...server.account(user), tone, netns });
    await started.registered();
    return { phone: started, tone };
  };
  const [mobile, desk] = await Promise.all([phone('1001', 1300, hosts.near), phone('1002', 1700, hosts.far)]);
  await connectCall(mobile.phone, '1002', desk.phone);
  await hearEachOther(mobile, desk);
  return { hosts, mobile, desk };
}

need('netns')('our phone in a call', () => {
  test.each(['udp', 'tcp'] as const)('over %s, when its address changes', ...staged(async (stage, transport: 'udp' | 'tcp') => {
    const { hosts, mobile, desk } = await talking(stage, transport);
    mobile.phone.remember();
    await hosts.moveTo(LATER_ADDRESS);
    await mobile.phone.event('registered', () => true, 30_000);
    await hearEachOther(mobile, desk, { from: marks(mobile, desk), waitMs: 20_000 });
    expect(mobile.phone.trace()).toMatch(new RegExp(`c=IN IP4 ${LATER_ADDRESS.replaceAll('.', '\\.')}`));
    await desk.phone.hold();
    await desk.phone.resume();
    await desk.phone.hangUp();
    await Promise.all([mobile.phone.ended(), desk.phone.ended()]);
  }, { seconds: 90 }));

  test('when the far end falls silent and is heard again', ...staged(async (stage) => {
    const { mobile, desk } = await talking(stage, 'udp');
    mobile.phone.remember();
    process.kill(desk.phone.pid as number, 'SIGSTOP');
    try {
      expect((await mobile.phone.event('silent', () => true, 30_000)).silentMs).toBeGreaterThan(1000);
    } finally {
      process.kill(desk.phone.pid as number, 'SIGCONT');
    }
    await hearEachOther(mobile, desk, { from: marks(mobile, desk) });
    await mobile.phone.hangUp();
    await Promise.all([mobile.phone.ended(), desk.phone.ended()]);
  }, { seconds: 90 }));
});
