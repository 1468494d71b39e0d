/**
 * Key presses through the built server, over lines that lose every tenth packet: all sixteen keys arrive, each once and in order, whether they
 * are relayed, put into another stream, or turned into tones or from them.
 */
import { createMediaPlane, type AudioSetup, type MediaPlane } from '../../media/plane';
import { need } from '../support/peers';
import { RtpParty, type RtpPartyOptions } from '../support/rtp-party';
import { ScriptedPhone, speak } from '../support/scripted-phone';
import { sdp, type SdpOptions } from '../support/sdp-text';
import { Server } from '../support/server';
import type { Sipp } from '../support/sipp';
import { Stage, staged } from '../support/stage';
import { cutOut, judge, tone } from '../support/tone';
import { eventually } from '../support/wait';
import { joined, type Recording } from '../support/wav';
import { workerSpawner } from '../unit/media/support/worker';

const ALL = '0123456789*#ABCD';
const LOSS = 0.1;

let suite: Stage;
let server: Server;
let numbers = 5000;
/** Jest begins tests that run side by side before what is set up for them is there. */
let ready: () => void = () => undefined;
const isReady = new Promise<void>((resolve) => (ready = resolve));

const shared = <Args extends unknown[]>(body: (stage: Stage, ...args: Args) => Promise<void>): ReturnType<typeof staged<Args>> => staged(body, { suite: () => suite, seconds: 60 });

interface Side {
  codecs: NonNullable<SdpOptions['codecs']>;
  voice?: Partial<RtpPartyOptions>;
  scenario?: string;
}

interface Talk {
  caller: RtpParty;
  callee: RtpParty;
  calling: Sipp;
  /** The caller hangs up by itself, and all went as it should. */
  over(): Promise<void>;
}

async function talk(stage: Stage, from: Side, to: Side, talkMs = 9000, values: Record<string, string | number> = {}): Promise<Talk> {
  await isReady;
  const sides = await Promise.all([from, to].map(async ({ codecs, voice }, i) => {
    const account = await server.add(String(++numbers));
    const options = { ...account, server: server.address };
    const phone = i === 0 ? await ScriptedPhone.make(stage, options) : await ScriptedPhone.registered(stage, options);
    const payloadType = codecs[0] === 8 ? 8 : 0;
    const party = await RtpParty.open(stage, { tone: i === 0 ? 600 : 900, payloadType, ...voice });
    return { number: account.user, phone, party, sdp: sdp({ port: party.port, codecs }) };
  }));
  const [a, b] = [sides[0]!, sides[1]!];
  const waiting = await b.phone.expects(to.scenario ?? 'callee', { ringMs: 0, sdp: b.sdp }, { seconds: 60 });
  const calling = await a.phone.calls(b.number, from.scenario ?? 'caller', { talkMs, sdp: a.sdp, ...values }, { seconds: 60 });
  await Promise.all([speak(a.party, calling), speak(b.party, waiting)]);
  return {
    caller: a.party,
    callee: b.party,
    calling,
    async over() {
      expect([(await calling.finished()).code, (await waiting.finished()).code]).toEqual([0, 0]);
    },
  };
}

/** Both begin to hear each other. */
const audible = ({ caller, callee }: Talk): Promise<unknown> => eventually('sound both ways', () => caller.counts().received > 20 && callee.counts().received > 20, 10_000);

const arrive = (party: RtpParty, keys: string): Promise<unknown> => eventually('the last key', () => party.keys().length >= keys.length, 3000).catch(() => undefined);

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const PAD = ['123A', '456B', '789C', '*0#D'];

/** Keys as tones (ITU-T Q.23), as somebody with a frequency counter would write them down: two pieces of 40 ms in a row that agree. */
function keysHeard(recording: Recording): string {
  const piece = (from: number): string => {
    const { share, loudSeconds } = judge(cutOut(recording, from, from + 0.04));
    if (loudSeconds === 0) return '';
    const at = (all: number[]) => all.map(share).reduce((best, value, i, values) => (value > values[best]! ? i : best), 0);
    const [row, column] = [at(ROWS), at(COLUMNS)];
    const [low, high] = [share(ROWS[row]!), share(COLUMNS[column]!)];
    return low > 0.2 && high > 0.2 && low + high > 0.8 ? PAD[row]![column]! : '';
  };
  const pieces = Array.from({ length: Math.floor(recording.samples.length / recording.rate / 0.02) - 1 }, (_, i) => piece(i * 0.02));
  return pieces.filter((key, i) => key !== '' && pieces[i + 1] === key && pieces[i - 1] !== key).join('');
}

const keyTones = (keys: string): Float32Array =>
  joined([...keys].flatMap((key) => {
    const row = PAD.findIndex((line) => line.includes(key));
    const [low, high] = [ROWS[row]!, COLUMNS[PAD[row]!.indexOf(key)]!].map((hz) => tone(hz, 0.1, 8000, 0.25));
    return [low!.map((sample, i) => sample + high![i]!), new Float32Array(800)];
  }));

need('sipp')('keys', () => {
  beforeAll(async () => {
    suite = new Stage();
    server = await Server.start(suite, { mediaPorts: 200 });
    ready();
  }, 30_000);
  afterAll(() => suite.close());

  describe.each([1, 2, 3])('line %i, which loses a tenth', (seed) => {
    test.concurrent('relayed, both ways', ...shared(async (stage) => {
      const call = await talk(stage, { codecs: [0, 101], voice: { loss: { share: LOSS, seed } } }, { codecs: [0, 101], voice: { loss: { share: LOSS, seed: 100 + seed } } });
      await audible(call);
      await Promise.all([call.caller.press(ALL), call.callee.press(ALL)]);
      await Promise.all([arrive(call.caller, ALL), arrive(call.callee, ALL)]);
      expect([call.callee.keys(), call.caller.keys()]).toEqual([ALL, ALL]);
      for (const { dropped, received } of [call.caller.counts(), call.callee.counts()]) expect(dropped).toBeGreaterThan(received / 30);
      await call.over();
    }));

    test.concurrent('transcoded, both ways', ...shared(async (stage) => {
      const call = await talk(stage, { codecs: [0, 101], voice: { loss: { share: LOSS, seed } } }, { codecs: [8, 101], voice: { loss: { share: LOSS, seed: 100 + seed } } });
      await audible(call);
      await Promise.all([call.caller.press(ALL), call.callee.press(ALL)]);
      await Promise.all([arrive(call.caller, ALL), arrive(call.callee, ALL)]);
      expect([call.callee.keys(), call.caller.keys()]).toEqual([ALL, ALL]);
      expect(call.callee.counts().payloadTypes).toEqual(expect.arrayContaining([8, 101]));
      await call.over();
    }));
  });

  test.concurrent('as events from a line that loses a tenth to a phone that knows tones only', ...shared(async (stage) => {
    const call = await talk(stage, { codecs: [0, 101], voice: { loss: { share: LOSS, seed: 4 } } }, { codecs: [0] });
    await audible(call);
    await call.caller.press(ALL);
    await eventually('the last key', () => keysHeard(call.callee.heard()).length >= ALL.length, 4000, 200).catch(() => undefined);
    expect(keysHeard(call.callee.heard())).toBe(ALL);
    expect(call.callee.counts().payloadTypes).toEqual([0]);
    await call.over();
  }));

  // the other way round there is nothing to turn them into: keys are not offered on behalf of a caller that has none
  test.concurrent('as tones of the phone that is called, to one on a line that loses a tenth and takes events', ...shared(async (stage) => {
    const call = await talk(stage, { codecs: [0, 101], voice: { loss: { share: LOSS, seed: 5 } } }, { codecs: [0] });
    await audible(call);
    await call.callee.play(keyTones(ALL));
    await arrive(call.caller, ALL);
    expect(call.caller.keys()).toBe(ALL);
    await call.over();
  }));

  test.concurrent('as INFO to a phone that refuses it: as an event of its stream', ...shared(async (stage) => {
    const call = await talk(stage, { codecs: [0, 101], scenario: 'caller-presses' }, { codecs: [0, 101], scenario: 'callee-takes-no-info', voice: { loss: { share: LOSS, seed: 6 } } }, 3000, { waitMs: 1500, key: '#' });
    await arrive(call.callee, '#');
    expect(call.callee.keys()).toBe('#');
    await call.over();
  }));
});

describe('what a service is told', () => {
  let plane: MediaPlane;
  let told = '';
  let stage: Stage;
  beforeAll(async () => {
    stage = new Stage();
    const ports = await stage.ports(20);
    plane = await createMediaPlane(
      { portMin: ports.first, portMax: ports.last, workers: 1, bind4: '127.0.0.1', bind6: null, drainMs: 0, silenceMs: 0 },
      { spawn: workerSpawner().spawn },
    );
    plane.on('digit', ({ digit }) => (told += digit));
  });
  afterAll(async () => {
    await plane.close();
    await stage.close();
  });

  test.each([7, 8, 9])('of a phone on line %i, which loses a tenth', async (seed) => {
    told = '';
    const party = await RtpParty.open(stage, { tone: 600, loss: { share: LOSS, seed } });
    const { id, rtpPort } = await plane.allocate({ session: `s${seed}`, family: 4, label: 'caller' });
    const format = { codec: 'PCMU', payloadType: 0 } as const;
    const audio: AudioSetup = { send: { ...format, ptimeMs: 20 }, receive: [format], telephoneEvent: { send: { payloadType: 101, clockRate: 8000 }, receive: [{ payloadType: 101, clockRate: 8000 }] }, comfortNoise: null };
    await plane.setRemote(id, { address: '127.0.0.1', port: party.port, rtcpPort: party.port + 1 });
    await plane.setAudio(id, audio);
    party.sendTo({ address: '127.0.0.1', port: rtpPort });
    await party.press(ALL);
    await eventually('the last key', () => told.length >= ALL.length, 3000).catch(() => undefined);
    expect(told).toBe(ALL);
    expect(party.counts().dropped).toBeGreaterThan(5);
    await plane.release(id);
  }, 30_000);
});
