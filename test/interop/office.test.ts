/** A menu, a page to several phones, a supervisor in a call, and a program of one's own, with real phones, by ear. */
import { writeFileSync } from 'node:fs';
import { Baresip } from '../support/baresip';
import { hearEachOther, wholeCall, type Speaker } from '../support/conversation';
import { hears, mark } from '../support/ears';
import { Linphone } from '../support/linphone';
import { OurPhone } from '../support/our-phone';
import { need } from '../support/peers';
import { offhook, Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { cutOut, judge } from '../support/tone';
import { eventually } from '../support/wait';

const settings = `
extensions:
  - number: "1002"
    settings: { supervisor: { calls: ["*"] } }
hours:
  - { name: never, timeZone: UTC, override: closed }
menus:
  - { number: "610", prompt: [echo-test], options: { "1": "1001" } }
  - { number: "611", prompt: [echo-test], hours: never, closedTo: "1002" }
paging:
  - { number: "620", members: ["1001", "1003"], beep: false, seconds: 15 }
`;

/** A program of one's own: a menu that says `hz` for a key, and a route that throws. */
const program = (hz: number): string => `
import { defineApp } from 'offhook/app';
export default defineApp({
  routes: {
    '650': async (call) => {
      await call.answer();
      const { digits } = await call.gather({ digits: 2, prompt: { hz: [440], seconds: 20 } });
      if (digits === '12') await call.play({ hz: [${hz}], seconds: 30 }, { loop: true });
    },
    '651': async () => {
      throw new Error('boom');
    },
  },
  fallback: '1001',
});
`;

let suite: Stage;
let server: Server;
let app: string;
let linphone: Speaker;
let baresip: Speaker;
let ours: Speaker;
let ourPhone: OurPhone;

/** Both tones at once in half a second, some time from now on; our phone's is the softer one. */
const hearBoth = ({ phone }: Speaker, tones: readonly number[], from: number): Promise<unknown> =>
  eventually(`${phone.name} to hear ${tones.join(' and ')} Hz at once`, () => {
    const last = Math.max(from, mark(phone) - 0.5);
    const piece = judge(cutOut(phone.heard(), last));
    return piece.loudSeconds > 0.3 && tones.every((hz) => piece.share(hz) > 0.02);
  }, 10_000, 100);

need('linphone', 'baresip')('the office', () => {
  beforeAll(async () => {
    suite = new Stage();
    app = suite.path('my-app.ts');
    writeFileSync(app, program(1000));
    server = await Server.start(suite, { extensions: ['1001', '1002', '1003'], settings: { 'app.file': app } });
    const file = suite.path('office.yaml');
    writeFileSync(file, settings);
    const { code, output } = await offhook(['apply', file, '--yes', '--data', server.data]);
    if (code !== 0) throw new Error(output);
    const common = { server: server.address };
    const [one, two, three] = await Promise.all([
      Linphone.start(suite, { ...common, ...server.account('1001'), tone: 600 }),
      Baresip.start(suite, { ...common, ...server.account('1002'), tone: 900, toneSeconds: 120 }),
      OurPhone.start(suite, { ...common, ...server.account('1003'), tone: 1300 }),
    ]);
    await Promise.all([one.registered(), two.registered(), three.registered()]);
    linphone = { phone: one, tone: 600 };
    baresip = { phone: two, tone: 900 };
    ours = { phone: three, tone: 1300 };
    ourPhone = three;
  }, 60_000);
  afterAll(() => suite.close());
  const shared = (body: () => Promise<void>): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds: 60 });

  // baresip 1.0 hears nothing more of a call whose stream changes under way: it is called, pages and supervises
  test('a key in a menu rings whom it leads to; a menu that is closed leads elsewhere', ...shared(async () => {
    await ours.phone.dial('610');
    await ours.phone.inCall();
    await ours.phone.press('1');
    await linphone.phone.ringing();
    const from = mark(ours.phone);
    await linphone.phone.answer();
    await linphone.phone.inCall();
    await hearEachOther(ours, linphone, { from: [from + 0.6, 0] });
    await linphone.phone.hangUp();
    await Promise.all([linphone.phone.ended(), ours.phone.ended()]);
    await linphone.phone.dial('611');
    await baresip.phone.ringing();
    await baresip.phone.answer();
    await Promise.all([linphone.phone.inCall(), baresip.phone.inCall()]);
    await hears(baresip.phone, 600, { not: [900], from: mark(baresip.phone) });
    await baresip.phone.hangUp();
    await Promise.all([linphone.phone.ended(), baresip.phone.ended()]);
  }));

  test('who pages is heard by all, and hears nobody', ...shared(async () => {
    await baresip.phone.dial('620');
    await Promise.all([linphone.phone.ringing(), ours.phone.ringing()]);
    await Promise.all([linphone.phone.answer(), ours.phone.answer()]);
    await Promise.all([linphone.phone.inCall(), ours.phone.inCall()]);
    await Promise.all([hears(linphone.phone, 900, { not: [1300], from: mark(linphone.phone) }), hears(ours.phone, 900, { not: [600], from: mark(ours.phone) })]);
    await baresip.phone.hangUp();
    await Promise.all([linphone.phone.ended(), ours.phone.ended(), baresip.phone.ended()]);
  }));

  test('a supervisor hears both and is heard by nobody, then by one, then by both', ...shared(async () => {
    await linphone.phone.dial('1003');
    await ours.phone.ringing();
    await ours.phone.answer();
    await Promise.all([linphone.phone.inCall(), ours.phone.inCall()]);
    await baresip.phone.dial('*811001');
    await baresip.phone.inCall();
    await hearBoth(baresip, [600, 1300], mark(baresip.phone));
    await hearEachOther(linphone, ours, { from: [mark(linphone.phone), mark(ours.phone)] });
    await baresip.phone.press('5');
    await hearBoth(linphone, [900, 1300], mark(linphone.phone));
    await hears(ours.phone, 600, { not: [900], from: mark(ours.phone), seconds: 0.6 });
    await baresip.phone.press('6');
    await hearBoth(ours, [600, 900], mark(ours.phone));
    await baresip.phone.hangUp();
    await baresip.phone.ended();
    await hearEachOther(linphone, ours, { from: [mark(linphone.phone) + 0.8, mark(ours.phone) + 0.8] });
    await linphone.phone.hangUp();
    await Promise.all([linphone.phone.ended(), ours.phone.ended()]);
  }));

  test('a program of one\'s own has a call, is changed meanwhile, and loses one to its fallback', ...shared(async () => {
    const { latest } = ourPhone;
    const dialled = async (tone: number): Promise<void> => {
      await ourPhone.dial('650');
      await ourPhone.inCall();
      await hears(latest, 440, { not: [1300], seconds: 0.5 });
      await ourPhone.press('12');
      await hears(latest, tone, { not: [440], from: mark(latest) + 0.5, seconds: 0.5 });
    };
    const hungUp = async (): Promise<void> => {
      await ourPhone.hangUp();
      await ourPhone.ended();
    };
    await dialled(1000);
    writeFileSync(app, program(1800));
    await eventually('the new program', () => server.output.split('the program is loaded').length === 3, 10_000, 50);
    // the call has the program that it began with
    await hears(latest, 1000, { not: [1800], from: mark(latest), seconds: 0.5 });
    await hungUp();
    await dialled(1800);
    await hungUp();
    await wholeCall(baresip, '651', linphone);
    expect(server.output).toMatch(/my-app\.ts:11","problem":"boom"/);
  }));
});
