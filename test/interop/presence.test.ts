/** Who is there, and who talks: lamps on SIPp, contact lists on Linphone and baresip; a lamp's key takes the call; messages wait for a phone. */
import { Baresip } from '../support/baresip';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import { sdp } from '../support/sdp-text';
import { Server } from '../support/server';
import { Sipp } from '../support/sipp';
import { Stage, staged } from '../support/stage';
import { BARESIP_TONE, LINPHONE_TONE } from '../support/two-phones';

let suite: Stage;
let server: Server;
let linphone: Linphone;
let baresip: Baresip;

const shared = (body: (stage: Stage) => Promise<void>): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds: 30 });

const watcher = (stage: Stage, scenario: string): Promise<Sipp> => Sipp.start(stage, { scenario, server: server.address, ...server.account('1003'), values: { whom: '1002' } });

need('linphone', 'baresip', 'sipp')('presence', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { extensions: ['1001', '1002', '1003', '1004'] });
    linphone = await Linphone.start(suite, { server: server.address, ...server.account('1001'), tone: LINPHONE_TONE, watches: ['1002'], publishes: true });
    await linphone.registered();
    baresip = await Baresip.start(suite, { server: server.address, ...server.account('1002'), tone: BARESIP_TONE, watches: ['1001'] });
    await baresip.registered();
  }, 30_000);
  afterAll(() => suite.close(), 30_000);

  test('the two see each other in their lists', ...shared(async () => {
    await Promise.all([linphone.shows('1002', /online/i), baresip.shows('1001', 'Online')]);
  }));

  test('a call: a lamp sees it ring, up and over; the lists show who is on the phone', ...shared(async (stage) => {
    const lamp = await watcher(stage, 'watcher');
    await lamp.receives(/^NOTIFY/m);
    await linphone.dial('1002');
    await baresip.ringing();
    await lamp.receives(/<state>early/);
    await baresip.answer();
    await Promise.all([linphone.inCall(), baresip.inCall(), lamp.receives(/<state>confirmed/)]);
    await Promise.all([linphone.shows('1002', /phone/i), baresip.shows('1001', 'Busy')]);
    await linphone.hangUp();
    await Promise.all([linphone.ended(), baresip.ended()]);
    expect(await lamp.finished()).toMatchObject({ code: 0, successful: 1 });
  }));

  test('the key beside a lamp that blinks takes the call (Replaces with what the lamp was told)', ...shared(async (stage) => {
    const lamp = await watcher(stage, 'watcher-sees-pickup');
    await lamp.receives(/^NOTIFY/m);
    await linphone.dial('1002');
    await baresip.ringing();
    const [, callId, local, remote] = await lamp.receives(/call-id="([^"]+)" local-tag="([^"]+)" remote-tag="([^"]+)" direction="recipient">\s*<state>early/);
    const rtp = await stage.ports(2);
    const described = { port: rtp.first };
    const key = await Sipp.start(stage, {
      scenario: 'caller-is-reinvited', server: server.address, ...server.account('1004'), dials: '1002',
      values: { sdp: sdp(described), sdp2: sdp({ ...described, version: 2 }), moreHeaders: `Replaces: ${callId};to-tag=${remote};from-tag=${local};early-only\n` },
    });
    await Promise.all([linphone.inCall(), baresip.ended()]);
    await linphone.hangUp();
    await linphone.ended();
    expect([await key.finished(), await lamp.finished()]).toMatchObject([{ code: 0, successful: 1 }, { code: 0, successful: 1 }]);
  }));

  test('messages to somebody whose phone is off come in order when it is switched on', ...shared(async (stage) => {
    await linphone.chat('1004', 'first');
    await linphone.chat('1004', 'second');
    const late = await Linphone.start(stage, { server: server.address, ...server.account('1004'), tone: LINPHONE_TONE });
    await late.chatted('1001', 'first');
    await late.chatted('1001', 'second');
  }));
});
