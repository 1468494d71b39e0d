/**
 * Our phone in each codec, in the clear and encrypted, with Linphone, with baresip and with another of its kind, either calling. Kamailio is
 * between them for SIP only: sound goes directly from phone to phone, so what one says the other has decoded.
 */
import { Baresip } from '../support/baresip';
import { wholeCall, type Speaker } from '../support/conversation';
import { Kamailio } from '../support/kamailio';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import type { Codec } from '../support/phone';
import { Stage, staged } from '../support/stage';

let suite: Stage;
let server: Kamailio;
const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 60 });

interface Cast {
  linphone: Speaker;
  baresip: Speaker;
  one: Speaker & { phone: OurPhone };
  two: Speaker & { phone: OurPhone };
}

interface Setup {
  codecs: Codec[];
  theirs?: 'optional' | 'required';
  ours?: 'off' | 'optional' | 'required';
}

async function cast(stage: Stage, { codecs, theirs, ours }: Setup): Promise<Cast> {
  const common = { server: server.server('udp'), domain: server.realm, codecs };
  const peer = { ...common, ...(theirs && { srtp: theirs }) };
  const own = { ...common, ...(ours && { srtp: ours }) };
  const [linphone, baresip, one, two] = await Promise.all([
    Linphone.start(stage, { ...peer, ...server.account('1001'), tone: 600 }),
    Baresip.start(stage, { ...peer, ...server.account('1002'), tone: 900 }),
    OurPhone.start(stage, { ...own, ...server.account('1003'), tone: 1300 }),
    OurPhone.start(stage, { ...own, ...server.account('1004'), tone: 1700 }),
  ]);
  await Promise.all([linphone, baresip, one, two].map((phone) => phone.registered()));
  return { linphone: { phone: linphone, tone: 600 }, baresip: { phone: baresip, tone: 900 }, one: { phone: one, tone: 1300 }, two: { phone: two, tone: 1700 } };
}

/** Everybody with everybody, two calls at a time. Resolves with what our phones said of their calls. */
async function everybody({ linphone, baresip, one, two }: Cast): Promise<Array<{ codec: string | null; encrypted: boolean }>> {
  await Promise.all([wholeCall(one, '1001', linphone), wholeCall(two, '1002', baresip)]);
  await Promise.all([wholeCall(baresip, '1003', one, 'callee'), wholeCall(linphone, '1004', two)]);
  await wholeCall(one, '1004', two);
  return [...one.phone.all('answered'), ...two.phone.all('answered')].map(({ codec, encrypted }) => ({ codec, encrypted }));
}

need('linphone', 'baresip', 'kamailio')('our phone', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Kamailio.start(suite);
  }, 30_000);
  afterAll(() => suite.close());

  test.each<Codec>(['PCMU', 'PCMA', 'G722', 'opus'])('in %s', ...shared(async (stage, codec: Codec) => {
    const said = await everybody(await cast(stage, { codecs: [codec], ours: 'off' }));
    expect(said).toEqual(Array.from({ length: 6 }, () => ({ codec, encrypted: false })));
  }));

  test.each<[string, Setup]>([
    ['theirs may, ours must', { codecs: ['opus'], theirs: 'optional', ours: 'required' }],
    ['theirs must, ours may', { codecs: ['PCMU'], theirs: 'required', ours: 'optional' }],
  ])('encrypted: %s', ...shared(async (stage, _how: string, setup: Setup) => {
    const said = await everybody(await cast(stage, setup));
    expect(said.every(({ encrypted }) => encrypted)).toBe(true);
  }));

  test('as everybody comes: whatever codec is common', ...shared(async (stage) => {
    const common = { server: server.server('udp'), domain: server.realm };
    const baresip = await Baresip.start(stage, { ...common, ...server.account('1002'), codecs: ['PCMA'], tone: 900 });
    const phone = await OurPhone.start(stage, { ...common, ...server.account('1003'), tone: 1300 });
    await Promise.all([baresip.registered(), phone.registered()]);
    await wholeCall({ phone, tone: 1300 }, '1002', { phone: baresip, tone: 900 });
    await wholeCall({ phone: baresip, tone: 900 }, '1003', { phone, tone: 1300 });
    expect(phone.all('answered').map(({ codec }) => codec)).toEqual(['PCMA', 'PCMA']);
  }));

  test('without a codec in common: 488, said in words', ...shared(async (stage) => {
    const common = { server: server.server('udp'), domain: server.realm };
    const baresip = await Baresip.start(stage, { ...common, ...server.account('1002'), codecs: ['PCMA'], tone: 900 });
    const phone = await OurPhone.start(stage, { ...common, ...server.account('1003'), codecs: ['G722'], tone: 1300 });
    await Promise.all([baresip.registered(), phone.registered()]);
    await baresip.dial('1003');
    await baresip.ended();
    expect(phone.all('incoming')).toEqual([]);
    await phone.dial('1002');
    expect(await phone.event('ended')).toMatchObject({ answered: false, status: 488 });
  }));
});
