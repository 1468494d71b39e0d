/** The server dies without a word in the middle of a call and comes back knowing nothing: the sound goes on, the registration comes back, and the call can still be held, resumed and ended. */
import { connectCall, hearEachOther, marks, wholeCall, type Speaker } from '../support/conversation';
import { hears, mark } from '../support/ears';
import { Kamailio, type KamailioTransport } from '../support/kamailio';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { Server } from '../support/server';
import { staged } from '../support/stage';

need('kamailio', 'kamailio-tls', 'kamailio-websocket', 'openssl')('our phone, when the server is killed in a call', () => {
  test.each<KamailioTransport>(['udp', 'tcp', 'tls', 'ws'])('over %s', ...staged(async (stage, transport: KamailioTransport) => {
    const all = { tls: transport === 'tls', web: transport === 'ws' };
    const server = await Kamailio.start(stage, all);
    const phone = async (user: string, tone: number): Promise<Speaker & { phone: OurPhone }> => {
      const one = await OurPhone.start(stage, {
        server: server.server(transport), domain: server.realm, transport, ...server.account(user), tone,
        ...(server.certificate && { ca: server.certificate.ca }), more: ['--expires', '10'],
      });
      await one.registered();
      return { phone: one, tone };
    };
    const [one, two] = await Promise.all([phone('1003', 1300), phone('1004', 1700)]);
    await connectCall(one.phone, '1004', two.phone);
    await hearEachOther(one, two);
    for (const { phone: us } of [one, two]) us.remember();
    await server.kill();
    // for a second and a half nobody is there, and they hear each other all the while
    await Promise.all([hears(one.phone, two.tone, { not: [], from: mark(one.phone), seconds: 1.5 }), hears(two.phone, one.tone, { not: [], from: mark(two.phone), seconds: 1.5 })]);
    await Kamailio.start(stage, { ...all, successorOf: server });
    await Promise.all([one, two].map(({ phone: us }) => us.event('registered', () => true, 25_000)));
    await one.phone.hold();
    await one.phone.resume();
    await hearEachOther(one, two, { from: marks(one, two) });
    await two.phone.hangUp();
    await Promise.all([one.phone.ended(), two.phone.ended()]);
    await wholeCall(two, '1003', one);
  }, { seconds: 90 }));
});

describe('our phone, when our server is killed and comes back', () => {
  test.each(['udp', 'tcp'] as const)('over %s: it registers again by itself, and calls', ...staged(async (stage, transport: 'udp' | 'tcp') => {
    const server = await Server.start(stage);
    const phone = async (user: string, tone: number): Promise<Speaker & { phone: OurPhone }> => {
      const one = await OurPhone.start(stage, { server: server.address, ...server.account(user), transport, tone, more: ['--expires', '60'] });
      await one.registered();
      return { phone: one, tone };
    };
    const [one, two] = await Promise.all([phone('1001', 1300), phone('1002', 1700)]);
    for (const { phone: us } of [one, two]) us.remember();
    await server.kill();
    if (transport === 'tcp') await Promise.all([one, two].map(({ phone: us }) => us.event('disconnected')));
    await Server.start(stage, { successorOf: server });
    if (transport === 'tcp') await Promise.all([one, two].map(({ phone: us }) => us.event('registered', () => true, 40_000)));
    await wholeCall(one, '1002', two);
  }, { seconds: 90 }));
});
