/**
 * Key presses heard in sound: Goertzel's filters at the eight frequencies of ITU-T Q.23, judged by the limits of Q.24.
 *
 *   any rate ─► 8 kHz ─► every 5 ms, the last 20 ms under a Hann window ─► eight complex amplitudes ─► judge ─► four in a row: a key
 *
 * How far a tone is from its nominal frequency is the angle by which its filter turned since 5 ms ago: a window of 20 ms by itself cannot
 * tell 1.5 % of 697 Hz (10 Hz, to be taken) from 3.5 % (24 Hz, to be refused), the angle can. Speech fails on purity (nearly all of
 * the sound must be in the two tones), on frequency, on twist or on its harmonics, or it does not hold still for 35 ms.
 */
import { DTMF_COLUMNS, DTMF_KEYPAD, DTMF_ROWS } from '../dtmf';

const RATE = 8000;
const WINDOW = 160;
const HOP = 40;
const TONES = 8;
const FREQUENCIES = [...DTMF_ROWS, ...DTMF_COLUMNS];

/** Windows in a row that agree: 20 + 3 * 5 = 35 ms of tone, which any press of 40 ms has, wherever it begins; 20 ms has fewer. */
const HITS = 4;
/** Windows in a row without the key until it can be pressed again. */
const MISSES = 7;
/** Of both tones together: -33 dBm0. Squared samples. */
const SOFTEST = 32768 ** 2 * 10 ** (-36 / 10);
/** Share of the power that must be in the two tones. At a signal-to-noise ratio of 15 dB it is 0.97. */
const PURITY = 0.88;
/** Column over row, dB: Q.24 has +4 and -8 for lines of its day; a little more room for noise. */
const TWIST = 10 ** (6 / 10);
const REVERSE_TWIST = 10 ** (-10 / 10);
/** Between 1.5 %, which must be taken, and 3.5 %, which must not. */
const OFF_FREQUENCY = 0.025;
/** By which the frequencies may move while windows agree: a voice moves more in 15 ms. */
const DRIFT = 0.009;
/** Second harmonic over its tone: -12 dB. Vowels have more. */
const HARMONIC = 10 ** (-12 / 10);

/** A row's harmonic that is nearer to the column cannot be told from it (697 Hz and 1336); what it has in excess, purity tells. */
const APART_HZ = 130;

const hann = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / WINDOW));
const HANN_SQUARES = hann.reduce((sum, w) => sum + w * w, 0);
/** Squared magnitude of a filter → power of the sine in the middle of it. */
const TONE_POWER = 2 / (WINDOW / 2) ** 2;
const radians = (hz: number): number => (2 * Math.PI * hz) / RATE;
const COEFFICIENTS = Float64Array.from(FREQUENCIES, (hz) => 2 * Math.cos(radians(hz)));
const COSINES = Float64Array.from(FREQUENCIES, (hz) => Math.cos(radians(hz)));
const SINES = Float64Array.from(FREQUENCIES, (hz) => Math.sin(radians(hz)));
const HARMONICS = Float64Array.from(FREQUENCIES, (hz) => 2 * Math.cos(radians(2 * hz)));
/** How far a tone of exactly its frequency turns in one hop. */
const TURNS = Float64Array.from(FREQUENCIES, (hz) => radians(hz) * HOP);
const HZ_PER_RADIAN = RATE / (2 * Math.PI * HOP);

/** One party's detector. Frames may be of any length. Allocates nothing after the constructor. */
export class DtmfDetector {
  /** Keys recognised. */
  digits = 0;
  private readonly decimate: Decimator | undefined;
  private readonly reduced: Int16Array;
  /** The last 20 ms, written twice: they are always in one piece. */
  private readonly ring = new Float64Array(2 * WINDOW);
  private readonly windowed = new Float64Array(WINDOW);
  private at = 0;
  private fresh = 0;
  /** Complex amplitudes of this window and of the one before. */
  private real = new Float64Array(TONES);
  private imaginary = new Float64Array(TONES);
  private realBefore = new Float64Array(TONES);
  private imaginaryBefore = new Float64Array(TONES);
  /** The window before was loud enough to have been measured. */
  private measured = false;
  private candidate = -1;
  private hits = 0;
  private misses = 0;
  /** How far off their frequencies the tones are: in this window, and in the first of those that agree. */
  private rowOff = 0;
  private columnOff = 0;
  private rowFirst = 0;
  private columnFirst = 0;
  /** Place on the keypad of the key that is down; -1: none. */
  private down = -1;

  /** @param rate 8000 or a multiple of it, Hz @throws RangeError for others */
  constructor(rate: number) {
    const factor = rate / RATE;
    if (!Number.isInteger(factor) || factor < 1 || factor > 12) throw new RangeError(`keys are heard at multiples of 8000 Hz, not at ${rate} Hz`);
    this.decimate = factor === 1 ? undefined : new Decimator(factor);
    this.reduced = new Int16Array(factor === 1 ? 0 : 1024);
  }

  /** One frame. @returns the key that was just recognised, once per press; '' usually */
  process(frame: Int16Array): string {
    let pcm = frame;
    let samples = frame.length;
    if (this.decimate) {
      samples = this.decimate.process(frame, this.reduced);
      pcm = this.reduced;
    }
    let key = -1;
    for (let i = 0; i < samples; i++) {
      this.ring[this.at] = this.ring[this.at + WINDOW] = pcm[i]!;
      this.at = this.at + 1 === WINDOW ? 0 : this.at + 1;
      if (++this.fresh === HOP) {
        this.fresh = 0;
        const found = this.step();
        if (found >= 0) key = found;
      }
    }
    if (key < 0) return '';
    this.digits++;
    return DTMF_KEYPAD[key]!;
  }

  reset(): void {
    this.ring.fill(0);
    this.decimate?.reset();
    this.fresh = this.hits = this.misses = 0;
    this.candidate = this.down = -1;
    this.measured = false;
  }

  /** Looks at the last 20 ms. @returns the place of a key that is newly down, or -1 */
  private step(): number {
    const place = this.look();
    if (place >= 0 && place === this.candidate && Math.abs(this.rowOff - this.rowFirst) < DRIFT && Math.abs(this.columnOff - this.columnFirst) < DRIFT) this.hits++;
    else {
      this.candidate = place;
      this.rowFirst = this.rowOff;
      this.columnFirst = this.columnOff;
      this.hits = place < 0 ? 0 : 1;
    }
    if (place === this.down) this.misses = 0;
    else if (this.down >= 0 && ++this.misses >= MISSES) this.down = -1;
    if (this.hits < HITS || place === this.down) return -1;
    this.down = place;
    this.misses = 0;
    return place;
  }

  /** @returns place on the keypad of the key that this window sounds like, or -1 */
  private look(): number {
    let energy = 0;
    const { ring, windowed, at } = this;
    for (let i = 0; i < WINDOW; i++) {
      const v = ring[at + i]! * hann[i]!;
      windowed[i] = v;
      energy += v * v;
    }
    const power = energy / HANN_SQUARES;
    if (power < SOFTEST) {
      this.measured = false;
      return -1;
    }
    const before = this.measured;
    this.measure();
    if (!before) return -1;
    const row = this.strongest(0);
    const column = this.strongest(TONES / 2);
    const rowOff = this.offset(row);
    const columnOff = this.offset(column);
    if (Math.abs(rowOff) > OFF_FREQUENCY * FREQUENCIES[row]! || Math.abs(columnOff) > OFF_FREQUENCY * FREQUENCIES[column]!) return -1;
    this.rowOff = rowOff / FREQUENCIES[row]!;
    this.columnOff = columnOff / FREQUENCIES[column]!;
    const rowPower = this.squared(row) * TONE_POWER;
    const columnPower = this.squared(column) * TONE_POWER;
    if (rowPower * compensation(rowOff) + columnPower * compensation(columnOff) < PURITY * power) return -1;
    const twist = columnPower / rowPower;
    if (twist > TWIST || twist < REVERSE_TWIST) return -1;
    if (this.harmonic(column) * TONE_POWER > HARMONIC * columnPower) return -1;
    if (Math.abs(2 * FREQUENCIES[row]! - FREQUENCIES[column]!) > APART_HZ && this.harmonic(row) * TONE_POWER > HARMONIC * rowPower) return -1;
    return row * 4 + (column - TONES / 2);
  }

  /** Goertzel's recursion for all eight, four at a time: each waits for itself only. */
  private measure(): void {
    const { real, imaginary } = this;
    this.real = this.realBefore;
    this.imaginary = this.imaginaryBefore;
    this.realBefore = real;
    this.imaginaryBefore = imaginary;
    for (let first = 0; first < TONES; first += 4) this.four(first);
    this.measured = true;
  }

  private four(first: number): void {
    const x = this.windowed;
    const c0 = COEFFICIENTS[first]!;
    const c1 = COEFFICIENTS[first + 1]!;
    const c2 = COEFFICIENTS[first + 2]!;
    const c3 = COEFFICIENTS[first + 3]!;
    let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    for (let i = 0; i < WINDOW; i++) {
      const v = x[i]!;
      const n0 = v + c0 * a0 - b0;
      const n1 = v + c1 * a1 - b1;
      const n2 = v + c2 * a2 - b2;
      const n3 = v + c3 * a3 - b3;
      b0 = a0;
      b1 = a1;
      b2 = a2;
      b3 = a3;
      a0 = n0;
      a1 = n1;
      a2 = n2;
      a3 = n3;
    }
    this.keep(first, a0, b0);
    this.keep(first + 1, a1, b1);
    this.keep(first + 2, a2, b2);
    this.keep(first + 3, a3, b3);
  }

  private keep(tone: number, last: number, before: number): void {
    this.real[tone] = last - before * COSINES[tone]!;
    this.imaginary[tone] = before * SINES[tone]!;
  }

  private squared(tone: number): number {
    return this.real[tone]! ** 2 + this.imaginary[tone]! ** 2;
  }

  private strongest(first: number): number {
    let best = first;
    for (let tone = first + 1; tone < first + 4; tone++) if (this.squared(tone) > this.squared(best)) best = tone;
    return best;
  }

  /** How far the tone is above its nominal frequency, Hz, within ±100. */
  private offset(tone: number): number {
    const re = this.real[tone]!;
    const im = this.imaginary[tone]!;
    const reBefore = this.realBefore[tone]!;
    const imBefore = this.imaginaryBefore[tone]!;
    const turned = Math.atan2(im * reBefore - re * imBefore, re * reBefore + im * imBefore) - TURNS[tone]!;
    return (turned - 2 * Math.PI * Math.round(turned / (2 * Math.PI))) * HZ_PER_RADIAN;
  }

  /** Squared magnitude at twice the tone's frequency. */
  private harmonic(tone: number): number {
    const c = HARMONICS[tone]!;
    let a = 0;
    let b = 0;
    for (let i = 0; i < WINDOW; i++) {
      const n = this.windowed[i]! + c * a - b;
      b = a;
      a = n;
    }
    return a * a + b * b - c * a * b;
  }
}

/** What the Hann window takes from a tone that is `hz` off the filter's middle, inverted: power. */
function compensation(hz: number): number {
  const bins = (hz * WINDOW) / RATE;
  if (Math.abs(bins) < 1e-3) return 1;
  const gain = Math.sin(Math.PI * bins) / (Math.PI * bins * (1 - bins * bins));
  return Math.min(4, 1 / (gain * gain));
}

/** 16 or 48 kHz to 8: a windowed-sinc low-pass at 3.2 kHz, computed only where a sample is kept. */
class Decimator {
  private readonly taps: Float64Array;
  /** Twice the filter's length, written twice: the last samples are always in one piece. */
  private readonly history: Float64Array;
  private at = 0;
  private phase = 0;

  constructor(private readonly factor: number) {
    const length = 12 * factor;
    const cut = (2 * 3200) / (RATE * factor);
    const raw = Float64Array.from({ length }, (_, i) => {
      const t = i - (length - 1) / 2;
      return (Math.sin(Math.PI * cut * t) / (Math.PI * t)) * (0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / length));
    });
    const sum = raw.reduce((a, b) => a + b, 0);
    this.taps = raw.map((t) => t / sum);
    this.history = new Float64Array(2 * length);
  }

  /** @returns samples written to `out`, at most its length */
  process(pcm: Int16Array, out: Int16Array): number {
    const { history, taps, factor } = this;
    const { length } = taps;
    let { at, phase } = this;
    let written = 0;
    for (let i = 0; i < pcm.length; i++) {
      history[at] = history[at + length] = pcm[i]!;
      at = at + 1 === length ? 0 : at + 1;
      if (++phase < factor) continue;
      phase = 0;
      let sum = 0;
      for (let k = 0; k < length; k++) sum += taps[k]! * history[at + k]!;
      if (written < out.length) out[written++] = sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum;
    }
    this.at = at;
    this.phase = phase;
    return written;
  }

  reset(): void {
    this.history.fill(0);
  }
}
