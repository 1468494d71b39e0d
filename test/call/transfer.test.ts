/** Transfers between phones played by SIPp: what each is told, and who hears whom before, meanwhile and afterwards. */
import { hears, mark } from '../support/ears';
import { need } from '../support/peers';
import { RtpParty } from '../support/rtp-party';
import { ScriptedPhone, received, speak } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { Server } from '../support/server';
import type { Sipp, SippResult } from '../support/sipp';
import { Stage, staged } from '../support/stage';
import { cutOut, judge } from '../support/tone';
import { eventually } from '../support/wait';

const ANN = 600;
const BOB = 900;
const CAT = 1300;

let suite: Stage;
let server: Server;
/** Jest begins tests that run side by side before what is set up for them is there. */
let ready: () => void = () => undefined;
const isReady = new Promise<void>((resolve) => (ready = resolve));
let numbers = 5000;

interface Person {
  phone: ScriptedPhone;
  voice: RtpParty;
  number: string;
  sdp: string;
  sdp2: string;
}

async function person(stage: Stage, tone: number, options: { payloadType?: 0 | 8; away?: boolean } = {}): Promise<Person> {
  await isReady;
  const { payloadType = 0, away = false } = options;
  const account = { ...(await server.add(String(++numbers))), server: server.address };
  const phone = await (away ? ScriptedPhone.make(stage, account) : ScriptedPhone.registered(stage, account));
  const voice = await RtpParty.open(stage, { tone, payloadType });
  const described = { port: voice.port, codecs: [payloadType, 101] as Array<0 | 8 | 101> };
  return { phone, voice, number: account.user, sdp: sdp(described), sdp2: sdp({ ...described, version: 2 }) };
}

const shared = (body: (stage: Stage) => Promise<void>, seconds = 40): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds });

/** The status lines in the NOTIFYs, without repetitions. */
const progress = ({ messages }: Pick<SippResult, 'messages'>): string[] =>
  messages.flatMap(({ direction, text }) => (direction === 'received' && text.startsWith('NOTIFY ') ? (/^SIP\/2\.0 (\d{3})/m.exec(text)?.[1] ?? '?') : [])).filter((status, i, all) => status !== all[i - 1]);

/** Ann calls Bob, and they hear each other. `ann` is what she will do, `bob` what he will. */
async function talking(ann: Person, annDoes: string, values: Record<string, string | number>, bob: Person, bobDoes: string, more: Record<string, number> = {}): Promise<{ calling: Sipp; called: Sipp }> {
  const called = await bob.phone.expects(bobDoes, { sdp: bob.sdp, sdp2: bob.sdp2, ringMs: 50, ...more });
  const calling = await ann.phone.calls(bob.number, annDoes, { sdp: ann.sdp, talkMs: 2500, ...values });
  await Promise.all([speak(ann.voice, calling), speak(bob.voice, called)]);
  await Promise.all([hears(ann.voice, BOB, { not: [ANN] }), hears(bob.voice, ANN, { not: [BOB] })]);
  return { calling, called };
}

/** This one has been taken into its new call, and speaks there. */
async function moved(who: Person, run: Sipp): Promise<void> {
  await eventually('the re-INVITE', () => {
    const numbers = run.messages().map(({ text }) => (text.startsWith('INVITE ') ? /^CSeq:\s*(\d+)/im.exec(text)?.[1] : undefined));
    return new Set(numbers.filter(Boolean)).size >= 2;
  }, 20_000);
  await speak(who.voice, run);
}

async function hearEachOther(a: Person, toneOfA: number, b: Person, toneOfB: number): Promise<void> {
  const from = [mark(a.voice) + 0.4, mark(b.voice) + 0.4];
  await Promise.all([
    hears(a.voice, toneOfB, { not: [ANN, BOB, CAT].filter((hz) => hz !== toneOfB), from: from[0] as number }),
    hears(b.voice, toneOfA, { not: [ANN, BOB, CAT].filter((hz) => hz !== toneOfA), from: from[1] as number }),
  ]);
}

need('sipp')('transfer', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { settings: { 'call.ringSeconds': 3, 'call.drainSeconds': 0 }, mediaPorts: 300 });
    ready();
  }, 30_000);
  afterAll(() => suite.close());

  test.concurrent.each([['the same codec', 0], ['another codec', 8]] as const)('blind, the target has %s: ring-back, then the two hear each other, and the transferor is out', ...staged(async (stage, _: string, payloadType: 0 | 8) => {
    const [ann, bob, cat] = [await person(stage, ANN, { away: true }), await person(stage, BOB), await person(stage, CAT, { payloadType })];
    const target = await cat.phone.expects('callee-rings-and-hangs-up', { sdp: cat.sdp, ringMs: 2000, talkMs: 5000 });
    const { calling, called } = await talking(ann, 'caller-transfers', { to: `${cat.number}@${server.address}` }, bob, 'callee-is-reinvited');
    const before = mark(bob.voice);
    await target.receives(/^INVITE [\s\S]*^Referred-By: <sip:\d+@127\.0\.0\.1/m);
    await moved(bob, called);
    // first the transferor's tone, then ring-back, which is two tones at once
    const meanwhile = judge(cutOut(bob.voice.heard(), before));
    expect(meanwhile.loudSeconds - meanwhile.secondsOf(ANN)).toBeGreaterThan(0.5);
    await speak(cat.voice, target);
    await hearEachOther(bob, BOB, cat, CAT);
    const ends = await Promise.all([calling.finished(), called.finished(), target.finished()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(progress(ends[0])).toEqual(['100', '180', '200']);
    expect(received(ends[0]).at(-1)).toBe('BYE');
  }, { suite: () => suite, seconds: 40 }));

  test.concurrent('the transferor hangs up at once', ...shared(async (stage) => {
    const [ann, bob, cat] = [await person(stage, ANN, { away: true }), await person(stage, BOB), await person(stage, CAT)];
    const target = await cat.phone.expects('callee-rings-and-hangs-up', { sdp: cat.sdp, ringMs: 1500, talkMs: 4000 });
    const { calling, called } = await talking(ann, 'caller-transfers-and-goes', { to: `${cat.number}@${server.address}` }, bob, 'callee-is-reinvited');
    await moved(bob, called);
    await speak(cat.voice, target);
    await hearEachOther(bob, BOB, cat, CAT);
    const ends = await Promise.all([calling.finished(), called.finished(), target.finished()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
  }));

  test.concurrent.each<[string, string | undefined, string, string[]]>([
    ['is busy', 'callee-refuses', '486 Busy Here', ['100', '180', '486']],
    ['declines', 'callee-refuses', '603 Decline', ['100', '180', '603']],
    ['never answers', 'callee-is-cancelled', '', ['100', '180', '408']],
    ['does not exist', undefined, '', ['100', '404']],
  ])('the target %s: the two who talked go on talking', ...staged(async (stage, _: string, scenario: string | undefined, status: string, told: string[]) => {
    const [ann, bob] = [await person(stage, ANN, { away: true }), await person(stage, BOB)];
    const cat = scenario === undefined ? undefined : await person(stage, CAT);
    const target = scenario === undefined ? undefined : await cat?.phone.expects(scenario, { status });
    const { calling, called } = await talking(ann, 'caller-transfers-in-vain', { to: `${cat?.number ?? 'nobody'}@${server.address}`, talkMs: 3000 }, bob, 'callee');
    await eventually('the failure to be told', () => progress({ messages: calling.messages() }).at(-1) === told.at(-1), 15_000);
    await hearEachOther(ann, ANN, bob, BOB);
    const ends = await Promise.all([calling.finished(), called.finished(), target?.finished()]);
    expect(ends.map((end) => end?.code ?? 0)).toEqual([0, 0, 0]);
    expect(progress(ends[0])).toEqual(told);
    expect(received(ends[1])).toEqual(['INVITE', 'ACK', 'BYE']);
  }, { suite: () => suite, seconds: 40 }));

  test.concurrent('the one who is transferred hangs up meanwhile: it rings no more there', ...shared(async (stage) => {
    const [ann, bob, cat] = [await person(stage, ANN, { away: true }), await person(stage, BOB), await person(stage, CAT)];
    const target = await cat.phone.expects('callee-is-cancelled');
    const { calling, called } = await talking(ann, 'caller-transfers-and-is-left', { to: `${cat.number}@${server.address}` }, bob, 'callee-hangs-up', { talkMs: 4500 });
    const ends = await Promise.all([calling.finished(), called.finished(), target.finished()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
  }));

  test.concurrent('to a service: it talks to whoever is transferred, and hangs up', ...shared(async (stage) => {
    const [ann, bob] = [await person(stage, ANN, { away: true }), await person(stage, BOB)];
    const { calling, called } = await talking(ann, 'caller-transfers', { to: `*60@${server.address}` }, bob, 'callee-is-reinvited');
    await moved(bob, called);
    const from = mark(bob.voice);
    const ends = await Promise.all([calling.finished(), called.finished()]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect(judge(cutOut(bob.voice.heard(), from)).loudSeconds).toBeGreaterThan(2);
  }));

  test.concurrent('into a conference, whose members live together', ...shared(async (stage) => {
    const [ann, bob, cat] = [await person(stage, ANN, { away: true }), await person(stage, BOB), await person(stage, CAT, { away: true })];
    const member = await cat.phone.calls('8000', 'caller-presses', { sdp: cat.sdp, waitMs: 500, key: 1, talkMs: 12_000 });
    await speak(cat.voice, member);
    const { called } = await talking(ann, 'caller-transfers', { to: `8000@${server.address}` }, bob, 'callee-is-reinvited');
    await moved(bob, called);
    await eventually('the two in the conference to hear each other', () => {
      const [b, c] = [bob, cat].map(({ voice }) => judge(cutOut(voice.heard(), mark(voice) - 0.5)));
      return (b?.share(CAT) ?? 0) > 0.9 && (c?.share(BOB) ?? 0) > 0.9;
    }, 15_000, 100);
  }));
});
