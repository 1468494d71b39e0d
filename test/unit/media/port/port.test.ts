import type { AudioSetup } from '../../../../media/audio-types';
import { codecNamed } from '../../../../media/codecs';
import { decodeUlaw, encodeUlaw } from '../../../../media/codec/g711';
import type { Codec, CodecName } from '../../../../media/frame';
import { Endpoint } from '../../../../media/net/endpoint';
import { AudioPort, type PortPlayer } from '../../../../media/port/port';
import { TelephoneEventReceiver } from '../../../../media/rtp/telephone-event';
import { judge } from '../../../support/tone';
import { FakeNet } from '../support/fake-net';
import { receiverReport, rtp } from '../support/packets';
import { setupOf } from '../support/tone-peer';
import { seeded } from './line';

const PEER = '192.0.2.1:4000';

async function port(audio: AudioSetup = setupOf('PCMU'), codecOf: (name: CodecName) => Codec | undefined = codecNamed) {
  const clock = { ms: 0 };
  const net = new FakeNet(() => clock.ms);
  const endpoint = new Endpoint('a', 's', 4, 'caller', () => clock.ms);
  await endpoint.open(net, '0.0.0.0', 40_000);
  endpoint.setRemote({ address: '192.0.2.1', port: 4000 }, false);
  const random = seeded(5);
  const digits: string[] = [];
  const played: PortPlayer[] = [];
  const keys = new TelephoneEventReceiver(8000, (digit, ms) => digits.push(`${digit} ${ms}`));
  const it = new AudioPort(
    endpoint,
    {
      codecNamed: codecOf,
      random,
      random32: () => Math.floor(random() * 2 ** 32),
      wallMs: () => 1_700_000_000_000 + clock.ms,
      keysOf: () => keys,
      onTone: (_port, digit) => digits.push(`${digit} tone`),
      onPlayed: (_port, player) => played.push(player),
    },
    0,
  );
  expect(it.setup(audio, 0)).toBeUndefined();
  let n = 0;
  let rate = 8000;
  /** One tick: a packet comes, a frame is heard, another is said to the party. */
  const tick = (say: (n: number) => number | null = () => null, sent: Int16Array | undefined = undefined): { sounding: boolean; heard: Int16Array } => {
    const payload = Buffer.alloc(160);
    const pcm = Int16Array.from({ length: 160 }, (_, i) => say(n * 160 + i) ?? 0);
    encodeUlaw(pcm, 160, payload);
    if (say(0) !== null) net.deliver(40_000, PEER, rtp({ sequence: n, timestamp: n * 160, payload }));
    n++;
    const heard = new Int16Array(rate / 50);
    const sounding = it.pull(heard, clock.ms);
    it.push(sent, 0);
    clock.ms += 20;
    return { sounding, heard };
  };
  const setRate = (hz: 8000 | 16_000 | 48_000) => it.setRate((rate = hz) as 8000);
  const sent = () => net.sent(40_000).map(({ data }) => data);
  const reports = () => net.sent(40_001).map(({ data }) => data);
  const spoken = () => {
    const out: number[] = [];
    for (const data of sent()) {
      if ((data[1]! & 0x7f) !== 0) continue;
      const frame = new Int16Array(160);
      decodeUlaw(data.subarray(12), 160, frame);
      out.push(...frame);
    }
    return judge({ rate: 8000, samples: Float32Array.from(out, (value) => value / 32768) });
  };
  return { it, net, endpoint, clock, tick, setRate, sent, reports, spoken, digits, played };
}

const tone = (hz: number, rate = 8000) => (n: number) => Math.round(9000 * Math.sin((2 * Math.PI * hz * n) / rate));
const frame = (hz: number, at: number): Int16Array => Int16Array.from({ length: 160 }, (_, i) => tone(hz)(at * 160 + i));

test('what the party says is pulled, what the room says is pushed, at whatever rate the room has', async () => {
  const { tick, setRate, spoken } = await port();
  const heard: number[] = [];
  for (let i = 0; i < 50; i++) heard.push(...tick(tone(700), frame(1100, i)).heard);
  setRate(48_000);
  const wide: number[] = [];
  for (let i = 50; i < 100; i++) wide.push(...tick(tone(700), Int16Array.from({ length: 960 }, (_, k) => tone(1100, 48_000)(i * 960 + k))).heard);
  expect(judge({ rate: 8000, samples: Float32Array.from(heard.slice(1600), (v) => v / 32768) }).share(700)).toBeGreaterThan(0.99);
  expect(judge({ rate: 48_000, samples: Float32Array.from(wide.slice(9600), (v) => v / 32768) }).share(700)).toBeGreaterThan(0.99);
  expect(spoken().share(1100)).toBeGreaterThan(0.99);
});

test('a codec that is not there is named, and nothing has changed', async () => {
  const { it, tick } = await port(setupOf('PCMU'), (name) => (name === 'opus' ? undefined : codecNamed(name)));
  expect(it.setup(setupOf('opus'), 0)).toBe('opus');
  for (let i = 0; i < 10; i++) tick(tone(700));
  expect(it.stats().codec).toEqual({ receive: 'PCMU', send: 'PCMU' });
  expect(it.stats().frames.decoded).toBeGreaterThan(5);
});

test('on hold nothing is sent and what comes is gated; resumed, the stream goes on by its numbers, with a marker', async () => {
  const { it, tick, sent, endpoint } = await port();
  for (let i = 0; i < 10; i++) tick(tone(700));
  it.setup(setupOf('PCMU', { send: null, receive: [] }), 200);
  for (let i = 0; i < 25; i++) tick(tone(700));
  expect([sent().length, endpoint.stats().gated, it.newSilence(100, 10_000)]).toEqual([10, 25, undefined]);
  it.setup(setupOf('PCMU'), 700);
  tick();
  const [before, after] = sent().slice(-2) as [Buffer, Buffer];
  expect([after.readUInt16BE(2) - before.readUInt16BE(2), (after.readUInt32BE(4) - before.readUInt32BE(4)) / 160, after[1]! >> 7]).toEqual([1, 26, 1]);
  expect(after.readUInt32BE(8)).toBe(before.readUInt32BE(8));
  expect([it.newSilence(1000, 1600), it.newSilence(1000, 1800), it.newSilence(1000, 2000)]).toEqual([undefined, 1100, undefined]);
});

test('reports in both directions, and goodbye once; nothing to say goodbye to, when nothing was said', async () => {
  const { it, tick, sent, reports, net } = await port();
  for (let i = 0; i < 400; i++) tick(tone(700));
  const ssrc = sent()[0]!.readUInt32BE(8);
  const [first] = reports();
  expect([first![1], first!.readUInt32BE(4), first!.readUInt32BE(28)]).toEqual([200, ssrc, 0x1234]);
  net.deliver(40_001, '192.0.2.1:4001', receiverReport(7, [{ ssrc, fraction: 128, lost: 40 }]));
  tick();
  const { mosReported, mosHeard } = it.stats();
  expect([mosReported! < 3.5, mosHeard! > 4]).toEqual([true, true]);
  it.close();
  it.close();
  const byes = reports().filter((data) => data.includes(Buffer.from([0x81, 203])));
  expect(byes).toHaveLength(1);
  const silent = await port(setupOf('PCMU', { send: null }));
  silent.it.close();
  expect(silent.reports()).toEqual([]);
  expect(silent.endpoint.sink).toBeUndefined();
});

test('keys to a party that takes no events are tones in place of everything else, and then that is back', async () => {
  const { it, tick, spoken, sent } = await port(setupOf('PCMU', { telephoneEvent: null }));
  it.sendDigits('5', 200);
  for (let i = 0; i < 10; i++) tick(undefined, frame(300, i));
  const keyed = spoken();
  expect([keyed.share(770) + keyed.share(1336) > 0.9, keyed.share(300) < 0.05]).toEqual([true, true]);
  const before = sent().length;
  for (let i = 10; i < 40; i++) tick(undefined, frame(300, i));
  expect([sent().length - before, spoken().secondsOf(300) > 0.4]).toEqual([30, true]);
});

test('keys are heard as events of any of their clocks, and as tones when asked to, at any rate', async () => {
  const events = { send: null, receive: [{ payloadType: 101, clockRate: 8000 }, { payloadType: 102, clockRate: 48_000 }] };
  const { it, net, tick, setRate, digits } = await port(setupOf('PCMU', { telephoneEvent: events }));
  net.deliver(40_000, PEER, rtp({ payloadType: 101, sequence: 500, timestamp: 9000, payload: Uint8Array.of(1, 0x8a, 800 >> 8, 800 & 255) }));
  net.deliver(40_000, PEER, rtp({ payloadType: 102, sequence: 501, timestamp: 99_000, payload: Uint8Array.of(2, 0x8a, 4800 >> 8, 4800 & 255) }));
  net.deliver(40_000, PEER, rtp({ payloadType: 102, sequence: 502, timestamp: 199_000, marker: true, payload: Uint8Array.of(3, 0x0a, 4800 >> 8, 4800 & 255) }));
  for (let i = 0; i < 15; i++) tick();
  expect(digits).toEqual(['1 100', '2 100', '3 100']);
  it.detectTones(true);
  setRate(16_000);
  const nine = (n: number) => Math.round(5000 * (Math.sin((2 * Math.PI * 852 * n) / 8000) + Math.sin((2 * Math.PI * 1477 * n) / 8000)));
  for (let i = 0; i < 10; i++) tick(nine);
  for (let i = 0; i < 20; i++) tick(() => 0);
  expect(digits.slice(3)).toEqual(['9 tone']);
  it.detectTones(false);
  for (let i = 0; i < 10; i++) tick(nine);
  expect(digits).toHaveLength(4);
});

test('what is tapped is what is pulled, with its rate, until it is untapped', async () => {
  const { it, tick, setRate } = await port();
  const tapped: string[] = [];
  const tap = (pcm: Int16Array, rate: number, sounding: boolean) => void tapped.push(`${pcm.length} ${rate} ${sounding}`);
  it.tap(tap);
  tick();
  setRate(16_000);
  for (let i = 0; i < 10; i++) tick(tone(500));
  it.untap(tap);
  tick();
  expect([tapped.length, tapped[0], tapped.at(-1)]).toEqual([11, '160 8000 false', '320 16000 true']);
});

test('what the party gets can be listened to: what is said to it, and keys as tones even where it takes events', async () => {
  const { it, tick } = await port();
  const heard: number[] = [];
  const tap = (frame: Int16Array, rate: number): void => void heard.push(frame[80]!, rate);
  it.tapSent(tap);
  tick(undefined, new Int16Array(160).fill(1234));
  expect(heard).toEqual([1234, 8000]);
  expect(it.takesEvents).toBe(true);
  it.sendDigits('5', 100, true);
  tick(undefined, new Int16Array(160).fill(1234));
  expect(heard[2]).not.toBe(1234);
  it.untap(tap);
  tick();
  expect(heard).toHaveLength(4);
});

test('players that have ended, or were stopped, are told of when they are done', async () => {
  const { it, tick, played } = await port();
  let frames = 3;
  const player: PortPlayer = { setSampleRate: () => undefined, read: (out) => (out.fill(9), --frames > 0), stop: () => (frames = 0), get done() { return frames <= 0; } }; // prettier-ignore
  expect(it.play(player, false)).toEqual([]);
  for (let i = 0; i < 6; i++) tick();
  expect(played).toEqual([player]);
  frames = 100;
  it.play(player, true);
  tick();
  expect(it.stopPlaying()).toEqual([player]);
  for (let i = 0; i < 3; i++) tick();
  expect(played).toEqual([player, player]);
});
