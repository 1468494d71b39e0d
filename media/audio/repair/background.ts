/**
 * What a line sounds like when nobody speaks: the level of the quietest frames, and how dull it is, to be made again where sound is missing.
 *
 * The level follows softer frames at once and rises by 1.3 dB a second otherwise. It ends at -44 dBov: what is louder is somebody, a tone
 * or music, and no background. Dullness is one number, the correlation of neighbouring samples: enough to tell hum from hiss.
 */

/** RMS; -44 dBov. */
const LOUDEST = 200;
const RISE_PER_FRAME = 1.003;
const SMOOTH = 0.2;

export class Background {
  /** RMS, full scale 32,768. */
  level = 0;
  /** First coefficient of an all-pole model, -0.95 to 0.95. */
  private colour = 0;
  private known = false;
  private memory = 0;

  constructor(private readonly random: () => number) {}

  /** A frame as it was sent by the far end. */
  hear(pcm: Int16Array, from: number, length: number): void {
    let energy = 0;
    let neighbours = 0;
    let before = 0;
    for (let i = from; i < from + length; i++) {
      const x = pcm[i] as number;
      energy += x * x;
      neighbours += x * before;
      before = x;
    }
    const rms = Math.sqrt(energy / length);
    if (rms >= LOUDEST) return;
    if (!this.known) {
      this.known = true;
      this.level = rms;
    } else if (rms < this.level) {
      this.level += (rms - this.level) * SMOOTH;
    } else {
      this.level = Math.min(rms, this.level * RISE_PER_FRAME + 0.01);
    }
    if (rms < this.level * 2 && energy > 0) {
      const colour = Math.max(-0.95, Math.min(0.95, neighbours / energy));
      this.colour += (colour - this.colour) * SMOOTH;
    }
  }

  /** Whether a stretch is no louder than the background: nobody would miss a piece of it. */
  isQuiet(pcm: Int16Array, from: number, length: number): boolean {
    const limit = this.level * 2 + 10;
    let energy = 0;
    for (let i = from; i < from + length; i++) energy += (pcm[i] as number) * (pcm[i] as number);
    return energy <= limit * limit * length;
  }

  /** The next sample of noise, RMS `level`. */
  next(): number {
    // Uniform noise has an RMS of 1/√3 of its peak; the filter's own gain is taken out again.
    const white = (this.random() * 2 - 1) * 1.732 * this.level * Math.sqrt(1 - this.colour * this.colour);
    this.memory = white + this.colour * this.memory;
    return this.memory;
  }
}
