/**
 * Phones that encrypt, and phones that do not, by ear: whatever each of Linphone and baresip is set to, they call each other and hear the
 * other's tone. And calls between phones without a codec in common.
 */
import { Baresip } from '../support/baresip';
import { hears, hearsNothing, mark } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import type { Codec, PhoneOptions } from '../support/phone';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { BARESIP_TONE, call, hangUp, hearEachOther, LINPHONE_TONE, now, type Phones } from '../support/two-phones';
import { eventually } from '../support/wait';

const CODECS: readonly Codec[] = ['PCMU', 'PCMA', 'G722', 'opus'];

type Srtp = PhoneOptions['srtp'] | 'plain';

let suite: Stage;
let server: Server;

interface Setup {
  srtp?: Srtp;
  codecs?: Codec[];
}

async function phones(stage: Stage, ofLinphone: Setup, ofBaresip: Setup, at: Server = server): Promise<Phones> {
  const options = (number: string, { srtp = 'plain', codecs }: Setup) => ({
    server: at.address, ...at.account(number), ...(srtp !== 'plain' && { srtp }), ...(codecs && { codecs }),
  });
  const [linphone, baresip] = await Promise.all([
    Linphone.start(stage, { ...options('1001', ofLinphone), tone: LINPHONE_TONE }),
    Baresip.start(stage, { ...options('1002', ofBaresip), tone: BARESIP_TONE }),
  ]);
  await Promise.all([linphone.registered(), baresip.registered()]);
  return { linphone, baresip };
}

/** How each call went, on the caller's and on the callee's side: `srtp` or `udp`, as the server says when it has ended. */
const transports = (at: Server): Array<[string, string]> =>
  [...at.output.matchAll(/"pipeline":"(srtp|udp)\(.*?(srtp|udp)\(:\d+\)","msg":"call ended"/g)].map(([, caller, callee]) => [caller!, callee!]);

/** The next one after so many. */
const nextTransports = (at: Server, seen: number): Promise<[string, string]> => eventually('the end of the call in the log', () => transports(at)[seen]);

/** One that demands it has it, one that is plain has not; between two that would rather, either is right. */
const rightFor = (srtp: Srtp): RegExp => (srtp === 'required' ? /^srtp$/ : srtp === 'optional' ? /^(srtp|udp)$/ : /^udp$/);

need('linphone', 'baresip')('each leg on its own terms', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite);
  }, 30_000);
  afterAll(() => suite.close());
  const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> =>
    staged(body, { suite: () => suite, seconds: 60 });

  test.each<[Srtp, Srtp]>([
    ['required', 'plain'],
    ['plain', 'required'],
    ['required', 'required'],
    ['optional', 'optional'],
    ['required', 'optional'],
    ['optional', 'plain'],
  ])('Linphone %s, baresip %s: both ways', ...shared(async (stage, ofLinphone: Srtp, ofBaresip: Srtp) => {
    const seen = transports(server).length;
    const both = await phones(stage, { srtp: ofLinphone }, { srtp: ofBaresip });
    await call(both.linphone, '1002', both.baresip);
    await hearEachOther(both);
    await hangUp(both.linphone, both);
    const [linphoneOut, baresipIn] = await nextTransports(server, seen);
    expect(linphoneOut).toMatch(rightFor(ofLinphone));
    expect(baresipIn).toMatch(rightFor(ofBaresip));
    await call(both.baresip, '1001', both.linphone);
    await hearEachOther(both, now(both));
    await hangUp(both.baresip, both);
    const [baresipOut, linphoneIn] = await nextTransports(server, seen + 1);
    expect(baresipOut).toMatch(rightFor(ofBaresip));
    expect(linphoneIn).toMatch(rightFor(ofLinphone));
  }));

  test('encrypted, held by Linphone and resumed', ...shared(async (stage) => {
    const both = await phones(stage, { srtp: 'required' }, {});
    await call(both.baresip, '1001', both.linphone);
    await hearEachOther(both);
    await both.linphone.hold();
    await hearsNothing(both.linphone);
    await both.linphone.resume();
    await hearEachOther(both, now(both));
    await hangUp(both.baresip, both);
  }));

  test.each<[Codec, Codec]>(
    CODECS.flatMap((one) => CODECS.filter((other) => other !== one).map((other): [Codec, Codec] => [one, other])),
  )('Linphone knows only %s, baresip only %s', ...shared(async (stage, ofLinphone: Codec, ofBaresip: Codec) => {
    const both = await phones(stage, { codecs: [ofLinphone] }, { codecs: [ofBaresip] });
    await call(both.linphone, '1002', both.baresip);
    await hearEachOther(both);
    await both.linphone.press('5');
    await both.baresip.pressed('5');
    await hangUp(both.baresip, both);
  }));

  test.each(CODECS)('%s, spoken with ourselves: Linphone and baresip each hear themselves at *43', ...shared(async (stage, codec: Codec) => {
    const both = await phones(stage, { codecs: [codec] }, { codecs: [codec] });
    await Promise.all([both.linphone.dial('*43'), both.baresip.dial('*43')]);
    await Promise.all([both.linphone.inCall(), both.baresip.inCall()]);
    await Promise.all([both.linphone.press('#'), both.baresip.press('#')]); // past the introduction
    await Promise.all([hears(both.linphone, LINPHONE_TONE, { not: [BARESIP_TONE] , from: mark(both.linphone) }), hears(both.baresip, BARESIP_TONE, { not: [LINPHONE_TONE], from: mark(both.baresip) })]);
    await Promise.all([both.linphone.hangUp(), both.baresip.hangUp()]);
    await Promise.all([both.linphone.ended(), both.baresip.ended()]);
  }));

  test('encrypted on one side, and transcoded', ...shared(async (stage) => {
    const both = await phones(stage, { srtp: 'required', codecs: ['opus'] }, { codecs: ['PCMU'] });
    await call(both.baresip, '1001', both.linphone);
    await hearEachOther(both);
    await hangUp(both.linphone, both);
  }));

  test('an extension that requires SRTP is called so', ...shared(async (stage) => {
    const strict = await Server.start(stage, { srtp: { 1002: 'required', 1001: 'off' } });
    const both = await phones(stage, { srtp: 'plain' }, { srtp: 'optional' }, strict);
    await call(both.linphone, '1002', both.baresip);
    await hearEachOther(both);
    await hangUp(both.linphone, both);
  }));
});
