/** Barks once when nobody called for a while. */

/** A card's buffers are 10 ms; a laptop's disk or a sound server under load may hold them up for some hundreds. */
const SILENT_MS = 1500;

export class Watchdog {
  private last = performance.now();
  private readonly timer: NodeJS.Timeout;

  constructor(bark: () => void, silentMs = SILENT_MS) {
    let before = this.last;
    this.timer = setInterval(() => {
      const now = performance.now();
      // It was we who slept (or the whole computer): the other side gets its time again
      if (now - before > silentMs) this.last = now;
      before = now;
      if (now - this.last < silentMs) return;
      this.stop();
      bark();
    }, silentMs / 4);
    this.timer.unref();
  }

  alive(): void {
    this.last = performance.now();
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
