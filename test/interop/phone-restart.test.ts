/**
 * The server dies without a word in the middle of a call and comes back knowing nothing. Where sound goes directly (Kamailio) it goes on, the
 * registration comes back, and the call can still be held, resumed and ended. Our own server's sound dies with it: its calls end at the first
 * thing that is asked of them, and the phone goes on.
 */
import { connectCall, hearEachOther, marks, wholeCall, type Speaker } from '../support/conversation';
import { hears, mark } from '../support/ears';
import { Kamailio, type KamailioTransport } from '../support/kamailio';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { Server } from '../support/server';
import { staged, type Stage } from '../support/stage';

type Ours = Speaker & { phone: OurPhone };

async function ours(stage: Stage, options: Parameters<typeof OurPhone.start>[1]): Promise<Ours> {
  const phone = await OurPhone.start(stage, options);
  await phone.registered();
  return { phone, tone: options.tone };
}

need('kamailio', 'kamailio-websocket', 'linphone')('our phone, when the server is killed in a call', () => {
  test.each<[KamailioTransport, 'ours' | 'Linphone']>([['udp', 'ours'], ['udp', 'Linphone'], ['tcp', 'ours'], ['ws', 'ours']])('over %s, with %s', ...staged(async (stage, transport: KamailioTransport, whom: 'ours' | 'Linphone') => {
    const web = transport === 'ws';
    const server = await Kamailio.start(stage, { web });
    const place = { server: server.server(transport), domain: server.realm };
    const often = { transport, more: ['--expires', '10'] };
    const us = await ours(stage, { ...place, ...server.account('1003'), ...often, tone: 1300 });
    const other = whom === 'ours'
      ? await ours(stage, { ...place, ...server.account('1004'), ...often, tone: 1700 })
      : { phone: await Linphone.start(stage, { ...place, ...server.account('1004'), tone: 600 }), tone: 600 };
    await other.phone.registered();
    await connectCall(us.phone, '1004', other.phone);
    await hearEachOther(us, other);
    await server.kill();
    // nobody is there, and they hear each other all the while
    await Promise.all([hears(us.phone, other.tone, { not: [us.tone], from: mark(us.phone), seconds: 1.5 }), hears(other.phone, us.tone, { not: [other.tone], from: mark(other.phone), seconds: 1.5 })]);
    // they may have been told already that the way is gone; that it was there before does not count
    const phones = [us, other].flatMap(({ phone }) => (phone instanceof OurPhone ? [phone] : []));
    for (const phone of phones) phone.remember();
    await Kamailio.start(stage, { web, successorOf: server });
    await Promise.all(phones.map((phone) => phone.event('registered', () => true, 30_000)));
    await us.phone.hold();
    await us.phone.resume();
    await hearEachOther(us, other, { from: marks(us, other) });
    await other.phone.hangUp();
    await Promise.all([us.phone.ended(), other.phone.ended()]);
    if (whom === 'ours') await wholeCall(other, '1003', us);
  }, { seconds: 90 }));
});

describe('our phone, when our server is killed in a call', () => {
  const forgotten = { by: 'network', status: 481, answered: true, problem: 'the far end does not know of this call any more' };

  const talking = async (stage: Stage, transport: 'udp' | 'tcp'): Promise<{ server: Server; one: Ours; two: Ours }> => {
    const server = await Server.start(stage);
    const at = { server: server.address, transport };
    const [one, two] = await Promise.all([ours(stage, { ...at, ...server.account('1001'), tone: 1300 }), ours(stage, { ...at, ...server.account('1002'), tone: 1700 })]);
    await connectCall(one.phone, '1002', two.phone);
    await hearEachOther(one, two);
    for (const { phone } of [one, two]) phone.remember();
    return { server, one, two };
  };

  test('over TCP: both learn when they are connected again that it is over, and the next call works', ...staged(async (stage) => {
    const { server, one, two } = await talking(stage, 'tcp');
    await server.kill();
    await Server.start(stage, { successorOf: server });
    for (const { phone } of [one, two]) {
      await phone.event('registered', () => true, 30_000);
      expect(await phone.event('ended')).toMatchObject(forgotten);
    }
    await wholeCall(one, '1002', two);
  }, { seconds: 90 }));

  test('over UDP: it ends as soon as something is asked of it, and the next call works', ...staged(async (stage) => {
    const { server, one, two } = await talking(stage, 'udp');
    await server.kill();
    await Server.start(stage, { successorOf: server });
    one.phone.command({ do: 'hold' });
    expect(await one.phone.event('ended')).toMatchObject(forgotten);
    await two.phone.hangUp();
    expect(await two.phone.event('ended')).toMatchObject({ by: 'local', answered: true });
    await wholeCall(one, '1002', two);
  }, { seconds: 90 }));
});
