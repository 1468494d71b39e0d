/**
 * Tones: what a telephone line says without words, by country (ITU-T E.180 Supplement 2, "Various tones used in national networks"; its figures
 * as public tone tables repeat them; the special information tone is E.180's own), the keys of a telephone (Q.23), and a few of ours.
 *
 * A pattern is a list of segments, each some frequencies for some time; a `Tone` plays it at any rate. Frequencies come from phase
 * accumulators and segments end at times counted from the beginning, so neither drifts; edges are ramps of 2.5 ms, so nothing clicks.
 *
 * Levels: a sine of full scale is +3.17 dBm0 (G.711 table 5: what µ-law can carry at most). Tones have −16 dBm0 together (E.180 allows −15 to
 * −5 at the exchange; here they meet speech of −20 and headphones), keys −6 and −8 (Q.23, Q.24), the recording beep −24.
 */
import type { Source } from '../frame';
import type { ToneName } from '../audio-types';

export interface Segment {
  /** Hz; empty: silence. */
  hz: readonly number[];
  /** Infinity: for ever. */
  ms: number;
  /** Of each frequency, dBm0; default: together −16. */
  level?: number | readonly number[] | undefined;
  /** Hz: amplitude modulation of the whole depth (Japan's ringing, India's dial tone). */
  modulated?: number | undefined;
}

export interface TonePattern {
  segments: readonly Segment[];
  /** Begins again at the end; false: heard once. */
  repeat: boolean;
}

export const DEFAULT_LEVEL = -16;
const FULL_SCALE_DBM0 = 3.17;
const RAMP_MS = 2.5;

type National = Record<'dial' | 'ringback' | 'busy' | 'reorder' | 'sit', TonePattern>;

const on = (hz: number | readonly number[], ms: number, modulated?: number): Segment => ({ hz: typeof hz === 'number' ? [hz] : hz, ms, modulated });
const off = (ms: number): Segment => ({ hz: [], ms });
const cycle = (...segments: Segment[]): TonePattern => ({ segments, repeat: true });
const once = (...segments: Segment[]): TonePattern => ({ segments, repeat: false });
const steady = (hz: number | readonly number[], modulated?: number): TonePattern => cycle(on(hz, Infinity, modulated));
const beat = (hz: number | readonly number[], onMs: number, offMs = onMs): TonePattern => cycle(on(hz, onMs), off(offMs));
/** Two rings and a pause, as in Britain and where its exchanges went. */
const doubleRing = (hz: number | readonly number[], modulated?: number): TonePattern => cycle(on(hz, 400, modulated), off(200), on(hz, 400, modulated), off(2000));

/** E.180 §5: three rising tones and a pause. The gap in between may be up to 30 ms; none here. */
const sit = (a = 950, b = 1400, c = 1800): TonePattern => cycle(on(a, 330), on(b, 330), on(c, 330), off(1000));

const COUNTRIES: Record<string, National> = {
  at: { dial: steady(420), ringback: beat(420, 1000, 5000), busy: beat(420, 400), reorder: beat(420, 200), sit: sit(950, 1450, 1850) },
  au: {
    dial: steady([413, 438]),
    ringback: doubleRing([413, 438]),
    busy: beat(425, 375),
    // The same tone, every other one 10 dB softer.
    reorder: cycle(on(425, 375), off(375), { ...on(425, 375), level: DEFAULT_LEVEL - 10 }, off(375)),
    sit: sit(),
  },
  be: { dial: steady(425), ringback: beat(425, 1000, 3000), busy: beat(425, 500), reorder: beat(425, 167), sit: sit(900, 1400, 1800) },
  br: { dial: steady(425), ringback: beat(425, 1000, 4000), busy: beat(425, 250), reorder: cycle(on(425, 250), off(250), on(425, 750), off(250)), sit: sit() },
  ch: { dial: steady(425), ringback: beat(425, 1000, 4000), busy: beat(425, 500), reorder: beat(425, 200), sit: sit() },
  cn: { dial: steady(450), ringback: beat(450, 1000, 4000), busy: beat(450, 350), reorder: beat(450, 700), sit: sit() },
  cz: { dial: cycle(on(425, 330), off(330), on(425, 660), off(660)), ringback: beat(425, 1000, 4000), busy: beat(425, 330), reorder: beat(425, 165), sit: sit() },
  de: { dial: steady(425), ringback: beat(425, 1000, 4000), busy: beat(425, 480), reorder: beat(425, 240), sit: sit() },
  dk: { dial: steady(425), ringback: beat(425, 1000, 4000), busy: beat(425, 500), reorder: beat(425, 200), sit: sit() },
  es: {
    dial: steady(425),
    ringback: beat(425, 1500, 3000),
    busy: beat(425, 200),
    reorder: cycle(on(425, 200), off(200), on(425, 200), off(200), on(425, 200), off(600)),
    sit: sit(),
  },
  fi: { dial: steady(425), ringback: beat(425, 1000, 4000), busy: beat(425, 300), reorder: beat(425, 200), sit: sit() },
  fr: { dial: steady(440), ringback: beat(440, 1500, 3500), busy: beat(440, 500), reorder: beat(440, 250), sit: sit() },
  gb: {
    dial: steady([350, 440]),
    ringback: doubleRing([400, 450]),
    busy: beat(400, 375),
    reorder: cycle(on(400, 400), off(350), on(400, 225), off(525)),
    sit: sit(),
  },
  in: { dial: steady(400, 25), ringback: doubleRing(400, 25), busy: beat(400, 750), reorder: beat(400, 250), sit: sit() },
  it: { dial: cycle(on(425, 200), off(200), on(425, 600), off(1000)), ringback: beat(425, 1000, 4000), busy: beat(425, 500), reorder: beat(425, 200), sit: sit() },
  jp: { dial: steady(400), ringback: cycle(on(400, 1000, 16), off(2000)), busy: beat(400, 500), reorder: beat(400, 500), sit: sit() },
  nl: { dial: steady(425), ringback: beat(425, 1000, 4000), busy: beat(425, 500), reorder: beat(425, 250), sit: sit() },
  no: { dial: steady(425), ringback: beat(425, 1000, 4000), busy: beat(425, 500), reorder: beat(425, 200), sit: sit() },
  nz: { dial: steady(400), ringback: doubleRing([400, 450]), busy: beat(400, 500), reorder: beat(400, 250), sit: sit() },
  pl: { dial: steady(425), ringback: beat(425, 1000, 4000), busy: beat(425, 500), reorder: beat(425, 500), sit: sit() },
  pt: { dial: steady(425), ringback: beat(425, 1000, 5000), busy: beat(425, 500), reorder: beat(425, 200), sit: sit() },
  se: { dial: steady(425), ringback: beat(425, 1000, 5000), busy: beat(425, 250), reorder: beat(425, 250, 750), sit: sit() },
  // North America: the precise tone plan (ANSI T1.401), also in Canada.
  us: { dial: steady([350, 440]), ringback: beat([440, 480], 2000, 4000), busy: beat([480, 620], 500), reorder: beat([480, 620], 250), sit: sit() },
};
COUNTRIES['ca'] = COUNTRIES['us']!;
COUNTRIES['uk'] = COUNTRIES['gb']!;

export const DEFAULT_COUNTRY = 'us';

/** Those that have their own tones. */
export const TONE_COUNTRIES: readonly string[] = Object.keys(COUNTRIES).sort();

const OWN: Partial<Record<ToneName, TonePattern>> = {
  beep: once(on(1000, 300)),
  join: once(on(660, 120), on(880, 180)),
  leave: once(on(880, 120), on(660, 180)),
  // As North American recorders give it: 1,400 Hz for a fifth of a second, soft enough to speak over.
  'record-beep': once({ hz: [1400], ms: 200, level: -24 }),
};

/** A country that is not listed sounds like the default one; `TONE_COUNTRIES` tells. */
export function tonePattern(name: ToneName, country: string = DEFAULT_COUNTRY): TonePattern {
  const own = OWN[name];
  if (own !== undefined) return own;
  const key = country.toLowerCase();
  const national = Object.hasOwn(COUNTRIES, key) ? COUNTRIES[key]! : COUNTRIES[DEFAULT_COUNTRY]!;
  return national[name as keyof National];
}

/** ITU-T Q.23: row and column of a key, Hz. */
const ROWS = [697, 770, 852, 941] as const;
const COLUMNS = [1209, 1336, 1477, 1633] as const;
const KEYS = ['123A', '456B', '789C', '*0#D'];
const KEY_LEVELS = [-8, -6] as const;

/** Keys as tones, with pauses as long as the tones by default. Errors: RangeError for what is not a key. */
export function keyPattern(digits: string, ms = 100, gapMs = ms): TonePattern {
  const segments: Segment[] = [];
  for (const digit of digits) {
    const key = digit.toUpperCase();
    const row = KEYS.findIndex((keys) => keys.includes(key));
    if (row < 0) throw new RangeError(`"${digit}" is not a key of a telephone: 0-9, *, #, A-D are.`);
    segments.push({ hz: [ROWS[row]!, COLUMNS[KEYS[row]!.indexOf(key)]!], ms, level: KEY_LEVELS }, off(gapMs));
  }
  return once(...segments);
}

/** Frequencies together. Errors: RangeError for what cannot be heard on a telephone. */
export function chordPattern(hz: readonly number[], ms: number, level = DEFAULT_LEVEL): TonePattern {
  if (hz.length > 8) throw new RangeError(`At most 8 frequencies at once, not ${hz.length}.`);
  for (const each of hz) if (!(each >= 20 && each <= 20_000)) throw new RangeError(`${each} Hz cannot be heard: 20 to 20,000 can.`);
  if (!(level <= 0 && level >= -80)) throw new RangeError(`A level of ${level} dBm0 is out of range: -80 to 0.`);
  return once({ hz, ms, level: level - 10 * Math.log10(Math.max(1, hz.length)) });
}

export const silencePattern = (ms: number): TonePattern => once(off(ms));

interface Oscillator {
  /** In turns: 0 to 1. */
  phase: number;
  hz: number;
  /** Of int16. */
  amplitude: number;
}

/** A pattern being heard. After its end, or after `limitMs`, `done`. */
export class Tone implements Source {
  done: boolean;
  private index = -1;
  private oscillators: Oscillator[] = [];
  /** Samples made, at this rate, since `originMs`. Times of a pattern are counted from there: rounding never adds up. */
  private at = 0;
  private originMs = 0;
  /** Samples, counted like `at`: where the segment begins and ends. */
  private from = 0;
  private to = 0;
  /** The same, ms from the beginning. */
  private fromMs = 0;
  private toMs = 0;

  constructor(
    private readonly pattern: TonePattern,
    private rate: number,
    private readonly limitMs = Infinity,
  ) {
    const once = pattern.segments.reduce((sum, segment) => sum + Math.max(0, segment.ms), 0);
    this.done = !(once > 0) || !(limitMs > 0);
    if (!this.done) this.nextSegment();
  }

  /** Goes on at another rate, at the same place and phase. */
  setSampleRate(rate: number): void {
    if (rate === this.rate) return;
    this.originMs += (this.at / this.rate) * 1000;
    this.at = 0;
    this.rate = rate;
    this.from = this.samplesAt(this.fromMs);
    this.to = this.samplesAt(this.toMs);
    for (const oscillator of this.oscillators) oscillator.amplitude = audible(oscillator.hz, rate) ? Math.abs(oscillator.amplitude) : -Math.abs(oscillator.amplitude);
  }

  read(out: Int16Array): boolean {
    const made = this.fill(out, 0, out.length);
    out.fill(0, made);
    return made > 0;
  }

  /** Writes up to `length` samples from `offset` on. Returns how many: fewer only when it ended. */
  fill(out: Int16Array, offset: number, length: number): number {
    let made = 0;
    while (made < length && !this.done) {
      const some = Math.min(length - made, this.to - this.at);
      if (some <= 0) {
        this.nextSegment();
        continue;
      }
      this.make(out, offset + made, some);
      this.at += some;
      made += some;
    }
    return made;
  }

  /** Leaves out this much. */
  skip(ms: number): void {
    const scratch = new Int16Array(Math.min(4096, Math.max(1, Math.round(this.rate / 50))));
    for (let left = Math.round((ms * this.rate) / 1000); left > 0 && !this.done; ) left -= this.fill(scratch, 0, Math.min(left, scratch.length)) || left;
  }

  private nextSegment(): void {
    const { segments, repeat } = this.pattern;
    if (this.toMs >= this.limitMs || (++this.index >= segments.length && !repeat)) {
      this.done = true;
      return;
    }
    if (this.index >= segments.length) this.index = 0;
    const segment = segments[this.index]!;
    this.fromMs = this.toMs;
    this.toMs = Math.min(this.limitMs, this.fromMs + Math.max(0, segment.ms));
    this.from = this.samplesAt(this.fromMs);
    this.to = this.samplesAt(this.toMs);
    this.oscillators = oscillatorsOf(segment, this.rate);
  }

  private samplesAt(ms: number): number {
    return Math.round(((ms - this.originMs) * this.rate) / 1000);
  }

  private make(out: Int16Array, offset: number, length: number): void {
    const { oscillators, rate } = this;
    const ramp = Math.max(1, Math.min((RAMP_MS / 1000) * rate, (this.to - this.from) / 2));
    out.fill(0, offset, offset + length);
    if (oscillators.length === 0) return;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < oscillators.length; k++) {
        const oscillator = oscillators[k]!;
        if (oscillator.amplitude > 0) sum += oscillator.amplitude * Math.sin(2 * Math.PI * oscillator.phase);
        oscillator.phase += oscillator.hz / rate;
        if (oscillator.phase >= 1) oscillator.phase -= 1;
      }
      const edge = Math.min(this.at + i - this.from + 0.5, this.to - this.at - i - 0.5);
      if (edge < ramp) sum *= 0.5 - 0.5 * Math.cos((Math.PI * edge) / ramp);
      out[offset + i] = sum > 32_767 ? 32_767 : sum < -32_768 ? -32_768 : Math.round(sum);
    }
  }
}

/** Below half the rate, with a little room for the codec's filter; else it would be heard as another frequency. */
const audible = (hz: number, rate: number): boolean => hz < rate * 0.5;

/** A negative amplitude: cannot be heard at this rate. */
function oscillatorsOf({ hz, level, modulated }: Segment, rate: number): Oscillator[] {
  const together = DEFAULT_LEVEL - 10 * Math.log10(Math.max(1, hz.length));
  const levelOf = (i: number): number => (level === undefined ? together : typeof level === 'number' ? level : (level[i] ?? together));
  const oscillator = (frequency: number, amplitude: number, phase = 0): Oscillator => ({ hz: frequency, amplitude: audible(frequency, rate) ? amplitude : -amplitude, phase });
  return hz.flatMap((each, i) => {
    const amplitude = 32_768 * 10 ** ((levelOf(i) - FULL_SCALE_DBM0) / 20);
    if (modulated === undefined) return [oscillator(each, amplitude)];
    // (1 − cos m) · sin c, of the same power: the carrier and two side bands.
    const carrier = amplitude * Math.sqrt(2 / 3);
    return [oscillator(each, carrier), oscillator(each - modulated, carrier / 2, 0.5), oscillator(each + modulated, carrier / 2, 0.5)];
  });
}
