/**
 * Transfers with our phone in each part (who transfers, who is transferred, to whom), blind and attended, with Linphone and baresip as the others:
 * through Kamailio, where the phones do it among themselves, and through our server, which does it for them.
 */
import { Baresip } from '../support/baresip';
import { connectCall, type Speaker } from '../support/conversation';
import { mark, type Listener } from '../support/ears';
import { Kamailio } from '../support/kamailio';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { Server } from '../support/server';
import { soonHears } from '../support/soon-hears';
import { Stage, staged } from '../support/stage';
import { cutOut, judge, type Hearing } from '../support/tone';
import { eventually } from '../support/wait';

interface Place {
  server: string;
  domain?: string;
  account(user: string): { user: string; password: string };
}

type Ours = Speaker & { phone: OurPhone };

const TONES = [600, 900, 1300, 1700, 2100];

let suite: Stage;
const shared = (body: () => Promise<void>): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds: 45 });

const places: Array<[string, (stage: Stage) => Promise<Place>]> = [
  ['Kamailio', async (stage) => {
    const kamailio = await Kamailio.start(stage);
    return { server: kamailio.server('udp'), domain: kamailio.realm, account: (user) => kamailio.account(user) };
  }],
  ['our server', async (stage) => {
    const server = await Server.start(stage, { extensions: ['1001', '1002', '1003', '1004', '1005'], mediaPorts: 200 });
    return { server: server.address, account: (user) => server.account(user) };
  }],
];

/** Our phones have a recording for each call: of the one that was answered last. */
const ear = ({ phone }: Speaker): Listener => (phone instanceof OurPhone ? { name: phone.name, heard: () => phone.latest.heard() } : phone);

/** This one has heard the other, and nobody else, for half a second. Whatever it heard before it came to that (ring-back, music) is over within seconds. */
async function hearsOnly(one: Speaker, other: Speaker): Promise<void> {
  const listener = ear(one);
  const lately = (): Hearing => judge(cutOut(listener.heard(), Math.max(0, mark(listener) - 0.4)));
  await eventually(`${one.phone.name} to hear ${other.phone.name}`, () => lately().secondsOf(other.tone) > 0.3, 10_000, 100);
  await soonHears(listener, other.tone, { not: TONES.filter((tone) => tone !== other.tone), seconds: 0.5, settleMs: 0 });
}

const hearOnly = (one: Speaker, other: Speaker): Promise<unknown> => Promise.all([hearsOnly(one, other), hearsOnly(other, one)]);

need('baresip', 'linphone', 'kamailio')('transfers with our phone', () => {
  describe.each(places)('through %s', (_name, start) => {
    let [us, ours, third]: Ours[] = [];
    let linphone: Speaker & { phone: Linphone };
    let baresip: Speaker & { phone: Baresip };

    beforeAll(async () => {
      suite = new Stage();
      const { account, ...place } = await start(suite);
      const one = async (user: string, tone: number): Promise<Ours> => ({ tone, phone: await OurPhone.start(suite, { ...place, ...account(user), tone, rtpPorts: await portsOf(suite) }) });
      [us, ours, third] = await Promise.all([one('1003', 1300), one('1004', 1700), one('1005', 2100)]);
      linphone = { tone: 600, phone: await Linphone.start(suite, { ...place, ...account('1001'), tone: 600 }) };
      baresip = { tone: 900, phone: await Baresip.start(suite, { ...place, ...account('1002'), tone: 900 }) };
      await Promise.all([us!, ours!, third!, linphone, baresip].map(({ phone }) => phone.registered()));
    }, 60_000);
    afterAll(() => suite.close(), 30_000);

    const talk = async (one: Speaker, number: string, other: Speaker): Promise<void> => {
      await connectCall(one.phone, number, other.phone);
      await hearOnly(one, other);
    };
    /** What a test that failed left behind must not fail the next one. */
    afterEach(async () => {
      await Promise.all([us!, ours!, third!].map(({ phone }) => idle(phone)));
      linphone.phone.command('terminate all');
      await baresip.phone.hangUp().catch(() => undefined);
    });

    /** Whoever stays in a call after a transfer ends it. */
    const part = async (one: Speaker, other: Speaker): Promise<void> => {
      await one.phone.hangUp();
      await Promise.all([one.phone.ended(), other.phone.ended()]);
    };

    test('blind: we transfer Linphone to baresip', ...shared(async () => {
      await talk(us!, '1001', linphone);
      us!.phone.remember();
      us!.phone.command({ do: 'transfer', to: '1002' });
      await baresip.phone.ringing();
      await baresip.phone.answer();
      await us!.phone.event('transfer', ({ state }) => state === 'done');
      await us!.phone.ended();
      await hearOnly(linphone, baresip);
      await baresip.phone.hangUp();
      await Promise.all([linphone.phone.ended(), baresip.phone.ended()]);
    }));

    test('blind: baresip transfers us to another of ours', ...shared(async () => {
      await talk(us!, '1002', baresip);
      us!.phone.remember();
      await baresip.phone.transfer('1004');
      await ours!.phone.ringing();
      await ours!.phone.answer();
      await baresip.phone.ended();
      await hearOnly(us!, ours!);
      await part(ours!, us!);
    }));

    test('blind: Linphone transfers one of ours to us', ...shared(async () => {
      await talk(linphone, '1004', ours!);
      ours!.phone.remember();
      await linphone.phone.transfer('1003');
      await us!.phone.ringing();
      await us!.phone.answer();
      await linphone.phone.ended();
      await hearOnly(us!, ours!);
      await part(us!, ours!);
    }));

    test('attended: we ask another of ours first, then put Linphone through', ...shared(async () => {
      await talk(us!, '1001', linphone);
      const first = us!.phone.lastCall;
      await connectCall(us!.phone, '1004', ours!.phone);
      await hearsOnly(ours!, us!);
      const second = us!.phone.lastCall;
      us!.phone.remember();
      us!.phone.command({ do: 'transfer-to', call: first, other: second });
      await us!.phone.event('transfer', ({ state }) => state === 'done');
      await Promise.all([first, second].map((id) => us!.phone.event('ended', ({ call }) => call === id)));
      await hearOnly(linphone, ours!);
      await linphone.phone.hangUp();
      await linphone.phone.ended();
    }));

    test('attended: Linphone asks one of ours first, then puts us through', ...shared(async () => {
      await talk(linphone, '1003', us!);
      await linphone.phone.hold();
      await connectCall(linphone.phone, '1004', ours!.phone);
      await linphone.phone.transferToOther();
      await hearOnly(us!, ours!);
      await us!.phone.hangUp();
      await us!.phone.event('ended');
    }));

    test('attended: all are ours', ...shared(async () => {
      await talk(us!, '1004', ours!);
      const first = us!.phone.lastCall;
      await connectCall(us!.phone, '1005', third!.phone);
      const second = us!.phone.lastCall;
      us!.phone.remember();
      us!.phone.command({ do: 'transfer-to', call: first, other: second });
      await us!.phone.event('transfer', ({ state }) => state === 'done');
      await Promise.all([first, second].map((id) => us!.phone.event('ended', ({ call }) => call === id)));
      await hearOnly(ours!, third!);
      await ours!.phone.hangUp();
      await ours!.phone.event('ended');
    }));

    test('to a number that nobody has: we are told, and go on with the call that we hold', ...shared(async () => {
      await talk(us!, '1002', baresip);
      us!.phone.remember();
      us!.phone.command({ do: 'transfer', to: '4999' });
      const failed = await us!.phone.event('transfer', ({ state }) => state === 'failed');
      expect(failed.status).toBe(404);
      await us!.phone.event('error', ({ do: what }) => what === 'transfer');
      await us!.phone.resume();
      await hearOnly(us!, baresip);
      await part(us!, baresip);
    }));
  });
});

/** Ends whatever calls it has. */
function idle(phone: OurPhone): Promise<unknown> {
  return eventually(`${phone.name} to be in no call`, async () => {
    phone.remember();
    phone.command({ do: 'calls' });
    // one that ends by itself meanwhile makes an error of the command to end it
    const { calls } = await phone.event('calls').catch(() => ({ calls: undefined }));
    for (const { call } of calls ?? []) phone.command({ do: 'hangup', call });
    return calls?.length === 0;
  }, 5000, 100);
}

/** Two for each call, which rest for a while; these phones have many calls. */
async function portsOf(stage: Stage): Promise<[number, number]> {
  const { first, last } = await stage.ports(40);
  return [first, last];
}
