/** Calls that the system itself answers, dialled by SIPp and judged by ear. */
import { hears, hearsNothing, mark } from '../support/ears';
import { need } from '../support/peers';
import { RtpParty } from '../support/rtp-party';
import { ScriptedPhone, received, speak } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import type { Sipp } from '../support/sipp';
import { cutOut, describe as sound, judge, type Hearing } from '../support/tone';
import { eventually, pause } from '../support/wait';

let suite: Stage;
let server: Server;
let numbers = 4000;

interface Talker {
  phone: ScriptedPhone;
  voice: RtpParty;
  tone: number;
  sdp: string;
}

async function talker(stage: Stage, tone: number, from = server): Promise<Talker> {
  const account = await from.add(String(++numbers));
  const phone = await ScriptedPhone.make(stage, { ...account, server: from.address });
  const voice = await RtpParty.open(stage, { tone });
  return { phone, voice, tone, sdp: sdp({ port: voice.port }) };
}

const shared = (body: (stage: Stage) => Promise<void>, seconds = 30): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds });

const heardSince = ({ voice }: Talker, from: number): Hearing => judge(cutOut(voice.heard(), from));

/** Speech is anything but one steady tone. */
async function hearsSpeech(who: Talker, seconds: number): Promise<void> {
  await eventually(`${seconds} s of speech`, () => heardSince(who, 0).loudSeconds >= seconds, 15_000, 100);
}

const keyTaken = (call: Sipp): Promise<unknown> =>
  eventually('the key to be taken', () => call.messages().some(({ direction, text }) => direction === 'received' && /^SIP\/2\.0 200/.test(text) && /^CSeq:\s*\d+ INFO/im.test(text)), 10_000);

need('sipp')('services', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { settings: { 'call.ringSeconds': 2 }, mediaPorts: 200 });
  }, 30_000);
  afterAll(() => suite.close());

  test('*43 introduces itself, and after a key sends back what it hears', ...shared(async (stage) => {
    const ann = await talker(stage, 600);
    const call = await ann.phone.calls('*43', 'caller-presses', { sdp: ann.sdp, waitMs: 2000, key: 5, talkMs: 4000 });
    await speak(ann.voice, call);
    await hearsSpeech(ann, 0.5);
    expect(heardSince(ann, 0).share(600)).toBeLessThan(0.3);
    await keyTaken(call);
    await pause(500);
    await hears(ann.voice, 600, { not: [900], from: mark(ann.voice) });
    const end = await call.finished();
    expect(end.code).toBe(0);
    expect(ann.voice.counts()).toMatchObject({ lost: 0, malformed: 0, sources: 1, payloadTypes: [0] });
  }));

  test('*60 says the time, marks it with a beep, and hangs up by itself', ...shared(async (stage) => {
    const ann = await talker(stage, 600);
    const call = await ann.phone.calls('*60', 'caller-is-hung-up-on', { sdp: ann.sdp }, { seconds: 60 });
    await speak(ann.voice, call);
    await hearsSpeech(ann, 1);
    const end = await call.finished();
    expect(end.code).toBe(0);
    expect(received(end).at(-1)).toBe('BYE');
    expect(heardSince(ann, 0).loudSeconds).toBeGreaterThan(4);
    expect(ann.voice.counts()).toMatchObject({ lost: 0, malformed: 0 });
  }, 60));

  test('a caller that puts a service on hold and comes back', ...shared(async (stage) => {
    const ann = await talker(stage, 600);
    const call = await ann.phone.calls('*43', 'caller-reinvites', { sdp: ann.sdp, sdp2: sdp({ port: ann.voice.port, direction: 'inactive', version: 2 }), talkMs: 2500 });
    await speak(ann.voice, call);
    await hearsSpeech(ann, 0.5);
    await eventually('the hold to be answered', () => call.messages().some(({ direction, text }) => direction === 'received' && /^a=inactive/m.test(text)), 10_000);
    await hearsNothing(ann.voice, 1);
    expect((await call.finished()).code).toBe(0);
  }));

  test('three on 8000: each hears exactly the other two', ...shared(async (stage) => {
    const people = [await talker(stage, 500), await talker(stage, 800), await talker(stage, 1300)];
    const calls: Sipp[] = [];
    for (const { phone, voice, sdp: offer } of people) {
      const call = await phone.calls('8000', 'caller-presses', { sdp: offer, waitMs: 700, key: 1, talkMs: 9000 });
      calls.push(call);
      await speak(voice, call);
    }
    for (const call of calls) await keyTaken(call);
    // the tone for the last one's arrival
    await pause(1500);
    const from = people.map(({ voice }) => mark(voice));
    await pause(2000);
    for (const [i, person] of people.entries()) {
      const heard = heardSince(person, from[i] as number);
      const others = people.filter((other) => other !== person);
      const report = `${person.tone} Hz heard ${sound(cutOut(person.voice.heard(), from[i] as number))}`;
      expect([report, heard.loudSeconds > 1.5]).toEqual([report, true]);
      for (const { tone } of others) expect([report, tone, heard.share(tone) > 0.4]).toEqual([report, tone, true]);
      expect([report, heard.share(person.tone) < 0.01]).toEqual([report, true]);
      expect(others.reduce((sum, { tone }) => sum + heard.share(tone), 0)).toBeGreaterThan(0.9);
    }
    for (const call of calls) expect((await call.finished()).code).toBe(0);
  }, 40));

  test('a call that is up when the server stops is ended', async () => {
    const stage = new Stage();
    try {
      const own = await Server.start(stage, { settings: { 'call.drainSeconds': 0 } });
      const ann = await talker(stage, 600, own);
      const call = await ann.phone.calls('*43', 'caller-is-hung-up-on', { sdp: ann.sdp });
      await eventually('the answer', () => received({ messages: call.messages() }).includes('200'), 10_000);
      expect((await own.stop()).code).toBe(0);
      const end = await call.finished();
      expect([end.code, received(end).at(-1)]).toEqual([0, 'BYE']);
    } finally {
      await stage.close();
    }
  }, 60_000);

  test('announcements: why a call is refused is heard before the refusal', async () => {
    const stage = new Stage();
    try {
      const own = await Server.start(stage, { settings: { 'call.announcements': 'on' } });
      const ann = await talker(stage, 600, own);
      const call = await ann.phone.calls('7999', 'caller-is-refused', { sdp: ann.sdp, final: 404 }, { seconds: 60 });
      const end = await call.finished();
      expect([end.code, received(end).filter((what) => what === '183' || what === '404')]).toEqual([0, ['183', '404']]);
      expect(heardSince(ann, 0).loudSeconds).toBeGreaterThan(3);
    } finally {
      await stage.close();
    }
  }, 90_000);
});
