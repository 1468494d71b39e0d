/**
 * Transfers with our phone in each part (who transfers, who is transferred, to whom), blind and attended, through Kamailio, where the phones
 * do it among themselves, and through our server, which does it for them.
 */
import { Baresip } from '../support/baresip';
import { connectCall, hearEachOther, type Speaker } from '../support/conversation';
import { hears, mark } from '../support/ears';
import { Kamailio } from '../support/kamailio';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';

interface Place {
  server: string;
  domain?: string;
  account(user: string): { user: string; password: string };
}

type Ours = Speaker & { phone: OurPhone };

let suite: Stage;
const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 60 });

async function ours(stage: Stage, { account, ...place }: Place, user: string, tone: number): Promise<Ours> {
  const phone = await OurPhone.start(stage, { ...place, ...account(user), tone });
  await phone.registered();
  return { phone, tone };
}

async function baresip(stage: Stage, { account, ...place }: Place): Promise<Speaker & { phone: Baresip }> {
  const phone = await Baresip.start(stage, { ...place, ...account('1002'), tone: 900 });
  await phone.registered();
  return { phone, tone: 900 };
}

/** These two hear each other from now on. */
async function hearNow(one: Speaker, other: Speaker): Promise<void> {
  await Promise.all([
    hears(one.phone, other.tone, { not: [one.tone], from: mark(one.phone), seconds: 0.6 }),
    hears(other.phone, one.tone, { not: [other.tone], from: mark(other.phone), seconds: 0.6 }),
  ]);
}

const places: Array<[string, (stage: Stage) => Promise<Place>]> = [
  ['Kamailio', async (stage) => {
    const kamailio = await Kamailio.start(stage);
    return { server: kamailio.server('udp'), domain: kamailio.realm, account: (user) => kamailio.account(user) };
  }],
  ['our server', async (stage) => {
    const server = await Server.start(stage, { extensions: ['1001', '1002', '1003', '1004'] });
    return { server: server.address, account: (user) => server.account(user) };
  }],
];

need('baresip', 'kamailio')('transfers with our phone', () => {
  describe.each(places)('through %s', (_name, start) => {
    let place: Place;
    beforeAll(async () => {
      suite = new Stage();
      place = await start(suite);
    }, 30_000);
    afterAll(() => suite.close());

    test('we transfer a baresip, blindly, to another of ours', ...shared(async (stage) => {
      const [us, them, third] = await Promise.all([ours(stage, place, '1003', 1300), baresip(stage, place), ours(stage, place, '1004', 1700)]);
      await connectCall(us.phone, '1002', them.phone);
      await hearEachOther(us, them);
      us.phone.remember();
      us.phone.command({ do: 'transfer', to: '1004' });
      await third.phone.ringing();
      await third.phone.answer();
      await third.phone.inCall();
      await us.phone.event('transfer', ({ state }) => state === 'done');
      await us.phone.event('ended');
      await hearNow(them, third);
      await third.phone.hangUp();
      await third.phone.ended();
    }));

    test('a baresip transfers us, blindly, to another of ours', ...shared(async (stage) => {
      const [us, them, third] = await Promise.all([ours(stage, place, '1003', 1300), baresip(stage, place), ours(stage, place, '1004', 1700)]);
      await connectCall(us.phone, '1002', them.phone);
      await hearEachOther(us, them);
      await them.phone.transfer('1004');
      await third.phone.ringing();
      await third.phone.answer();
      await third.phone.inCall();
      await hearNow(us, third);
      await third.phone.hangUp();
      await third.phone.ended();
    }));

    test('we ask first: attended, between two others', ...shared(async (stage) => {
      const [us, them, third] = await Promise.all([ours(stage, place, '1003', 1300), ours(stage, place, '1001', 700), ours(stage, place, '1004', 1700)]);
      await connectCall(us.phone, '1001', them.phone);
      await hearEachOther(us, them);
      const first = us.phone.lastCall;
      await connectCall(us.phone, '1004', third.phone);
      await hears(third.phone, us.tone, { not: [them.tone], seconds: 0.6 });
      const second = us.phone.lastCall;
      us.phone.remember();
      us.phone.command({ do: 'transfer-to', call: first, other: second });
      await us.phone.event('transfer', ({ state }) => state === 'done');
      await us.phone.event('ended', ({ call }) => call === first);
      await us.phone.event('ended', ({ call }) => call === second);
      await hearNow(them, third);
      await them.phone.hangUp();
      await third.phone.event('ended');
    }));

    test('a transfer to a number that nobody has: we are told, and still in the call', ...shared(async (stage) => {
      const [us, them] = await Promise.all([ours(stage, place, '1003', 1300), ours(stage, place, '1001', 700)]);
      await connectCall(us.phone, '1001', them.phone);
      await hearEachOther(us, them);
      us.phone.remember();
      us.phone.command({ do: 'transfer', to: '4999' });
      const failed = await us.phone.event('transfer', ({ state }) => state === 'failed');
      expect(failed.status).toBe(404);
      const call = us.phone.lastCall;
      if (us.phone.all('held').length > us.phone.all('resumed').length) await us.phone.resume(call);
      await hearNow(us, them);
      await us.phone.hangUp();
      await them.phone.ended();
    }));
  });
});
