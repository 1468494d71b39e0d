/**
 * The main job, by ear: Linphone and baresip, as anyone installs them, register, call each other through the server, and each
 * hears the other's tone and not its own.
 */
import { Baresip } from '../support/baresip';
import { hearsMusic, hearsNothing } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import type { Codec } from '../support/phone';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { BARESIP_TONE, call, hangUp, hearEachOther, LINPHONE_TONE, now, type Phones } from '../support/two-phones';


let suite: Stage;
let server: Server;

/** Both phones, registered: Linphone as 1001, baresip as 1002. */
async function phones(stage: Stage, options: { transport?: 'udp' | 'tcp'; linphoneTransport?: 'tcp'; codecs?: Codec[] } = {}): Promise<Phones> {
  const { linphoneTransport, ...both } = options;
  const common = { server: server.address, ...both };
  const [linphone, baresip] = await Promise.all([
    Linphone.start(stage, { ...common, ...(linphoneTransport && { transport: linphoneTransport }), ...server.account('1001'), tone: LINPHONE_TONE }),
    Baresip.start(stage, { ...common, ...server.account('1002'), tone: BARESIP_TONE }),
  ]);
  await Promise.all([linphone.registered(), baresip.registered()]);
  return { linphone, baresip };
}

need('linphone', 'baresip')('softphones', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite);
  }, 30_000);
  afterAll(() => suite.close());
  const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> =>
    staged(body, { suite: () => suite, seconds: 60 });

  describe.each(['udp', 'tcp'] as const)('over %s', (transport) => {
    test('Linphone calls baresip and hangs up', ...shared(async (stage) => {
      const both = await phones(stage, { transport });
      await call(both.linphone, '1002', both.baresip);
      await hearEachOther(both);
      await hangUp(both.linphone, both);
    }));

    test('baresip calls Linphone; Linphone hangs up', ...shared(async (stage) => {
      const both = await phones(stage, { transport });
      await call(both.baresip, '1001', both.linphone);
      await hearEachOther(both);
      await hangUp(both.linphone, both);
    }));

    test('Linphone calls baresip; baresip hangs up', ...shared(async (stage) => {
      const both = await phones(stage, { transport });
      await call(both.linphone, '1002', both.baresip);
      await hearEachOther(both);
      await hangUp(both.baresip, both);
    }));
  });

  test('Linphone over TCP calls baresip over UDP', ...shared(async (stage) => {
    const both = await phones(stage, { linphoneTransport: 'tcp', transport: 'udp' });
    await call(both.linphone, '1002', both.baresip);
    await hearEachOther(both);
    await hangUp(both.baresip, both);
  }));

  test.each(['PCMA', 'G722', 'opus'] as const)('in %s', ...shared(async (stage, codec: Codec) => {
    const both = await phones(stage, { codecs: [codec] });
    await call(both.baresip, '1001', both.linphone);
    await hearEachOther(both);
    await hangUp(both.baresip, both);
  }));

  test('key presses arrive, both ways', ...shared(async (stage) => {
    const both = await phones(stage);
    await call(both.linphone, '1002', both.baresip);
    await both.linphone.press('5');
    await both.baresip.pressed('5');
    await both.baresip.press('7');
    await both.linphone.pressed('7');
    await hangUp(both.linphone, both);
  }));

  test('Linphone holds: it hears nothing, and baresip music; it resumes: both hear again', ...shared(async (stage) => {
    const both = await phones(stage);
    await call(both.baresip, '1001', both.linphone);
    await hearEachOther(both);
    await both.linphone.hold();
    // Linphone goes on sending, its file as hold music; that reaches nobody, since we have music of our own.
    await Promise.all([hearsNothing(both.linphone), hearsMusic(both.baresip, { not: [LINPHONE_TONE, BARESIP_TONE] })]);
    await both.linphone.resume();
    await hearEachOther(both, now(both));
    await hangUp(both.baresip, both);
  }));

  test('baresip holds: it hears nothing, and Linphone music; it resumes: both hear again', ...shared(async (stage) => {
    const both = await phones(stage);
    await call(both.linphone, '1002', both.baresip);
    await hearEachOther(both);
    await both.baresip.hold();
    await Promise.all([hearsMusic(both.linphone, { not: [LINPHONE_TONE, BARESIP_TONE] }), hearsNothing(both.baresip)]);
    await both.baresip.resume();
    await hearEachOther(both, now(both));
    await hangUp(both.linphone, both);
  }));

  test('a second call between the same phones, the other way round', ...shared(async (stage) => {
    const both = await phones(stage);
    await call(both.linphone, '1002', both.baresip);
    await hearEachOther(both);
    await hangUp(both.linphone, both);
    await call(both.baresip, '1001', both.linphone);
    await hearEachOther(both, now(both));
    await hangUp(both.baresip, both);
  }));

  test('a phone that refuses: the caller is told, and free again', ...shared(async (stage) => {
    const both = await phones(stage);
    await both.linphone.dial('1002');
    await both.baresip.ringing();
    await both.baresip.hangUp();
    await Promise.all([both.linphone.ended(), both.baresip.ended()]);
  }));
});
