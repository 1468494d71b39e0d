/** Parking, pickup and codes during a call, with real phones on one server, by ear. */
import { Baresip } from '../support/baresip';
import { connectCall, hearEachOther, marks, type Speaker } from '../support/conversation';
import { hearsMusic, mark, type Listener } from '../support/ears';
import { Linphone } from '../support/linphone';
import { need } from '../support/peers';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import { cutOut, describe as sound, judge } from '../support/tone';
import { eventually } from '../support/wait';

let suite: Stage;
/**
 * 1001 and 1003, Linphone; 1002, baresip. Ann encrypts, Cat speaks another codec. Bob is moved by nobody and listened to by nobody then: baresip 1.0
 * takes no second stream whose numbers are lower than those of the first (nor another key).
 */
let ann: Speaker & { phone: Linphone };
let bob: Speaker & { phone: Baresip };
let cat: Speaker & { phone: Linphone };

const tones = [600, 900, 1300];

/** For a second it has heard these two, and not itself. */
async function hearsBoth({ phone, tone }: Speaker & { phone: Listener & { name: string } }): Promise<void> {
  const others = tones.filter((hz) => hz !== tone);
  const last = () => cutOut(phone.heard(), mark(phone) - 1);
  const fits = (): boolean => {
    const verdict = judge(last());
    return verdict.loudSeconds > 0.9 && others.every((hz) => verdict.share(hz) > 0.2) && verdict.share(tone) < 0.02;
  };
  await eventually(`${phone.name} to hear both`, fits, 10_000, 100).catch(() => {
    throw new Error(`${phone.name} did not hear ${others.join(' and ')} Hz: ${sound(last())}`);
  });
}

const ended = (...those: Speaker[]) => Promise.all(those.map(({ phone }) => phone.ended()));

/** From now on; what was on its way is let through. */
async function talk(one: Speaker, other: Speaker): Promise<void> {
  const [a, b] = marks(one, other);
  await hearEachOther(one, other, { from: [a + 0.5, b + 0.5] });
}

need('linphone', 'baresip')('legs of calls', () => {
  beforeAll(async () => {
    suite = new Stage();
    const server = await Server.start(suite, { extensions: ['1001', '1002', '1003'], settings: { 'call.ringSeconds': 20 } });
    const account = (number: string, tone: number) => ({ server: server.address, ...server.account(number), tone, toneSeconds: 120 });
    ann = { phone: await Linphone.start(suite, { ...account('1001', 600), srtp: 'required' }), tone: 600 };
    bob = { phone: await Baresip.start(suite, { ...account('1002', 900), contact: '701' }), tone: 900 };
    cat = { phone: await Linphone.start(suite, { ...account('1003', 1300), codecs: ['opus'] }), tone: 1300 };
    await Promise.all([ann, bob, cat].map(({ phone }) => phone.registered()));
  }, 60_000);
  afterAll(() => suite.close());
  const shared = (body: (stage: Stage) => Promise<void>): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds: 60 });

  test('Bob parks Ann, who hears music, and reads where; Cat takes her', ...shared(async () => {
    await connectCall(ann.phone, '1002', bob.phone);
    await bob.phone.transfer('700');
    await ended(bob);
    await bob.phone.messaged('701', '1001 (1001) is parked at 701');
    await hearsMusic(ann.phone, { not: tones });
    await cat.phone.dial('701');
    await cat.phone.inCall();
    await talk(ann, cat);
    await cat.phone.hangUp();
    await ended(ann, cat);
  }));

  test('it rings at Bob, and Cat answers', ...shared(async () => {
    await ann.phone.dial('1002');
    await bob.phone.ringing();
    await cat.phone.dial('**1002');
    await Promise.all([cat.phone.inCall(), ann.phone.inCall(), bob.phone.ended()]);
    await talk(ann, cat);
    await ann.phone.hangUp();
    await ended(ann, cat);
  }));

  test('Bob has Ann on hold and talks to Cat, *3: all hear all; he goes, and they talk on', ...shared(async () => {
    await connectCall(bob.phone, '1001', ann.phone);
    await bob.phone.hold();
    await connectCall(bob.phone, '1003', cat.phone);
    for (const key of '*3') await bob.phone.press(key);
    await Promise.all([ann, cat].map((one) => hearsBoth(one)));
    await bob.phone.hangUp();
    await talk(ann, cat);
    await ann.phone.hangUp();
    await ended(ann, cat);
  }));

  test('Bob types *21003# while he talks to Ann: she talks to Cat', ...shared(async () => {
    await connectCall(ann.phone, '1002', bob.phone);
    for (const key of '*21003#') await bob.phone.press(key);
    await cat.phone.ringing();
    await cat.phone.answer();
    await Promise.all([cat.phone.inCall(), bob.phone.ended()]);
    await talk(ann, cat);
    await ann.phone.hangUp();
    await ended(ann, cat);
  }));
});
