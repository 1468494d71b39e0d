import fc from 'fast-check';
import type { SampleRate } from '../../../../media/frame';
import { Heard, Playout } from '../../../../media/port/playout';
import { linearCodec, mean, rampDelays, runLine, seeded, type LineOptions, type LineResult } from './line';

const AMPLITUDE = 8000;
/** Of a whole number of periods in a second. */
function sine(hz: number, rate: number): (n: number) => number {
  const second = Int16Array.from({ length: rate }, (_, n) => Math.round(AMPLITUDE * Math.sin((2 * Math.PI * hz * n) / rate)));
  return (n) => second[n % rate] as number;
}
const PHASES = [0.5, 3, 6, 9, 12, 15, 18, 19.5];
/** Seconds until everything has settled. */
const SETTLED = 5;

/** Mouth to ear and share of concealed frames, over all phases of the reader to the sender. */
function overPhases(line: (phase: number) => Omit<LineOptions, 'phaseMs'>): { delay: number; concealed: number; results: LineResult[] } {
  const results = PHASES.map((phaseMs) => runLine({ ...line(phaseMs), phaseMs }));
  const settled = (heard: Heard[]): Heard[] => heard.slice(SETTLED * 50);
  return {
    delay: mean(results.map((r, i) => mean(rampDelays(r.pcm, 8000, PHASES[i] as number, SETTLED)))),
    concealed: mean(results.map((r) => settled(r.heard).filter((h) => h === Heard.Concealed).length / settled(r.heard).length)),
    results,
  };
}

describe('how long it takes from mouth to ear, the packet’s own 20 ms and the wait for the tick included', () => {
  test('a clean network: at most 45 ms, and nothing made up', () => {
    const { delay, concealed, results } = overPhases(() => ({ seconds: 20 }));
    expect(delay).toBeLessThan(45);
    expect(concealed).toBe(0);
    for (const r of results) expect(r.playout.stats().playoutDelayMs).toBeLessThan(25);
  });

  test('a reader that is up to 2 ms late does not starve', () => {
    const { delay, concealed } = overPhases((seed) => {
      const random = seeded(seed * 10);
      return { seconds: 20, lateMs: () => (random() < 0.2 ? 2 * random() : 0) };
    });
    expect(delay).toBeLessThan(45);
    expect(concealed).toBe(0);
  });

  test('60 ms of even jitter: at most 91 ms and 1 % made up', () => {
    // Ticks are 20 ms apart, so one phase waits less than another; the mean is 89.8 ms over many phases.
    const { delay, concealed } = overPhases((seed) => {
      const random = seeded(seed * 10);
      return { seconds: 40, network: () => 60 * random() };
    });
    expect(delay).toBeLessThan(92);
    expect(concealed).toBeLessThan(0.01);
  });

  test.each([10, 30, 40, 60])('packets of %i ms', (ptimeMs) => {
    const { delay, concealed } = overPhases(() => ({ seconds: 15, ptimeMs }));
    expect(delay).toBeLessThan(ptimeMs + 25);
    expect(concealed).toBe(0);
  });
});

test('packets that change their length', () => {
  const lengths = [20, 10, 30, 60, 40];
  const { count, playout } = runLine({ seconds: 30, phaseMs: 7, ptimeMs: (n) => lengths[Math.floor(n / 50) % lengths.length] as number });
  expect(count(Heard.Concealed)).toBeLessThanOrEqual(15);
  expect(playout.stats().playoutDelayMs).toBeLessThan(65);
  expect(playout.stats().undecodable).toBe(0);
});

describe('an hour with a sender’s clock that is', () => {
  test.each([200, -200])('%i ppm off', (ppm) => {
    const random = seeded(3);
    let [most, notVoice] = [0, 0];
    const { playout } = runLine({
      seconds: 3600,
      ppm,
      phaseMs: 7,
      keep: false,
      network: () => 3 * random(),
      onFrame: (_frame, heard, at, p) => {
        if (at < SETTLED * 1000) return;
        if (heard !== Heard.Voice) notVoice++;
        if (at % 1000 < 20) most = Math.max(most, p.stats().playoutDelayMs);
      },
    });
    expect(notVoice).toBe(0);
    expect(most).toBeLessThan(45);
    const { shortenedMs, stretchedMs } = playout.stats();
    // 200 ppm of an hour.
    expect(Math.abs((ppm > 0 ? shortenedMs - stretchedMs : stretchedMs - shortenedMs) - 720)).toBeLessThan(60);
  }, 60_000);
});

describe('nothing clicks: no step beyond a tenth more than the tone’s own', () => {
  const networks: Record<string, (random: () => number) => (packet: number) => number | null> = {
    'one packet in ten lost': (random) => () => (random() < 0.1 ? null : 0),
    'jitter that comes and goes': (random) => (packet) => 60 * random() * (Math.floor(packet / 300) % 2),
    'stalls of 400 ms, then all at once': () => (packet) => (packet % 200 < 20 ? (20 - (packet % 200)) * 20 : 0),
    'bursts of losses': (random) => {
      let bad = false;
      return () => {
        bad = bad ? random() > 0.3 : random() < 0.03;
        return bad ? null : 2 * random();
      };
    },
  };
  const cases = Object.keys(networks).flatMap((name) => ([8000, 16000, 48000] as SampleRate[]).map((rate) => [name, rate] as const));
  test.each(cases)('%s, at %i Hz', (name, rate) => {
    for (const hz of [300, 1000]) {
      let [worst, before] = [0, 0];
      runLine({
        seconds: rate === 48000 ? 5 : 10,
        rate,
        ptimeMs: rate === 48000 ? 10 : 20,
        talk: sine(hz, rate),
        network: (networks[name] as (random: () => number) => (packet: number) => number | null)(seeded(5)),
        phaseMs: 9,
        keep: false,
        onFrame: (frame) => {
          for (let i = 0; i < frame.length; i++) {
            const sample = frame[i] as number;
            const step = sample < before ? before - sample : sample - before;
            if (step > worst) worst = step;
            before = sample;
          }
        },
      });
      const own = AMPLITUDE * 2 * Math.sin((Math.PI * hz) / rate);
      expect(worst).toBeLessThan(1.1 * own);
      expect(worst).toBeGreaterThan(0.8 * own);
    }
  });
});

describe('loss', () => {
  test.each([0, 0.01, 0.03, 0.05, 0.1, 0.2])('%f at random: as much is made up, and the delay grows by no more than a packet', (share) => {
    const random = seeded(7);
    const { count, playout, lost, sent } = runLine({ seconds: 40, phaseMs: 9, talk: sine(440, 8000), network: () => (random() < share ? null : 0) });
    expect(count(Heard.Concealed) / sent).toBeCloseTo(lost / sent, 2);
    // A hole is filled from both sides when what is after it is there, which is worth a packet's wait.
    expect(playout.stats().playoutDelayMs).toBeLessThan(share === 0 ? 25 : 45);
    expect(playout.stats().latePackets).toBe(0);
  });

  test('what the packet after says about the one lost is used, for one packet more of delay', () => {
    const random = seeded(7);
    const { count, playout, lost } = runLine({ seconds: 40, phaseMs: 9, redundant: true, network: () => (random() < 0.1 ? null : 0) });
    expect(count(Heard.Recovered)).toBeGreaterThan(0.8 * lost);
    expect(count(Heard.Concealed)).toBeLessThan(0.2 * lost);
    expect(playout.stats().playoutDelayMs).toBeLessThan(45);
  });

  test('of a burst the last one is recovered, and what is made up before it passes into that', () => {
    const rate = 8000;
    const gliding = (n: number): number => Math.round([1, 2, 3].reduce((sum, k) => sum + (4000 / k) * Math.sin(2 * Math.PI * k * ((150 * n) / rate + 8 * Math.sin((2 * Math.PI * n) / (2 * rate)))), 0));
    const burst = 50;
    const { pcm, count } = runLine({ seconds: 20, rate, phaseMs: 9, redundant: true, talk: gliding, network: (n) => (n % burst < 3 && n > burst ? null : 0) });
    expect(count(Heard.Recovered)).toBeGreaterThan(12);
    const ratios: number[] = [];
    for (let packet = 6 * burst; packet < 18 * burst; packet += burst) {
      const recovered = Array.from({ length: 60 }, (_, i) => gliding((packet + 2) * 160 + i));
      const at = pcm.findIndex((_, i) => recovered.every((x, k) => pcm[i + k] === x));
      if (at < 0) continue;
      let [error, power] = [0, 0];
      for (let back = 1; back <= 40; back++) {
        const said = gliding((packet + 2) * 160 - back);
        error += ((pcm[at - back] as number) - said) ** 2;
        power += said ** 2;
      }
      ratios.push(Math.sqrt(error / power));
    }
    expect(ratios.length).toBeGreaterThan(8);
    // Without passing into it: 0.18.
    expect(mean(ratios)).toBeLessThan(0.12);
  });

  test('and the packet more is given back when nothing is lost any more', () => {
    const random = seeded(7);
    const { playout } = runLine({ seconds: 80, phaseMs: 9, redundant: true, network: (n) => (n < 1000 && random() < 0.1 ? null : 0) });
    expect(playout.stats().playoutDelayMs).toBeLessThan(25);
  });
});

describe('networks', () => {
  const lines: Record<string, (random: () => number) => NonNullable<LineOptions['network']>> = {
    'Wi-Fi: now and then all waits for 20 to 100 ms': (random) => {
      let until = -1;
      return (_, sent) => {
        if (sent > until && random() < 0.01) until = sent + 20 + 80 * random();
        return 2 + 3 * random() + (sent < until ? until - sent : 0);
      };
    },
    'cellular: a queue that grows and drains': (random) => {
      let queue = 0;
      return () => {
        queue = Math.max(0, queue - 20 + 20 * (random() < 0.1 ? 3 * random() : 0.7));
        return 30 + queue + 10 * random();
      };
    },
    'reordering by up to three packets': (random) => () => (random() < 0.1 ? 60 * random() : 0),
  };
  test.each(Object.keys(lines))('%s: at most 2 % made up', (name) => {
    const { delay, concealed } = overPhases((seed) => ({ seconds: 30, network: (lines[name] as (random: () => number) => NonNullable<LineOptions['network']>)(seeded(seed * 10)) }));
    expect(concealed).toBeLessThan(0.02);
    expect(delay).toBeLessThan(130);
  });
});

describe('a stall', () => {
  test('of the network: what waited is heard, and the delay goes back by shortening', () => {
    const { playout, count } = runLine({ seconds: 20, phaseMs: 9, talk: sine(440, 8000), network: (n) => (n >= 300 && n < 312 ? (312 - n) * 20 : 0) });
    const stats = playout.stats();
    expect(stats.latePackets + stats.discardedPackets).toBe(0);
    expect(stats.shortenedMs).toBeGreaterThan(150);
    expect(stats.playoutDelayMs).toBeLessThan(30);
    expect(count(Heard.Voice)).toBeGreaterThan(960);
  });

  test('of the reader, which then reads what it missed: nothing is lost', () => {
    const { playout, count } = runLine({ seconds: 20, phaseMs: 9, lateMs: (tick) => (tick >= 300 && tick < 310 ? (310 - tick) * 20 : 0) });
    expect(count(Heard.Concealed)).toBe(0);
    expect(playout.stats().shortenedMs + playout.stats().stretchedMs).toBeLessThan(30);
  });

  test('of the reader, which leaves out what it missed: the delay goes back', () => {
    const { playout } = runLine({ seconds: 30, phaseMs: 9, talk: sine(440, 8000), lateMs: (tick) => (tick >= 300 ? 160 : 0) });
    expect(playout.stats().playoutDelayMs).toBeLessThan(30);
    expect(playout.stats().shortenedMs).toBeGreaterThan(100);
  });

  test('one after the other, of the whole machine: three seconds after the last the delay is as it was', () => {
    const overload = (ms: number): number => (ms < 2000 && ms % 400 < 300 ? 300 - (ms % 400) : 0);
    const delays: number[] = [];
    runLine({ seconds: 6, phaseMs: 9, talk: sine(440, 8000), keep: false, network: (_, sent) => overload(sent), lateMs: (tick) => overload(tick * 20 + 9), onFrame: (_frame, _heard, _at, p) => delays.push(p.stats().playoutDelayMs) });
    expect(delays[2 * 50]).toBeGreaterThan(150);
    for (const delay of delays.slice(5 * 50)) expect(delay).toBeLessThan(30);
  });

  test('of two seconds: what cannot be heard in time is thrown away and counted', () => {
    const { playout } = runLine({ seconds: 30, phaseMs: 9, network: (n) => (n >= 300 && n < 400 ? (400 - n) * 20 : 0) });
    const stats = playout.stats();
    expect(stats.discardedPackets).toBeGreaterThan(20);
    expect(stats.playoutDelayMs).toBeLessThan(60);
  });
});

/** One Playout by hand: packets of 20 ms at 8 kHz. */
class Hand {
  readonly playout: Playout;
  readonly frame: Int16Array;
  now = 0;
  private readonly codec = linearCodec();
  private readonly wide = linearCodec({ rate: 16000, clockRate: 48000, name: 'opus' });
  constructor(rate: SampleRate = 8000) {
    this.playout = new Playout({ sampleRate: rate, random: seeded(1) });
    this.playout.setFormats(
      [
        { payloadType: 0, clockRate: 8000, codec: this.codec },
        { payloadType: 96, clockRate: 48000, codec: this.wide },
      ],
      13,
    );
    this.frame = new Int16Array(rate / 50);
  }
  packet(n: number, value: number, { type = 0, timestamp = n * 160, ssrc = 7 } = {}): void {
    const samples = new Int16Array(type === 96 ? 320 : 160).fill(value);
    const data = type === 13 ? Uint8Array.of(value) : new Uint8Array(samples.buffer);
    this.playout.insert(data, 0, data.length, type, n & 0xffff, timestamp >>> 0, ssrc, false, this.now);
  }
  read(): Heard {
    const heard = this.playout.read(this.frame, this.now + 10);
    this.now += 20;
    return heard;
  }
  /** Packets from `from` to below `to`, one before each read. */
  talk(from: number, to: number, value: number, more: Parameters<Hand['packet']>[2] = {}): Heard[] {
    const heard: Heard[] = [];
    for (let n = from; n < to; n++) {
      this.packet(n, value, more);
      heard.push(this.read());
    }
    return heard;
  }
  loudest(): number {
    return this.frame.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  }
}

test('before the first packet there are zeros, and so there are a while after the last', () => {
  const hand = new Hand();
  hand.frame.fill(5);
  expect(hand.read()).toBe(Heard.Silence);
  expect(hand.loudest()).toBe(0);
  hand.talk(0, 100, 1000);
  const heard = Array.from({ length: 100 }, () => hand.read());
  expect(heard.slice(0, 4)).toEqual([Heard.Concealed, Heard.Concealed, Heard.Concealed, Heard.Concealed]);
  expect(heard[10]).toBe(Heard.ComfortNoise);
  expect(heard[99]).toBe(Heard.Silence);
  expect(hand.loudest()).toBe(0);
  expect(hand.talk(500, 550, 1000).slice(5)).toEqual(new Array(45).fill(Heard.Voice));
});

test('noise as described (RFC 3389) until somebody speaks again', () => {
  const hand = new Hand();
  hand.talk(0, 50, 1000);
  hand.packet(50, 40, { type: 13 });
  const heard = Array.from({ length: 100 }, () => hand.read());
  expect(heard.filter((h) => h === Heard.Concealed)).toEqual([]);
  expect(heard.slice(2)).toEqual(new Array(98).fill(Heard.ComfortNoise));
  const rms = Math.sqrt(hand.frame.reduce((sum, s) => sum + s * s, 0) / hand.frame.length);
  expect(20 * Math.log10(rms / 32768)).toBeGreaterThan(-43);
  expect(20 * Math.log10(rms / 32768)).toBeLessThan(-37);
  // Silence was 2 s: its time passed, numbers did not.
  expect(hand.talk(51, 101, 1000, {}).length).toBe(50);
  const next = [0, 1, 2, 3].map((i) => {
    hand.packet(101 + i, 1000, { timestamp: (200 + i) * 160 });
    return hand.read();
  });
  expect(next).toContain(Heard.Voice);
});

test('key presses take numbers of the sequence and are not concealed as if they were lost', () => {
  const hand = new Hand();
  hand.talk(0, 50, 1000);
  const heard: Heard[] = [];
  for (let n = 50; n < 60; n++) {
    hand.playout.skip(n, 50 * 160, 7, hand.now);
    heard.push(hand.read());
  }
  for (let n = 60; n < 100; n++) {
    hand.packet(n, 1000);
    heard.push(hand.read());
  }
  expect(heard.filter((h) => h === Heard.Concealed)).toEqual([]);
  expect(heard.slice(-30)).toEqual(new Array(30).fill(Heard.Voice));
  expect(hand.playout.stats().discardedPackets).toBe(0);
});

test('another codec with another clock in the middle of a stream', () => {
  const hand = new Hand();
  hand.talk(0, 100, 1000);
  expect(hand.playout.describe()).toMatch(/^jitter\(\d+ms\) -> PCMU$/);
  const heard: Heard[] = [];
  for (let n = 100; n < 200; n++) {
    hand.packet(n, 1000, { type: 96, timestamp: 16000 + (n - 100) * 960 });
    heard.push(hand.read());
  }
  expect(heard).toEqual(new Array(100).fill(Heard.Voice));
  expect(hand.playout.describe()).toMatch(/^jitter\(\d+ms\) -> opus -> resample\(16000->8000\)$/);
});

test('another SSRC in the middle of a stream', () => {
  const hand = new Hand();
  hand.talk(0, 100, 1000);
  expect(hand.talk(40_000, 40_100, 1000, { ssrc: 8 }).filter((h) => h !== Heard.Voice).length).toBeLessThanOrEqual(1);
});

test('types that nobody knows, and packets that cannot be decoded, are counted', () => {
  const hand = new Hand();
  hand.talk(0, 50, 1000);
  hand.playout.insert(new Uint8Array(160), 0, 160, 99, 50, 50 * 160, 7, false, hand.now);
  hand.read();
  hand.playout.insert(new Uint8Array(0), 0, 0, 0, 51, 51 * 160, 7, false, hand.now);
  hand.read();
  hand.read();
  expect(hand.playout.stats().undecodable).toBe(2);
});

test('a codec that cannot be made is counted and does no harm', () => {
  const playout = new Playout({ sampleRate: 8000 });
  const broken = { ...linearCodec(), decoder: () => { throw new Error('it does not load'); } };
  playout.setFormats([{ payloadType: 0, clockRate: 8000, codec: broken }], null);
  const frame = new Int16Array(160);
  for (let n = 0; n < 20; n++) {
    playout.insert(new Uint8Array(320), 0, 320, 0, n, n * 160, 7, false, n * 20);
    playout.read(frame, n * 20 + 10);
  }
  expect(playout.stats().undecodable).toBeGreaterThan(10);
});

test('decoders are closed once, and not remade for formats that stay', () => {
  const codec = linearCodec();
  const closed = jest.fn();
  const playout = new Playout({ sampleRate: 8000 });
  const format = { payloadType: 0, clockRate: 8000, codec: { ...codec, decoder: (o: Parameters<typeof codec.decoder>[0]) => ({ ...codec.decoder(o), close: closed }) } };
  playout.setFormats([format], null);
  playout.insert(new Uint8Array(320), 0, 320, 0, 1, 160, 7, false, 0);
  playout.setFormats([format], 13);
  expect(codec.made.length).toBe(1);
  expect(closed).toHaveBeenCalledTimes(0);
  playout.close();
  playout.close();
  expect(closed).toHaveBeenCalledTimes(1);
  const frame = new Int16Array(160).fill(1);
  playout.insert(new Uint8Array(320), 0, 320, 0, 2, 320, 7, false, 20);
  expect(playout.read(frame, 40)).toBe(Heard.Silence);
});

test.each<[SampleRate, SampleRate]>([
  [8000, 16000],
  [8000, 48000],
  [48000, 8000],
  [16000, 48000],
])('the reader changes from %i to %i Hz: the tone goes on without a click', (from, to) => {
  const codec = linearCodec({ rate: 8000 });
  const playout = new Playout({ sampleRate: from, random: seeded(1) });
  playout.setFormats([{ payloadType: 0, clockRate: 8000, codec }], null);
  const say = sine(300, 8000);
  const own = (rate: number): number => AMPLITUDE * 2 * Math.sin((Math.PI * 300) / rate);
  let [before, worst] = [0, 0];
  let rate = from;
  for (let n = 0; n < 200; n++) {
    const samples = Int16Array.from({ length: 160 }, (_, i) => say(n * 160 + i));
    playout.insert(new Uint8Array(samples.buffer), 0, 320, 0, n, n * 160, 7, false, n * 20);
    if (n === 100) playout.setSampleRate((rate = to));
    const frame = new Int16Array(rate / 50);
    playout.read(frame, n * 20 + 10);
    for (let i = 0; i < frame.length; i++) {
      const step = Math.abs((frame[i] as number) - before);
      // Across the seam the step is that of the lower rate.
      if (n > 10) worst = Math.max(worst, step / (i === 0 && n === 100 ? own(Math.min(from, to)) : own(rate)));
      before = frame[i] as number;
    }
    if (n > 10) expect(Math.max(...frame)).toBeGreaterThan(0.9 * AMPLITUDE);
  }
  expect(worst).toBeLessThan(1.25);
  expect(playout.stats().frames.concealed).toBe(0);
});

test('whatever comes, whenever it is read: no exception, all of `out` is filled, the delay has a limit', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('packet' as const), jump: fc.constantFrom(1, 1, 1, 1, 1, 2, 3, -1, -2, 0, 500, 40_000), time: fc.constantFrom(0, 0, 0, 0, 160, -160, 8000, 2 ** 31, 12345), type: fc.constantFrom(0, 0, 0, 0, 96, 13, 50), length: fc.constantFrom(320, 320, 320, 160, 960, 0, 1, 2, 1499, 1600), ssrc: fc.constantFrom(1, 1, 1, 1, 1, 1, 2) }),
    fc.record({ do: fc.constant('skip' as const), jump: fc.constantFrom(1, 2, -1) }),
    fc.record({ do: fc.constant('read' as const), times: fc.constantFrom(1, 1, 1, 1, 2, 10) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(20, 20, 20, 20, 20, 1, 100, 3000) }),
    fc.record({ do: fc.constant('rate' as const), rate: fc.constantFrom<SampleRate>(8000, 16000, 48000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const playout = new Playout({ sampleRate: 8000, random: seeded(2) });
      const formats = [
        { payloadType: 0, clockRate: 8000, codec: linearCodec({ redundant: true }) },
        { payloadType: 96, clockRate: 48000, codec: linearCodec({ rate: 16000, clockRate: 48000, conceals: true }) },
      ];
      playout.setFormats(formats, 13);
      let [sequence, timestamp, now, rate] = [65_500, 2 ** 32 - 5000, 1000, 8000];
      const data = new Uint8Array(1600).map((_, i) => i * 7);
      for (const s of steps) {
        if (s.do === 'packet') {
          sequence = (sequence + s.jump) & 0xffff;
          timestamp = (timestamp + s.jump * 160 + s.time) >>> 0;
          playout.insert(data, 0, s.length, s.type, sequence, timestamp, s.ssrc, false, now);
        } else if (s.do === 'skip') {
          sequence = (sequence + s.jump) & 0xffff;
          playout.skip(sequence, timestamp, 1, now);
        } else if (s.do === 'read') {
          for (let i = 0; i < s.times; i++) {
            const out = new Int16Array(rate / 50).fill(32_123);
            const heard = playout.read(out, now);
            if (heard < Heard.Silence || heard > Heard.ComfortNoise) throw new Error(`There is no such kind: ${heard}`);
            // Zeros or sound, but not what was there before.
            let untouched = 0;
            for (const sample of out) if (sample === 32_123) untouched++;
            if (untouched >= 3) throw new Error(`${untouched} samples were not written.`);
          }
        } else if (s.do === 'wait') {
          now += s.ms;
        } else {
          playout.setSampleRate((rate = s.rate));
        }
      }
      const stats = playout.stats();
      expect(stats.targetDelayMs).toBeLessThanOrEqual(400);
      expect(Number.isFinite(stats.playoutDelayMs)).toBe(true);
      playout.close();
    }),
    { numRuns: 200 },
  );
});

test('nobody reads for three seconds: what is old is thrown away, and the delay is as before', () => {
  const hand = new Hand();
  hand.talk(0, 100, 1000);
  for (let n = 100; n < 250; n++) {
    hand.packet(n, 1000);
    hand.now += 20;
  }
  const heard = hand.talk(250, 350, 1000);
  expect(heard.slice(-50)).toEqual(new Array(50).fill(Heard.Voice));
  expect(hand.playout.stats().discardedPackets).toBeGreaterThan(100);
  expect(hand.playout.stats().playoutDelayMs).toBeLessThan(45);
});

test('an event that is lost in part, a wrapped sequence and a stream that ends in silence leave nothing behind', () => {
  const hand = new Hand();
  hand.talk(65_500, 65_600, 1000);
  expect(hand.playout.stats().latePackets + hand.playout.stats().discardedPackets).toBe(0);
  hand.playout.skip(65_603 & 0xffff, 65_600 * 160, 7, hand.now);
  for (let i = 0; i < 200; i++) hand.read();
  expect(hand.loudest()).toBe(0);
  expect(hand.playout.stats().frames.silence).toBeGreaterThan(100);
});
