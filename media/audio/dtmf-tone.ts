/**
 * Key presses as sound (ITU-T Q.23, levels within Q.24): two sines, switched on and off over 3 ms so that nothing clicks.
 */
import { DTMF_COLUMNS, DTMF_KEYPAD, DTMF_ROWS, dtmfEvent } from '../dtmf';
import type { Source } from '../frame';

const RAMP_MS = 3;
/** 0 dBm0 is a sine 3.14 dB below full scale (G.711's µ-law, Table 2/G.711: 3.17; A-law: 3.14). */
const DBM0_BELOW_FULL_SCALE = 3.14;
/** Of the column; the row is 2 dB lower, as lines attenuate high frequencies more. */
const COLUMN_DBM0 = -6;
const ROW_BELOW_COLUMN_DB = 2;

export interface DtmfToneOptions {
  /** After each press; default 100. */
  gapMs?: number | undefined;
  /** Level of the higher tone, dBm0; default -6. */
  level?: number | undefined;
}

/** Presses that wait or sound. */
const MAX_QUEUED = 64;

/** Presses one after the other, frame by frame. `read` gives false once the last has been heard. Allocates nothing after `queue`. */
export class DtmfTone implements Source {
  private readonly waiting: Array<{ place: number; ms: number }> = [];
  private readonly gapMs: number;
  private readonly columnGain: number;
  private readonly rowGain: number;
  /** The press that sounds: samples in all, with the pause behind it, and of its ramps; and where it is. */
  private sounding = false;
  private place = 0;
  private ms = 0;
  private at = 0;
  private on = 0;
  private period = 0;
  private ramp = 1;
  private rowStep = 0;
  private columnStep = 0;

  /** @param rate Hz */
  constructor(
    private rate: number,
    { gapMs = 100, level = COLUMN_DBM0 }: DtmfToneOptions = {},
  ) {
    this.gapMs = Math.max(0, gapMs);
    this.columnGain = 32767 * 10 ** ((level - DBM0_BELOW_FULL_SCALE) / 20);
    this.rowGain = this.columnGain * 10 ** (-ROW_BELOW_COLUMN_DB / 20);
  }

  /**
   * Appends presses.
   * @param digits 0-9 * # A-D @param ms of each
   * @returns false, and nothing was queued: more than 64 would wait
   * @throws RangeError for what is not a key
   */
  queue(digits: string, ms = 100): boolean {
    for (const digit of digits) if (dtmfEvent(digit) < 0) throw new RangeError(`"${digit}" is not a key: 0-9, *, # and A-D are`);
    if (this.waiting.length + digits.length > MAX_QUEUED) return false;
    for (const digit of digits) this.waiting.push({ place: DTMF_KEYPAD.indexOf(digit.toUpperCase()), ms: Math.max(1, ms) });
    return true;
  }

  /** From the next frame on; a press under way goes on at the same place in time. */
  setSampleRate(rate: number): void {
    if (rate === this.rate) return;
    this.at = Math.round((this.at * rate) / this.rate);
    this.rate = rate;
    if (this.sounding) this.tune();
  }

  /** Nothing sounds or waits: `read` would give false. */
  get finished(): boolean {
    return !this.sounding && this.waiting.length === 0;
  }

  read(out: Int16Array): boolean {
    if (this.finished) {
      out.fill(0);
      return false;
    }
    for (let i = 0; i < out.length; i++) out[i] = this.sounding || this.begin() ? this.sample() : 0;
    return true;
  }

  private begin(): boolean {
    const press = this.waiting.shift();
    if (press === undefined) return false;
    this.sounding = true;
    this.place = press.place;
    this.ms = press.ms;
    this.at = 0;
    this.tune();
    return true;
  }

  private tune(): void {
    const { rate } = this;
    this.on = Math.round((this.ms * rate) / 1000);
    this.period = this.on + Math.round((this.gapMs * rate) / 1000);
    this.ramp = Math.min(this.on / 2, (RAMP_MS * rate) / 1000);
    this.rowStep = (2 * Math.PI * DTMF_ROWS[this.place >> 2]!) / rate;
    this.columnStep = (2 * Math.PI * DTMF_COLUMNS[this.place & 3]!) / rate;
  }

  private sample(): number {
    const n = this.at++;
    if (this.at >= this.period) this.sounding = false;
    if (n >= this.on) return 0;
    const edge = Math.min(n, this.on - 1 - n) / this.ramp;
    const gain = edge >= 1 ? 1 : 0.5 - 0.5 * Math.cos(Math.PI * edge);
    return Math.round(gain * (this.rowGain * Math.sin(this.rowStep * n) + this.columnGain * Math.sin(this.columnStep * n)));
  }
}
