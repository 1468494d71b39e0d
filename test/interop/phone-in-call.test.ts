/**
 * What can be done in a call of our phone, with phones of others, by ear: hold by either side, keys both ways in every manner, a call to a
 * phone without any server.
 */
import { Baresip } from '../support/baresip';
import { connectCall, hearEachOther, marks, wholeCall, type Speaker } from '../support/conversation';
import { hearsNothing } from '../support/ears';
import { Kamailio } from '../support/kamailio';
import { Linphone } from '../support/linphone';
import { OurPhone, type OurPhoneOptions } from '../support/our-phone';
import { need } from '../support/peers';
import type { Phone } from '../support/phone';
import { Stage, staged } from '../support/stage';

let suite: Stage;
let server: Kamailio;
const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 60 });

type Ours = Speaker & { phone: OurPhone };

const common = () => ({ server: server.server('udp'), domain: server.realm });

async function ours(stage: Stage, user: string, tone: number, options: Partial<OurPhoneOptions> = {}): Promise<Ours> {
  const phone = await OurPhone.start(stage, { ...common(), ...server.account(user), tone, ...options });
  await phone.registered();
  return { phone, tone };
}

async function linphone(stage: Stage, keysByInfo = false): Promise<Speaker> {
  const phone = await Linphone.start(stage, { ...common(), ...server.account('1001'), tone: 600, keysByInfo });
  await phone.registered();
  return { phone, tone: 600 };
}

async function baresip(stage: Stage): Promise<Speaker> {
  const phone = await Baresip.start(stage, { ...common(), ...server.account('1002'), tone: 900 });
  await phone.registered();
  return { phone, tone: 900 };
}

async function hangUp(one: Phone, other: Phone): Promise<void> {
  await one.hangUp();
  await Promise.all([one.ended(), other.ended()]);
}

need('linphone', 'baresip', 'kamailio')('in a call of our phone', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Kamailio.start(suite);
  }, 30_000);
  afterAll(() => suite.close());

  test.each([['Linphone', '1001', linphone], ['baresip', '1002', baresip]] as const)('with %s: held and resumed by us, then by them', ...shared(async (stage, _name: string, number: string, start: (stage: Stage) => Promise<Speaker>) => {
    const [us, them] = await Promise.all([ours(stage, '1003', 1300), start(stage)]);
    await connectCall(us.phone, number, them.phone);
    await hearEachOther(us, them);
    await us.phone.hold();
    await hearsNothing(them.phone, 0.8);
    await us.phone.resume();
    await hearEachOther(us, them, { from: marks(us, them) });
    us.phone.remember();
    await them.phone.hold();
    await us.phone.event('held', ({ by }) => by === 'remote');
    await hearsNothing(them.phone, 0.8);
    us.phone.remember();
    await them.phone.resume();
    await us.phone.event('resumed', ({ by }) => by === 'remote');
    await hearEachOther(us, them, { from: marks(us, them) });
    await hangUp(us.phone, them.phone);
  }));

  test('keys by RFC 4733, both ways, with Linphone and baresip', ...shared(async (stage) => {
    const [one, two, lin, bare] = await Promise.all([ours(stage, '1003', 1300), ours(stage, '1004', 1700), linphone(stage), baresip(stage)]);
    await Promise.all([connectCall(one.phone, '1001', lin.phone), connectCall(bare.phone, '1004', two.phone)]);
    await Promise.all([hearEachOther(one, lin), hearEachOther(bare, two)]);
    const keys = async (us: Ours, them: Speaker): Promise<void> => {
      await us.phone.press('5', 'rfc4733');
      await them.phone.pressed('5');
      await them.phone.press('7');
      await us.phone.pressed('7', 'rfc4733');
      await us.phone.press('#');
      await them.phone.pressed('#');
    };
    await Promise.all([keys(one, lin), keys(two, bare)]);
    // a press is one press, however many packets it is
    expect(one.phone.all('digit').map(({ digit }) => digit)).toEqual(['7']);
    expect(two.phone.all('digit').map(({ digit }) => digit)).toEqual(['7']);
    await Promise.all([hangUp(one.phone, lin.phone), hangUp(bare.phone, two.phone)]);
  }));

  test('keys by INFO: to baresip, and from Linphone', ...shared(async (stage) => {
    const [one, two, lin, bare] = await Promise.all([ours(stage, '1003', 1300, { more: ['--dtmf-way', 'info'] }), ours(stage, '1004', 1700), linphone(stage, true), baresip(stage)]);
    await Promise.all([connectCall(one.phone, '1002', bare.phone), connectCall(lin.phone, '1004', two.phone)]);
    await one.phone.press('9');
    await bare.phone.pressed('9');
    await lin.phone.press('3');
    await two.phone.pressed('3', 'info');
    await Promise.all([hangUp(one.phone, bare.phone), hangUp(lin.phone, two.phone)]);
  }));

  test('keys as tones, both ways', ...shared(async (stage) => {
    const own = { codecs: ['PCMU' as const], more: ['--detect-tones'] };
    const [one, two] = await Promise.all([ours(stage, '1003', 1300, own), ours(stage, '1004', 1700, own)]);
    await connectCall(one.phone, '1004', two.phone);
    await one.phone.press('4', 'in-band');
    await two.phone.pressed('4', 'in-band');
    await two.phone.press('8', 'in-band');
    await one.phone.pressed('8', 'in-band');
    await hangUp(one.phone, two.phone);
  }));

  test('a second call waits, is answered, and the first is held meanwhile', ...shared(async (stage) => {
    const [us, lin, bare] = await Promise.all([ours(stage, '1003', 1300), linphone(stage), baresip(stage)]);
    await connectCall(us.phone, '1001', lin.phone);
    await hearEachOther(us, lin);
    const first = us.phone.lastCall;
    us.phone.remember();
    await bare.phone.dial('1003');
    const incoming = await us.phone.event('incoming');
    expect(incoming).toMatchObject({ waiting: true, from: { user: '1002' } });
    us.phone.command({ do: 'answer', call: incoming.call });
    await us.phone.event('held', ({ call, by }) => call === first && by === 'local');
    await bare.phone.inCall();
    await hearEachOther({ ...us, phone: withEar(us.phone, 2) }, bare);
    await hearsNothing(lin.phone, 0.8);
    await bare.phone.hangUp();
    await us.phone.event('ended', ({ call }) => call === incoming.call);
    us.phone.remember();
    us.phone.command({ do: 'resume', call: first });
    await us.phone.event('resumed');
    const from = [us.phone.ear(1), lin.phone].map((listener) => listener.heard().samples.length / listener.heard().rate) as [number, number];
    await hearEachOther({ ...us, phone: withEar(us.phone, 1) }, lin, { from });
    await us.phone.hangUp(first);
    await lin.phone.ended();
  }));
});

/** The phone, judged by what it hears in one of its calls. */
function withEar(phone: OurPhone, call: number): Phone {
  return Object.assign(Object.create(phone) as OurPhone, { heard: () => phone.ear(call).heard() });
}

need('baresip')('our phone without a server', () => {
  test('calls a baresip directly, and is called by it', ...staged(async (stage) => {
    const local = `127.0.0.1:${await stage.port()}`;
    const bare = await Baresip.start(stage, { server: local, domain: local, user: '1002', password: '', tone: 900, alone: true });
    const phone = await OurPhone.start(stage, { server: '127.0.0.1', user: '1001', password: '', tone: 1300, alone: true, local });
    await phone.dial(`sip:1002@127.0.0.1:${bare.sipPort}`);
    await bare.ringing();
    await bare.answer();
    await Promise.all([phone.inCall(), bare.inCall()]);
    const [us, them] = [{ phone, tone: 1300 }, { phone: bare, tone: 900 }];
    await hearEachOther(us, them);
    await hangUp(phone, bare);
    await wholeCall(them, '1001', us);
  }, { seconds: 60 }));
});
