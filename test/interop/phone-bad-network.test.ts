/**
 * Five of a hundred packets lost each way and 40 ms of jitter between our phone and the rest: the tone is still heard for what it is, at both
 * ends, and the phone says what is the matter. (This kernel has no netem: the packets pass through `support/bad-route.ts`.)
 */
import { BadRoute } from '../support/bad-route';
import { Baresip } from '../support/baresip';
import { connectCall, type Speaker } from '../support/conversation';
import { Kamailio } from '../support/kamailio';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import type { Codec } from '../support/phone';
import { Stage, staged } from '../support/stage';
import { cutOut, judge } from '../support/tone';
import { eventually } from '../support/wait';
import type { Recording } from '../support/wav';

const SECONDS = 5;

/** What the far end says arrives nearly whole: holes are concealed, nothing else is heard. */
function clearly(name: string, recording: Recording, hz: number, least: { share: number; loud: number }): void {
  const heard = judge(recording);
  const share = heard.share(hz);
  const loud = heard.loudSeconds / heard.seconds;
  const report = `${name}: ${heard.seconds.toFixed(2)} s, ${(100 * loud).toFixed(1)} % of it sound, ${(100 * share).toFixed(1)} % of that at ${hz} Hz`;
  expect([report, share > least.share, loud > least.loud]).toEqual([report, true, true]);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const near = (value: number, expected: number, by: number): boolean => Math.abs(value - expected) < by;

need('kamailio', 'baresip', 'linphone')('our phone on a bad network', () => {
  let suite: Stage;
  let server: Kamailio;
  beforeAll(async () => {
    suite = new Stage();
    server = await Kamailio.start(suite);
  }, 30_000);
  afterAll(() => suite.close());

  const others: Record<string, (stage: Stage, codecs: Codec[]) => Promise<Speaker>> = {
    baresip: async (stage, codecs) => ({ phone: await Baresip.start(stage, { server: server.server('udp'), domain: server.realm, ...server.account('1002'), tone: 900, codecs }), tone: 900 }),
    Linphone: async (stage, codecs) => ({ phone: await Linphone.start(stage, { server: server.server('udp'), domain: server.realm, ...server.account('1002'), tone: 900, codecs }), tone: 900 }),
    ours: async (stage, codecs) => ({ phone: await OurPhone.start(stage, { server: server.server('udp'), domain: server.realm, ...server.account('1002'), tone: 900, codecs }), tone: 900 }),
  };

  test.each<[Codec, keyof typeof others]>([['PCMU', 'baresip'], ['opus', 'Linphone'], ['opus', 'ours']])('%s with %s: heard, and measured', ...staged(async (stage, codec: Codec, whom: keyof typeof others) => {
    const rough = { loss: 0.05, jitterMs: 40, delayMs: 20 };
    const route = await BadRoute.open(stage, { server: { address: server.address, port: server.port }, toPhone: { ...rough, seed: 11 }, fromPhone: { ...rough, seed: 12 } });
    const other = await others[whom]!(stage, [codec]);
    const phone = await OurPhone.start(stage, { server: route.address, domain: server.realm, ...server.account('1003'), tone: 1300, codecs: [codec] });
    await Promise.all([other.phone.registered(), phone.registered()]);
    await connectCall(phone, '1002', other.phone);
    // the jitter buffer has learnt by then
    await eventually('the first second', () => judge(phone.heard()).secondsOf(900) > 1, 15_000, 100);
    const from = phone.heard().samples.length / phone.heard().rate;
    const theirs = other.phone.heard().samples.length / other.phone.heard().rate;
    await eventually('enough to judge', () => phone.heard().samples.length / phone.heard().rate > from + SECONDS, 20_000, 100);
    clearly('our phone', cutOut(phone.heard(), from, from + SECONDS), 900, { share: 0.9, loud: 0.88 });
    clearly(whom, cutOut(other.phone.heard(), theirs, theirs + SECONDS - 0.5), 1300, { share: whom === 'ours' ? 0.9 : 0.6, loud: 0.8 });
    const { quality } = await phone.event('quality', (event) => event.quality.heard.packets > 250 && event.quality.sent.lossFraction !== null);
    const { toPhone } = route.counts();
    const lost = quality.heard.lost / (quality.heard.packets + quality.heard.lost);
    const measured = `${percent(lost)} lost of what was really ${percent(toPhone.lost / toPhone.packets)}; ${JSON.stringify(quality)}`;
    const { heard, sent } = quality;
    expect([measured, near(lost, toPhone.lost / toPhone.packets, 0.02)]).toEqual([measured, true]);
    // a report may be of some thirty packets only: chance makes anything from none to a fifth of 5 %
    expect([measured, near(sent.lossFraction!, 0.05, 0.15)]).toEqual([measured, true]);
    expect([measured, heard.jitterMs! > 5 && heard.jitterMs! < 40, heard.bufferMs! > 20]).toEqual([measured, true, true]);
    // what Opus brings twice is lost to nobody's ear
    expect([measured, heard.mos! < (codec === 'opus' ? 4.4 : 4.3)]).toEqual([measured, true]);
    await phone.hangUp();
    await Promise.all([phone.ended(), other.phone.ended()]);
  }, { suite: () => suite, seconds: 60 }));
});
