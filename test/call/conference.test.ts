/** Conferences as they sound: phones played by SIPp, and programs that speak the simple packet format. */
import { createSocket } from 'node:dgram';
import { hears, hearsNothing, mark } from '../support/ears';
import { need } from '../support/peers';
import { RtpParty } from '../support/rtp-party';
import { ScriptedPhone, received, speak } from '../support/scripted-phone';
import { sdp } from '../support/sdp-text';
import { offhook, Server } from '../support/server';
import { Stage, staged } from '../support/stage';
import type { Sipp } from '../support/sipp';
import { cutOut, judge, type Hearing } from '../support/tone';
import { eventually, pause } from '../support/wait';
import { SimplePeer } from '../unit/media/support/simple-peer';

let suite: Stage;
let server: Server;
let port: number;
let numbers = 4000;

interface Talker {
  phone: ScriptedPhone;
  voice: RtpParty;
  tone: number;
  sdp: string;
}

async function talker(stage: Stage, tone: number): Promise<Talker> {
  const account = await server.add(String(++numbers));
  const phone = await ScriptedPhone.make(stage, { ...account, server: server.address });
  const voice = await RtpParty.open(stage, { tone });
  return { phone, voice, tone, sdp: sdp({ port: voice.port }) };
}

async function peer(stage: Stage, tone: number, room = 0): Promise<SimplePeer> {
  const one = await SimplePeer.open(tone, room);
  stage.own(one);
  return one;
}

/** Dials, and presses these keys as soon as something is heard. */
async function dials(who: Talker, number: string, keys: string, scenario: 'caller' | 'caller-is-hung-up-on' = 'caller-is-hung-up-on', talkMs = 0): Promise<Sipp> {
  const call = await who.phone.calls(number, scenario, { sdp: who.sdp, talkMs }, { seconds: 60 });
  const from = mark(who.voice);
  await speak(who.voice, call);
  await eventually('the first word', () => heardSince(who, from).loudSeconds > 0.3, 10_000, 50);
  await who.voice.press(keys);
  return call;
}

const heardSince = ({ voice }: Pick<Talker, 'voice'>, from: number): Hearing => judge(cutOut(voice.heard(), from));

/** Waits until it hears all of these, then listens for a while: these, in about equal shares, and nothing else. */
async function hearsExactly(name: string, tones: number[], not: number, listen: (seconds: number) => Promise<Hearing>): Promise<void> {
  await eventually(`${name} to hear ${tones.join(' and ')} Hz`, async () => {
    const heard = await listen(0.6);
    return tones.every((hz) => heard.share(hz) > 0.3) && tones.reduce((sum, hz) => sum + heard.share(hz), 0) > 0.9;
  }, 20_000, 10);
  const heard = await listen(2);
  const shares = tones.map((hz) => heard.share(hz));
  const report = `${name}: ${heard.loudSeconds.toFixed(2)} s, ${tones.map((hz, i) => `${hz} Hz ${((shares[i] ?? 0) * 100).toFixed(1)} %`).join(', ')}, itself ${(heard.share(not) * 100).toFixed(2)} %`;
  expect([report, heard.loudSeconds > 1.5, shares.every((share) => share > 0.35), shares.reduce((a, b) => a + b, 0) > 0.95, heard.share(not) < 0.01]).toEqual([report, true, true, true, true]);
}

const listening = ({ voice }: Talker) => async (seconds: number): Promise<Hearing> => {
  const from = mark(voice);
  await eventually(`${seconds} s of sound`, () => mark(voice) - from >= seconds, 5000 + seconds * 1000, 20);
  return judge(cutOut(voice.heard(), from, from + seconds));
};

async function room(...args: string[]): Promise<void> {
  const { code, output } = await offhook(['room', ...args, '--data', server.data]);
  if (code !== 0) throw new Error(output);
}

need('sipp')('conferences', () => {
  beforeAll(async () => {
    suite = new Stage();
    port = await suite.port();
    server = await Server.start(suite, { mediaPorts: 100, settings: { 'partyline.port': port, 'partyline.address': '127.0.0.1', 'partyline.idleSeconds': 2 } });
  }, 30_000);
  afterAll(() => suite.close());
  const shared = (body: (stage: Stage) => Promise<void>, seconds = 60): ReturnType<typeof staged> => staged(body, { suite: () => suite, seconds });

  test('the ready line says where programs are let in', () => {
    expect(server.ready['partyline']).toEqual({ udp: `127.0.0.1:${port}`, rooms: ['8000'] });
  });

  test('a port that is taken is told in one sentence, and nothing is left half-started', ...shared(async (stage) => {
    const [sip, media] = [await stage.port(), await stage.ports(10)];
    const set = { 'media.portMin': media.first, 'media.portMax': media.last, 'partyline.port': port, 'partyline.address': '127.0.0.1', 'log.level': 'silent' };
    const { code, output } = await offhook(['serve', '--data', stage.path('second'), '--sip', `127.0.0.1:${sip}`, ...Object.entries(set).flatMap(([key, value]) => ['--set', `${key}=${value}`])]);
    expect([code, output]).toEqual([2, expect.stringMatching(/^offhook: partyline\.port: .*port.*\.\n$/)]);
  }));

  test('three on 8000, one of them the simple packet format: each hears exactly the other two', ...shared(async (stage) => {
    const [ann, bob] = [await talker(stage, 500), await talker(stage, 800)];
    const cid = await peer(stage, 1300);
    const calls = [await dials(ann, '8000', '1', 'caller', 12_000)];
    cid.speak(port);
    calls.push(await dials(bob, '8000', '1', 'caller', 12_000));
    await Promise.all([
      hearsExactly('ann', [800, 1300], 500, listening(ann)),
      hearsExactly('bob', [500, 1300], 800, listening(bob)),
      hearsExactly('the program', [500, 800], 1300, (seconds) => cid.hear(seconds)),
    ]);
    expect([...cid.rooms]).toEqual([0]);
    for (const call of calls) expect((await call.finished()).code).toBe(0);
  }));

  test('hostile packets change nothing; a client that falls silent has left', ...shared(async (stage) => {
    const ann = await talker(stage, 500);
    const cid = await peer(stage, 1300);
    const call = await dials(ann, '8000', '1', 'caller', 14_000);
    cid.speak(port);
    const stranger = await peer(stage, 1000, 9999);
    stranger.speak(port);
    const socket = createSocket('udp4');
    stage.own({ close: () => void socket.close() });
    for (let i = 0; i < 400; i++) socket.send(Buffer.alloc((i * 37) % 1400, i), port, '127.0.0.1');
    for (let i = 0; i < 20; i++) socket.send(Buffer.alloc(168, 0xff), port, '127.0.0.1');
    await hearsExactly('ann', [1300], 500, listening(ann));
    await hearsExactly('the program', [500], 1300, (seconds) => cid.hear(seconds));
    expect(stranger.received).toBe(0);
    cid.stop();
    await eventually('the room to be quiet for it', async () => {
      const before = cid.received;
      await pause(500);
      return cid.received === before;
    }, 8000);
    await hearsNothing(ann.voice, 1);
    expect((await call.finished()).code).toBe(0);
  }));

  test('a room made while the server runs: PIN, mute, lock, kick and end, by keys', ...shared(async (stage) => {
    await room('add', '500', '--pin', '1111', '--moderator-pin', '2222');
    const [ann, bob, cid] = [await talker(stage, 500), await talker(stage, 800), await talker(stage, 1300)];
    const wrong = await dials(cid, '500', '9#');
    for (const keys of ['8#', '7#']) {
      await pause(700);
      await cid.voice.press(keys);
    }
    expect(received(await wrong.finished()).at(-1)).toBe('BYE');

    const meeting = await dials(ann, '500', '2222#');
    const second = await dials(bob, '500', '1111#');
    await hearsExactly('ann', [800], 500, listening(ann));
    await hearsExactly('bob', [500], 800, listening(bob));

    await bob.voice.press('*6');
    await hearsNothing(ann.voice, 1);
    await bob.voice.press('*6');
    await hearsExactly('ann', [800], 500, listening(ann));

    await ann.voice.press('*5');
    const locked = await dials(cid, '500', '1111#');
    const refused = await locked.finished();
    expect([refused.code, received(refused).at(-1)]).toEqual([0, 'BYE']);
    await ann.voice.press('*5');

    const third = await dials(cid, '500', '1111#');
    await hearsExactly('cid', [500, 800], 1300, listening(cid));
    await ann.voice.press('*8');
    await pause(500);
    await ann.voice.press('1');
    expect(received(await third.finished()).at(-1)).toBe('BYE');
    const after = mark(bob.voice);
    await eventually('bob to hear ann again', () => heardSince(bob, after).secondsOf(500) > 1, 10_000, 100);

    await ann.voice.press('*9');
    for (const call of [meeting, second]) expect((await call.finished()).code).toBe(0);
    await room('remove', '500');
    const gone = await bob.phone.calls('500', 'caller-is-refused', { sdp: bob.sdp, final: 404 });
    expect((await gone.finished()).code).toBe(0);
  }, 120));

  test('names are said when somebody comes', ...shared(async (stage) => {
    await room('add', '501', '--announce', 'on', '--simple', 'on');
    const ann = await talker(stage, 500);
    const call = await dials(ann, '501', '', 'caller', 16_000);
    // she says it, a tone, until # is pressed; then she is told that she is alone, and hears what she said
    await pause(5000);
    await ann.voice.press('#');
    await pause(300);
    const from = mark(ann.voice);
    await eventually('her own name', () => heardSince(ann, from).secondsOf(500) > 0.5, 10_000, 100);
    // a program in a room that opted in while the server ran
    const cid = await peer(stage, 1300, 501);
    cid.speak(port);
    await hears(ann.voice, 1300, { not: [500], from: mark(ann.voice) + 3 });
    expect([...cid.rooms]).toEqual([501]);
    expect((await call.finished()).code).toBe(0);
  }, 60));

  test('a moderator mutes and removes a program', ...shared(async (stage) => {
    await room('add', '502', '--moderator-pin', '2222', '--simple', 'on');
    const ann = await talker(stage, 500);
    const call = await dials(ann, '502', '2222#');
    const cid = await peer(stage, 1300, 502);
    // the rooms are read again when somebody dials: from here on the door is open for it
    cid.speak(port);
    await hearsExactly('ann', [1300], 500, listening(ann));
    await hearsExactly('the program', [500], 1300, (seconds) => cid.hear(seconds));
    await ann.voice.press('*7');
    await pause(2500); // "everybody else is muted now"
    await hearsNothing(ann.voice, 1);
    await ann.voice.press('*7');
    await hearsExactly('ann', [1300], 500, listening(ann));
    await ann.voice.press('*8');
    await pause(500);
    await ann.voice.press('1');
    await eventually('nothing more to be sent to it', async () => {
      const before = cid.received;
      await pause(500);
      return cid.received === before;
    }, 8000);
    await pause(3000); // "someone has been removed"
    await hearsNothing(ann.voice, 1);
    await ann.voice.press('*9');
    expect((await call.finished()).code).toBe(0);
  }, 90));

  test('what came through the door is counted, and told at the end', async () => {
    const { code } = await server.stop();
    expect(code).toBe(0);
    const line = /^.*the door of the simple packet format closes.*$/m.exec(server.output)?.[0] ?? '';
    const counts = JSON.parse(line) as { joined: number; received: number; dropped: Record<string, number>; left: Record<string, number> };
    expect(counts).toMatchObject({ joined: 4, left: { closed: 1 }, dropped: { notAllowed: 0, full: 0, rate: 0 } });
    // of 400 sent in one burst: what the socket's buffer does not hold, the system drops before anybody counts
    expect(counts.dropped['size']).toBeGreaterThan(50);
    // it went on sending after it had been thrown out
    expect(counts.dropped['closed']).toBeGreaterThan(100);
    expect(counts.dropped['unknownRoom']).toBeGreaterThan(100);
    expect(counts.left['idle']).toBeGreaterThanOrEqual(1);
  }, 30_000);
});
