/** Short messages (RFC 3428) between our phone, Linphone and baresip, through Kamailio and through our server; who watches whom (RFC 3856). */
import { Baresip } from '../support/baresip';
import { Kamailio } from '../support/kamailio';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';

interface Place {
  server: string;
  domain?: string;
  account(user: string): { user: string; password: string };
}

let suite: Stage;
const shared = (body: () => Promise<void>): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds: 30 });

const places: Array<[string, (stage: Stage) => Promise<Place>]> = [
  ['Kamailio', async (stage) => {
    const kamailio = await Kamailio.start(stage, { presence: true });
    return { server: kamailio.server('udp'), domain: kamailio.realm, account: (user) => kamailio.account(user) };
  }],
  ['our server', async (stage) => {
    const server = await Server.start(stage, { extensions: ['1001', '1002', '1003', '1004'] });
    return { server: server.address, account: (user) => server.account(user) };
  }],
];

/** In a language that one octet a character is not enough for, with what XML and SIP have their own use for. */
const TEXT = 'Grüße <an> alle & 你好';

need('linphone', 'baresip', 'kamailio', 'kamailio-presence')('messages and presence', () => {
  describe.each(places)('through %s', (_name, start) => {
    let account: Place['account'];
    let place: Omit<Place, 'account'>;
    let ours: OurPhone;
    let linphone: Linphone;
    let baresip: Baresip;

    beforeAll(async () => {
      suite = new Stage();
      ({ account, ...place } = await start(suite));
      ours = await OurPhone.start(suite, { ...place, ...account('1003'), tone: 1300 });
      linphone = await Linphone.start(suite, { ...place, ...account('1001'), tone: 600 });
      baresip = await Baresip.start(suite, { ...place, ...account('1002'), tone: 900, contact: '1003' });
      await Promise.all([ours, linphone, baresip].map((phone) => phone.registered()));
    }, 60_000);
    afterAll(() => suite.close(), 30_000);

    test('ours to Linphone and back', ...shared(async () => {
      ours.remember();
      ours.command({ do: 'message', to: '1001', text: TEXT });
      expect(await ours.event('message-sent')).toMatchObject({ ok: true });
      await linphone.chatted('1003', TEXT);
      await linphone.chat('1003', 'and to you');
      expect(await ours.event('message')).toMatchObject({ from: { user: '1001' }, text: 'and to you' });
    }));

    test('ours to baresip and back', ...shared(async () => {
      ours.remember();
      ours.command({ do: 'message', to: '1002', text: 'hello' });
      expect(await ours.event('message-sent')).toMatchObject({ ok: true });
      await baresip.messaged('1003', 'hello');
      await baresip.message('hello yourself');
      expect(await ours.event('message')).toMatchObject({ from: { user: '1002' }, text: 'hello yourself' });
    }));

    test('Linphone to baresip', ...shared(async () => {
      await linphone.chat('1002', 'lunch at one');
      await baresip.messaged('1001', 'lunch at one');
    }));

    test('to a number that nobody has: we are told', ...shared(async () => {
      ours.remember();
      ours.command({ do: 'message', to: '4999', text: 'anybody?' });
      expect(await ours.event('message-sent')).toMatchObject({ ok: false, status: 404 });
      expect(await ours.event('error')).toMatchObject({ do: 'message' });
    }));

    test('we watch somebody, who comes then: Linphone', ...shared(async () => {
      ours.remember();
      ours.command({ do: 'watch', who: '1004' });
      const late = await Linphone.start(suite, { ...place, ...account('1004'), tone: 1700, publishes: true });
      await late.registered();
      await ours.event('presence', ({ of, state }) => of === '1004' && state === 'open');
      expect(ours.all('presence-failed')).toEqual([]);
      // (it cannot say that it is gone: Kamailio answers its last PUBLISH with 400)
      ours.command({ do: 'unwatch', who: '1004' });
    }));
  });
});
