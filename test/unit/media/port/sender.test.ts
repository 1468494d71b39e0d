import type { Codec, SampleRate } from '../../../../media/frame';
import { Sender, type SendFormat } from '../../../../media/port/sender';

interface Sent {
  marker: boolean;
  type: number;
  sequence: number;
  timestamp: number;
  ssrc: number;
  payload: number[];
}

/** One octet a sample, its low eight bits; what is all zeros is not sent where `dtx` is. */
function octets(clockRate: number, { rates = [8000], ptimes = [10, 20, 30, 40, 60], dtx = false }: { rates?: SampleRate[]; ptimes?: number[]; dtx?: boolean } = {}) {
  const log = { open: 0, made: [] as number[], losses: [] as unknown[] };
  const codec: Codec = {
    name: 'PCMU',
    clockRate,
    rates,
    bandwidth: rates.at(-1)!,
    cost: { encode: 1, decode: 1 },
    ptimes,
    decoder: () => {
      throw new Error('nobody decodes here');
    },
    encoder: ({ sampleRate }) => {
      log.open++;
      log.made.push(sampleRate);
      return {
        sampleRate,
        encode(pcm, out) {
          if (!ptimes.includes((pcm.length * 1000) / sampleRate)) throw new RangeError('such a packet there is not');
          if (dtx && pcm.every((sample) => sample === 0)) return 0;
          for (let i = 0; i < pcm.length; i++) out[i] = pcm[i]! & 0xff;
          return pcm.length;
        },
        lossReported: (loss, rttMs) => log.losses.push(rttMs == null ? loss : [loss, rttMs]),
        reset: () => undefined,
        close: () => log.open--,
      };
    },
  };
  return { codec, log };
}

function sender() {
  const sent: Sent[] = [];
  let random = 0x7fff0000;
  const it = new Sender({
    random32: () => (random += 0x1111),
    send: (data, length, payloadBytes, timestamp) => {
      const view = Buffer.from(data.subarray(0, length));
      expect([payloadBytes, timestamp, view[0]]).toEqual([length - 12, view.readUInt32BE(4), 0x80]);
      sent.push({ marker: view[1]! > 127, type: view[1]! & 127, sequence: view.readUInt16BE(2), timestamp: view.readUInt32BE(4), ssrc: view.readUInt32BE(8), payload: [...view.subarray(12)] });
    },
  });
  return { it, sent, take: () => sent.splice(0) };
}

const format = (codec: Codec, ptimeMs = 20, payloadType = 0): SendFormat => ({ codec, payloadType, ptimeMs });
const frames = (it: Sender, n: number, value = 5, samples = 160) => {
  for (let i = 0; i < n; i++) it.write(new Int16Array(samples).fill(value));
};
const steps = (list: readonly number[], modulo: number) => list.slice(1).map((value, i) => (value - list[i]! + modulo) % modulo);

test.each([10, 20, 30, 40, 60])('packets of %d ms: whole, one after the other, the marker on the first only', (ptimeMs) => {
  const { it, sent } = sender();
  it.setFormat(format(octets(8000).codec, ptimeMs));
  frames(it, 30);
  expect(sent).toHaveLength(600 / ptimeMs);
  expect(new Set(sent.map(({ payload }) => payload.length))).toEqual(new Set([ptimeMs * 8]));
  expect(new Set(steps(sent.map(({ sequence }) => sequence), 65_536))).toEqual(new Set([1]));
  expect(new Set(steps(sent.map(({ timestamp }) => timestamp), 2 ** 32))).toEqual(new Set([ptimeMs * 8]));
  expect(sent.map(({ marker }) => marker)).toEqual(sent.map((_, i) => i === 0));
});

test.each([[30, 20], [0, 10], [NaN, 10], [1000, 60], [-5, 10]])('a packet time of %d ms that the codec does not have becomes %d', (asked, got) => {
  const { it, sent } = sender();
  it.setFormat(format(octets(48_000, { rates: [8000, 48_000], ptimes: [10, 20, 40, 60] }).codec, asked));
  frames(it, 6);
  expect(sent[0]!.payload).toHaveLength(got * 8);
});

test('time goes on while nothing is sent: hold, skipped ticks, a packet that was not full', () => {
  const { it, take } = sender();
  const { codec } = octets(8000);
  it.setFormat(format(codec, 60));
  frames(it, 4);
  const [first] = take();
  it.setFormat(null); // 20 ms were waiting
  frames(it, 10);
  it.pause(3);
  it.setFormat(format(codec, 20));
  frames(it, 2);
  const [second, third] = take();
  expect([(second!.timestamp - first!.timestamp) / 160, second!.sequence - first!.sequence, second!.ssrc === first!.ssrc]).toEqual([4 + 10 + 3, 1, true]);
  expect([second!.marker, third!.marker]).toEqual([true, false]);
  it.pause(2);
  frames(it, 1);
  expect(take()).toMatchObject([{ marker: true, timestamp: third!.timestamp + 3 * 160 }]);
});

test('on hold the clock is that of what was sent before', () => {
  const { it, take } = sender();
  const { codec } = octets(48_000, { rates: [8000] });
  it.setFormat(format(codec));
  frames(it, 1);
  it.setFormat(null);
  frames(it, 9);
  it.setFormat(format(codec));
  frames(it, 1);
  const [before, after] = take();
  expect([after!.timestamp - before!.timestamp, after!.ssrc]).toEqual([9600, before!.ssrc]);
});

test('another RTP clock is another source, also when nothing was sent in between; the same clock is the same', () => {
  const { it, take } = sender();
  const [narrow, alike, wide] = [octets(8000).codec, octets(8000).codec, octets(48_000).codec];
  const first = it.ssrc;
  it.setFormat(format(wide));
  it.setFormat(format(narrow)); // nobody has seen the first
  expect(it.ssrc).toBe(first);
  frames(it, 1);
  it.setFormat(format(alike, 20, 8));
  frames(it, 1);
  it.setFormat(null);
  it.setFormat(format(wide, 20, 111));
  frames(it, 1);
  it.setFormat(format(narrow));
  frames(it, 1);
  const packets = take();
  expect(packets.map(({ type, marker }) => [type, marker])).toEqual([[0, true], [8, true], [111, true], [0, true]]);
  expect(packets.map(({ ssrc }) => ssrc === first)).toEqual([true, true, false, false]);
  expect(packets[2]!.ssrc).not.toBe(packets[3]!.ssrc);
  expect(steps(packets.map(({ sequence }) => sequence), 65_536)).toEqual([1, 1, 1]);
});

test('what stays the same keeps its encoder, what changes closes it, and close leaves none open', () => {
  const { it } = sender();
  const { codec, log } = octets(8000, { rates: [8000, 16_000] });
  it.setFormat(format(codec));
  it.setFormat(format(codec));
  expect(log.made).toEqual([8000]);
  it.lossReported(0.1, 80);
  it.setRate(16_000);
  it.setRate(48_000); // its best, with a resampler before it
  expect([log.made, log.losses]).toEqual([[8000, 16_000], [0, [0.1, 80], [0.1, 80]]]);
  frames(it, 1, 0, 960);
  it.setFormat(format(codec, 40));
  it.setFormat(null);
  expect([log.open, it.active, it.describe()]).toEqual([0, false, 'silent']);
  it.setFormat(format(codec, 40));
  expect(it.describe()).toBe('PCMU(40ms)');
  it.close();
  it.close();
  expect(log.open).toBe(0);
  it.write(new Int16Array(960));
});

test('a rate that changes in the middle of a packet costs that packet, not its time', () => {
  const { it, take } = sender();
  it.setFormat(format(octets(8000, { rates: [8000, 16_000] }).codec, 40));
  frames(it, 3);
  it.setRate(16_000);
  frames(it, 2, 5, 320);
  const packets = take();
  expect(steps(packets.map(({ timestamp }) => timestamp), 2 ** 32)).toEqual([480]);
  expect(packets[1]!.payload).toHaveLength(640);
});

test('DTX: nothing is sent, which is counted, and the first packet after it has the marker', () => {
  const { it, take } = sender();
  it.setFormat(format(octets(8000, { dtx: true }).codec));
  frames(it, 2);
  frames(it, 5, 0);
  frames(it, 2);
  const packets = take();
  expect(packets.map(({ marker }) => marker)).toEqual([true, false, true, false]);
  expect([steps(packets.map(({ timestamp }) => timestamp), 2 ** 32), it.dtx, it.packets]).toEqual([[160, 960, 160], 5, 4]);
  expect(steps(packets.map(({ sequence }) => sequence), 65_536)).toEqual([1, 1, 1]);
});

test('key presses take the place of the audio: one stream of numbers, one timestamp a press, a marker at its beginning and behind it', () => {
  const { it, take } = sender();
  it.setFormat(format(octets(8000).codec));
  it.setDigits({ payloadType: 101, clockRate: 8000 });
  frames(it, 2);
  expect([it.takesDigits, it.press('12', 60)]).toEqual([true, true]);
  frames(it, 30);
  const packets = take();
  expect(packets.map(({ sequence }) => sequence)).toEqual(packets.map((_, i) => (packets[0]!.sequence + i) & 0xffff));
  const events = packets.filter(({ type }) => type === 101);
  expect(new Set(events.map(({ timestamp }) => timestamp)).size).toBe(2);
  expect(events.filter(({ marker }) => marker)).toHaveLength(2);
  expect(events.map(({ payload }) => payload[0])).toEqual([...Array<number>(5).fill(1), ...Array<number>(5).fill(2)]);
  const audio = packets.filter(({ type }) => type === 0);
  // in time with where they would have been without the press
  for (const { timestamp } of audio) expect((timestamp - audio[0]!.timestamp) % 160).toBe(0);
  expect(audio.filter(({ marker }) => marker)).toHaveLength(3);
  expect((audio.at(-1)!.timestamp - audio[0]!.timestamp) / 160).toBe(31);
});

test.each([10, 30, 60])('a press in packets of %d ms lasts as long', (ptimeMs) => {
  const { it, take } = sender();
  it.setFormat(format(octets(8000).codec, ptimeMs));
  it.setDigits({ payloadType: 101, clockRate: 8000 });
  it.press('5', 120);
  frames(it, 30);
  const events = take().filter(({ type }) => type === 101);
  expect(events.filter(({ payload }) => payload[1]! & 0x80)).toHaveLength(3);
  expect((events.at(-1)!.payload[2]! << 8) | events.at(-1)!.payload[3]!).toBe(960);
});

test('presses that wait outlive a hold and a description that says the same again', () => {
  const { it, take } = sender();
  const { codec } = octets(8000);
  const event = { payloadType: 101, clockRate: 8000 };
  it.setFormat(format(codec, 40));
  it.setDigits(event);
  it.press('7', 100);
  it.setFormat(null);
  it.setDigits({ ...event });
  expect(it.takesDigits).toBe(false);
  frames(it, 10);
  it.setFormat(format(codec, 40));
  it.setDigits(event);
  frames(it, 10);
  expect(take().filter(({ type }) => type === 101).length).toBeGreaterThan(3);
  it.setDigits(null);
  expect([it.takesDigits, it.press('1', 100)]).toEqual([false, false]);
});
