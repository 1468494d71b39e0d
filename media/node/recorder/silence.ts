/**
 * Whether anybody says anything, 20 ms at a time: level against the noise of the line.
 *
 * The floor falls with every softer frame and rises slowly, so that noise that came to stay becomes floor. What is 10 dB above the floor is
 * sound, and so is anything above −38 dBov (a steady tone must not become a floor); below −55 dBov nothing is.
 */

const ALWAYS_SOUND = -38;
const NEVER_SOUND = -55;
const ABOVE_FLOOR_DB = 10;
/** dB a second. */
const RISE = 3;

export class SilenceDetector {
  private floor = -50;

  /** Whether the frame is silent. */
  hear(level: number, frameMs: number): boolean {
    this.floor = Math.min(Math.max(level, -90), this.floor + (RISE * frameMs) / 1000);
    if (level >= ALWAYS_SOUND) return false;
    return level < NEVER_SOUND || level < this.floor + ABOVE_FLOOR_DB;
  }
}
