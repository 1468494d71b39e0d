/** Every way that this machine has to Opus under one contract; what only some can do is asked of those that say so. */
import fc from 'fast-check';
import { opus, opusAbility, opusComplexity, opusProblem, openOpus, type OpusAbility } from '../../../../media/codec/opus';
import { encoderSettings } from '../../../../media/codec/opus/fmtp';
import { packetUnits, repeatsTheOneBefore } from '../../../../media/codec/opus/packet';
import type { Decoder, Encoder, SampleRate } from '../../../../media/frame';

const RATES: SampleRate[] = [8000, 16000, 48000];
const ROOM = 5760;

/** A voice-like sound that goes on: the samples of `ms` from `from` ms on. */
function voice(rate: number, from: number, ms: number): Int16Array {
  const key = `${rate} ${from} ${ms}`;
  const known = voices.get(key) ?? speak(rate, from, ms);
  voices.set(key, known);
  return known;
}

const voices = new Map<string, Int16Array>();

function speak(rate: number, from: number, ms: number): Int16Array {
  return Int16Array.from({ length: (rate * ms) / 1000 }, (_, i) => {
    const t = from / 1000 + i / rate;
    let value = 0;
    for (let k = 1; k <= 12; k++) value += Math.sin(k * 2 * Math.PI * (140 * t + 3 * Math.sin(2 * Math.PI * 2 * t))) / k;
    return 3000 * value * (0.6 + 0.4 * Math.sin(2 * Math.PI * 4 * t));
  });
}

function packetsOf(encoder: Encoder, count: number, ms = 20, sound = voice): Uint8Array[] {
  const out = new Uint8Array(1500);
  return Array.from({ length: count }, (_, n) => out.slice(0, encoder.encode(sound(encoder.sampleRate, n * ms, ms), out)));
}

function decodeAll(decoder: Decoder, packets: Uint8Array[]): Int16Array {
  const out = new Int16Array(ROOM);
  const pcm: number[] = [];
  for (const packet of packets) pcm.push(...out.subarray(0, decoder.decode(packet, packet.length, out)));
  return Int16Array.from(pcm);
}

/** dB of `wanted` over what `heard` has else; the same sample of both is the same moment. */
function snr(wanted: Int16Array, heard: Int16Array): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < wanted.length; i++) {
    signal += wanted[i]! ** 2;
    noise += (wanted[i]! - heard[i]!) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

/** Share of the energy that lies at `hz`. */
function share(pcm: Int16Array, rate: number, hz: number): number {
  let [re, im, all] = [0, 0, 0];
  pcm.forEach((value, i) => {
    re += value * Math.cos((2 * Math.PI * hz * i) / rate);
    im += value * Math.sin((2 * Math.PI * hz * i) / rate);
    all += value * value;
  });
  return (2 * (re * re + im * im)) / (pcm.length * all);
}

const sine = (hz: number) => (rate: number, from: number, ms: number) =>
  Int16Array.from({ length: (rate * ms) / 1000 }, (_, i) => 8000 * Math.sin(2 * Math.PI * hz * (from / 1000 + i / rate)));

// Where @discordjs/opus was not built, the first two are not there to be tested; the last one always is.
const ABILITIES: OpusAbility[] = (['libopus', 'binding', 'wasm'] as const).filter((only) => only === 'wasm' || openOpus({ only }).ability === only);

describe.each(ABILITIES)('Opus by %s', (only) => {
  const { ability, codec, problem } = openOpus({ only });
  const open: Array<Encoder | Decoder> = [];
  const encoder = (sampleRate: SampleRate, fmtp?: string): Encoder => {
    const made = codec.encoder({ sampleRate, fmtp });
    open.push(made);
    return made;
  };
  const decoder = (sampleRate: SampleRate): Decoder => {
    const made = codec.decoder({ sampleRate });
    open.push(made);
    return made;
  };
  afterEach(() => {
    for (const made of open.splice(0)) made.close();
    opusComplexity(9);
  });

  test('is there, and passed its test', () => {
    expect({ ability, problem }).toEqual({ ability: only, problem: undefined });
  });

  test.each(RATES)('a tone at %i Hz goes through, in packets of 10 to 60 ms', (rate) => {
    for (const ms of codec.ptimes) {
      const packets = packetsOf(encoder(rate), 1200 / ms, ms, sine(440));
      const listener = decoder(rate);
      for (const packet of packets) expect(listener.samplesIn(packet, packet.length)).toBe((rate * ms) / 1000);
      const pcm = decodeAll(listener, packets);
      expect(pcm.length).toBe(1.2 * rate);
      expect(share(pcm.subarray(rate / 5), rate, 440)).toBeGreaterThan(0.95);
    }
  });

  test('what was encoded at one rate is decoded at any other', () => {
    for (const from of RATES) {
      const packets = packetsOf(encoder(from), 40, 20, sine(440));
      for (const to of RATES) {
        const pcm = decodeAll(decoder(to), packets);
        expect(pcm.length).toBe(0.8 * to);
        expect(share(pcm.subarray(to / 5), to, 440)).toBeGreaterThan(0.95);
      }
    }
  });

  test('arrays that begin somewhere in their memory, and small ones', () => {
    const rate = 8000;
    const whole = encoder(rate);
    const other = encoder(rate);
    const memory = new Int16Array(1000);
    const out = new Uint8Array(1500);
    const room = new Uint8Array(2000);
    const [a, b] = [decoder(rate), decoder(rate)];
    const [heardA, heardB] = [new Int16Array(ROOM), new Int16Array(ROOM + 77)];
    for (let n = 0; n < 10; n++) {
      memory.set(voice(rate, n * 20, 20), 333);
      const length = whole.encode(voice(rate, n * 20, 20), out);
      expect(other.encode(memory.subarray(333, 493), room.subarray(7))).toBe(length);
      expect(room.subarray(7, 7 + length)).toEqual(out.subarray(0, length));
      const small = Uint8Array.from(out.subarray(0, length));
      expect(a.decode(small, length, heardA)).toBe(160);
      expect(b.decode(room.subarray(7), length, heardB.subarray(77))).toBe(160);
      expect(heardB.subarray(77, 237)).toEqual(heardA.subarray(0, 160));
    }
  });

  test('a length that Opus does not have is refused, and the process lives', () => {
    for (const rate of RATES) {
      const speaker = encoder(rate);
      const out = new Uint8Array(1500);
      for (const samples of [0, 1, rate / 50 - 1, rate / 50 + 1, (rate * 30) / 1000, (rate * 80) / 1000, rate, rate / 400]) {
        expect(() => speaker.encode(new Int16Array(samples), out)).toThrow(RangeError);
      }
      expect(speaker.encode(new Int16Array(rate / 50), out)).toBeGreaterThan(0);
    }
  });

  test('no octets from the network throw, and the stream goes on after them', () => {
    const listener = decoder(16000);
    const good = packetsOf(encoder(16000), 1)[0]!;
    const out = new Int16Array(1920);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: -10, max: 2500 }), (octets, samples) => {
        const expected = listener.samplesIn(octets, octets.length);
        expect([0, expected]).toContain(listener.decode(octets, octets.length, out));
        const recovered = listener.recover(octets, octets.length, out, samples);
        expect(recovered === 0 || recovered === samples).toBe(true);
        const concealed = listener.conceal(out, samples);
        expect(concealed).toBeGreaterThanOrEqual(0);
        expect(concealed).toBeLessThanOrEqual(Math.max(0, samples));
        expect(listener.decode(good, good.length, out)).toBe(320);
      }),
      { numRuns: 200 },
    );
  });

  test('a damaged packet does not throw either', () => {
    const listener = decoder(48000);
    const packets = packetsOf(encoder(48000, 'useinbandfec=1'), 20);
    const out = new Int16Array(ROOM);
    fc.assert(
      fc.property(fc.nat(19), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 8 }), fc.nat(120), (which, damage, cut) => {
        const packet = Uint8Array.from(packets[which]!);
        for (const [at, value] of damage) packet[at % packet.length] = value;
        const length = Math.max(1, packet.length - cut);
        listener.decode(packet, length, out);
        listener.recover(packet, length, out, 960);
      }),
      { numRuns: 200 },
    );
  });

  test('there is nothing to conceal with before the first packet', () => {
    expect(decoder(8000).conceal(new Int16Array(160), 160)).toBe(0);
  });

  test('what is lost is concealed: as loud as before, for as long as asked, and dying away', () => {
    for (const rate of RATES) {
      const listener = decoder(rate);
      const packets = packetsOf(encoder(rate), 31);
      const expected = decodeAll(decoder(rate), packets);
      const n = rate / 50;
      decodeAll(listener, packets.slice(0, 30));
      const out = new Int16Array(ROOM);
      expect(listener.conceal(out, n)).toBe(n);
      const level = (pcm: Int16Array): number => Math.sqrt(pcm.reduce((sum, value) => sum + value * value, 0) / n);
      expect(level(out.subarray(0, n)) / level(expected.subarray(30 * n))).toBeGreaterThan(0.5);
      expect(level(out.subarray(0, n)) / level(expected.subarray(30 * n))).toBeLessThan(1.6);
      expect(listener.conceal(out, n / 2)).toBe(n / 2);
      let energy = 0;
      for (let i = 0; i < 10; i++) expect(listener.conceal(out, n)).toBe(n);
      for (let i = 0; i < n; i++) energy = Math.max(energy, Math.abs(out[i]!));
      expect(energy).toBeLessThan(500);
      expect(listener.conceal(out, ROOM)).toBeLessThanOrEqual((rate * 120) / 1000);
    }
  });

  test('a lost packet is recovered from the next, if it is there, it has a copy, and this way can', () => {
    for (const rate of RATES) {
      const speaker = encoder(rate, 'useinbandfec=1');
      speaker.lossReported(0.1);
      const packets = packetsOf(speaker, 40);
      const clean = decodeAll(decoder(rate), packets);
      const n = rate / 50;
      const [recovering, concealing] = [decoder(rate), decoder(rate)];
      expect(recovering.recovers).toBe(ability === 'libopus');
      const heard = { recovered: new Int16Array(clean.length), concealed: new Int16Array(clean.length) };
      const out = new Int16Array(ROOM);
      packets.forEach((packet, i) => {
        const next = packets[i + 1];
        if (i % 7 !== 6 || !next) {
          heard.recovered.set(out.subarray(0, recovering.decode(packet, packet.length, out)), i * n);
          heard.concealed.set(out.subarray(0, concealing.decode(packet, packet.length, out)), i * n);
          return;
        }
        const recovered = recovering.recover(next, next.length, out, n);
        expect(recovered).toBe(recovering.recovers && repeatsTheOneBefore(next, next.length) ? n : 0);
        if (recovered === 0) recovering.conceal(out, n);
        heard.recovered.set(out.subarray(0, n), i * n);
        heard.concealed.set(out.subarray(0, concealing.conceal(out, n)), i * n);
      });
      const gain = snr(clean, heard.recovered) - snr(clean, heard.concealed);
      if (recovering.recovers) expect(gain).toBeGreaterThan(3);
      else expect(gain).toBeCloseTo(0);
    }
  });

  test('no copies: without loss, and when the far end does not want them', () => {
    const wanted = encoder(16000, 'useinbandfec=1');
    const unwanted = encoder(16000);
    unwanted.lossReported(0.2);
    for (const speaker of [wanted, unwanted]) expect(packetsOf(speaker, 20).some((p) => repeatsTheOneBefore(p, p.length))).toBe(false);
    wanted.lossReported(0.2);
    expect(packetsOf(wanted, 20).filter((p) => repeatsTheOneBefore(p, p.length)).length).toBeGreaterThan(10);
    // Fades with the reports.
    for (let i = 0; i < 20; i++) wanted.lossReported(0);
    expect(packetsOf(wanted, 20).slice(2).some((p) => repeatsTheOneBefore(p, p.length))).toBe(false);
  });

  test('nothing is recovered of a duration that the packet does not tell of', () => {
    const speaker = encoder(16000, 'useinbandfec=1');
    speaker.lossReported(0.2);
    const packets = packetsOf(speaker, 5, 40);
    const listener = decoder(16000);
    decodeAll(listener, packets.slice(0, 3));
    const out = new Int16Array(ROOM);
    for (const samples of [0, 1, 319, 320]) expect(listener.recover(packets[4]!, packets[4]!.length, out, samples)).toBe(0);
  });

  test('pauses are not sent when the far end wishes so', () => {
    const silence = (rate: number, _from: number, ms: number): Int16Array => new Int16Array((rate * ms) / 1000);
    const count = (fmtp?: string): number => packetsOf(encoder(16000, fmtp), 100, 20, silence).filter((p) => p.length > 0).length;
    expect(count()).toBe(100);
    expect(count('usedtx=0')).toBe(100);
    expect(count('usedtx=1')).toBeLessThan(30);
  });

  test('the bit rate stays within what the far end allows', () => {
    const rate = (fmtp?: string, loss = 0): number => {
      const speaker = encoder(48000, fmtp);
      speaker.lossReported(loss);
      return (packetsOf(speaker, 100).reduce((sum, p) => sum + p.length, 0) * 8) / 2;
    };
    expect(rate()).toBeGreaterThan(20_000);
    expect(rate()).toBeLessThan(38_000);
    expect(rate('maxaveragebitrate=12000')).toBeLessThan(14_500);
    expect(rate('maxaveragebitrate=12000; useinbandfec=1', 0.2)).toBeLessThan(14_500);
  });

  test('constant bit rate is constant', () => {
    const lengths = new Set(packetsOf(encoder(48000, 'cbr=1'), 30).map((p) => p.length));
    expect([...lengths]).toEqual([80]);
  });

  test('complexity is followed by encoders that are at work', () => {
    const [a, b] = [encoder(16000), encoder(16000)];
    packetsOf(a, 5);
    packetsOf(b, 5);
    opusComplexity(0);
    const low = packetsOf(a, 20);
    opusComplexity(10);
    const high = packetsOf(b, 20);
    expect(low.map((p) => p.join())).not.toEqual(high.map((p) => p.join()));
  });

  test('reset forgets the stream', () => {
    const [used, fresh] = [encoder(16000), encoder(16000)];
    packetsOf(used, 20, 20, sine(300));
    used.reset();
    const packets = packetsOf(used, 10);
    expect(packets.map((p) => p.join())).toEqual(packetsOf(fresh, 10).map((p) => p.join()));
    const [heard, first] = [decoder(16000), decoder(16000)];
    decodeAll(heard, packetsOf(encoder(16000), 10, 20, sine(300)));
    heard.reset();
    expect(heard.conceal(new Int16Array(320), 320)).toBe(0);
    expect(decodeAll(heard, packets)).toEqual(decodeAll(first, packets));
  });

  test('stereo comes out as the middle of both sides', () => {
    const stereo = openOpus({ only }).fileEncoder({ sampleRate: 48000, channels: 2 });
    const listener = decoder(48000);
    const out = new Int16Array(ROOM);
    const packet = new Uint8Array(1500);
    const pcm: number[] = [];
    for (let n = 0; n < 40; n++) {
      const [left, right] = [sine(440)(48000, n * 20, 20), sine(1000)(48000, n * 20, 20)];
      const length = stereo.encode(Int16Array.from({ length: 1920 }, (_, i) => (i % 2 ? right : left)[i >> 1]!), packet);
      pcm.push(...out.subarray(0, listener.decode(packet, length, out)));
    }
    stereo.close();
    const heard = Int16Array.from(pcm.slice(9600));
    expect(share(heard, 48000, 440)).toBeGreaterThan(0.4);
    expect(share(heard, 48000, 1000)).toBeGreaterThan(0.4);
  });

  test('files: what the encoder delays by is what it says', () => {
    for (const sampleRate of RATES) {
      const files = openOpus({ only }).fileEncoder({ sampleRate, channels: 1 });
      const listener = decoder(sampleRate);
      const [packet, out] = [new Uint8Array(1500), new Int16Array(ROOM)];
      const pcm: number[] = [];
      for (let n = 0; n < 30; n++) {
        const length = files.encode(voice(sampleRate, n * 20, 20), packet);
        pcm.push(...out.subarray(0, listener.decode(packet, length, out)));
      }
      files.close();
      const skip = (files.preSkip * sampleRate) / 48_000;
      const wanted = voice(sampleRate, 0, 500);
      const at = (shift: number): number => wanted.reduce((sum, value, i) => sum + value * pcm[i + shift]!, 0);
      const shifts = Array.from({ length: 41 }, (_, i) => Math.round((skip * (i + 10)) / 30));
      const best = shifts.reduce((a, b) => (at(b) > at(a) ? b : a));
      // Narrowband speech is resampled inside, which delays by parts of a millisecond more.
      expect(Math.abs(best - skip) / sampleRate).toBeLessThan(0.001);
    }
  });

  test('closing twice is once', () => {
    const [speaker, listener] = [codec.encoder({ sampleRate: 8000 }), codec.decoder({ sampleRate: 8000 })];
    for (const made of [speaker, listener, speaker, listener]) made.close();
  });

  test('many at once do not disturb one another', () => {
    const packets = packetsOf(encoder(8000), 5).map((p) => p.join());
    const speakers = Array.from({ length: 250 }, () => encoder(8000));
    const out = new Uint8Array(1500);
    const heard = speakers.map(() => [] as string[]);
    for (let n = 0; n < 5; n++) {
      const pcm = voice(8000, n * 20, 20);
      speakers.forEach((speaker, i) => heard[i]!.push(out.slice(0, speaker.encode(pcm, out)).join()));
    }
    for (const one of heard) expect(one).toEqual(packets);
  });

  test('a rate that Opus does not have is refused with a reason', () => {
    expect(() => codec.decoder({ sampleRate: 44100 as SampleRate })).toThrow('44100');
  });
});

describe('what everybody shares', () => {
  test('has the best way there is', () => {
    expect(opusAbility()).toBe(ABILITIES[0]);
    expect(opusProblem()).toBeUndefined();
    const speaker = opus.encoder({ sampleRate: 8000 });
    const packet = packetsOf(speaker, 1)[0]!;
    expect(packetUnits(packet, packet.length)).toBe(8);
    speaker.close();
  });
});

describe('format parameters (RFC 7587 §6.1)', () => {
  test.each<[string | undefined, Partial<ReturnType<typeof encoderSettings>>]>([
    [undefined, { bitrate: 32_000, fec: false, dtx: false, cbr: false, maxBandwidth: 1105 }],
    ['useinbandfec=1', { fec: true }],
    ['minptime=10;useinbandfec=1', { fec: true }],
    [' UseInbandFEC = 1 ; USEDTX=1', { fec: true, dtx: true }],
    ['maxplaybackrate=8000', { maxBandwidth: 1101 }],
    ['maxplaybackrate=12000', { maxBandwidth: 1102 }],
    ['maxplaybackrate=16000', { maxBandwidth: 1103 }],
    ['maxplaybackrate=24000', { maxBandwidth: 1104 }],
    ['maxplaybackrate=44100', { maxBandwidth: 1105 }],
    ['maxplaybackrate=1', { maxBandwidth: 1105 }],
    ['maxaveragebitrate=20000', { bitrate: 20_000, maxBitrate: 20_000 }],
    ['maxaveragebitrate=40000', { bitrate: 32_000, maxBitrate: 40_000 }],
    ['maxaveragebitrate=5999', { bitrate: 32_000, maxBitrate: 48_000 }],
    ['maxaveragebitrate=99999999999999999999', { bitrate: 32_000 }],
    ['cbr=1; stereo=1; sprop-stereo=1', { cbr: true }],
    ['useinbandfec=yes;;=;=1;usedtx', { fec: false, dtx: false }],
  ])('%s', (fmtp, expected) => expect(encoderSettings(48000, fmtp)).toMatchObject(expected));
});
