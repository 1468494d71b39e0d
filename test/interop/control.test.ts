/**
 * The control experiment: the same phones through another server. When a test by ear fails and this one passes, the fault is ours; when
 * both fail, it is the phones' or the drivers'. It also shows that the ear can tell a call from none: before the call nobody hears
 * anything.
 */
import { Baresip } from '../support/baresip';
import { hears, mark } from '../support/ears';
import { Kamailio } from '../support/kamailio';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import { staged } from '../support/stage';

need('linphone', 'baresip', 'kamailio')('Linphone and baresip through Kamailio', () => {
  test('hear each other, and only then', ...staged(async (stage) => {
    const server = await Kamailio.start(stage);
    const common = { server: `127.0.0.1:${server.port}`, domain: server.realm };
    const linphone = await Linphone.start(stage, { ...common, ...server.account('1001'), tone: 600 });
    const baresip = await Baresip.start(stage, { ...common, ...server.account('1002'), tone: 900 });
    await Promise.all([linphone.registered(), baresip.registered()]);
    expect([mark(linphone), mark(baresip)]).toEqual([0, 0]);
    await linphone.dial('1002');
    await baresip.ringing();
    await baresip.answer();
    await Promise.all([linphone.inCall(), baresip.inCall()]);
    await Promise.all([hears(linphone, 900, { not: [600] }), hears(baresip, 600, { not: [900] })]);
    // The ear says no as well: neither party hears what it says itself.
    await expect(hears(linphone, 600, { not: [], waitMs: 200 })).rejects.toThrow('did not hear');
    await linphone.hangUp();
    await Promise.all([linphone.ended(), baresip.ended()]);
  }, { seconds: 60 }));
});
