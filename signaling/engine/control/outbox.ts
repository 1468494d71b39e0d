/**
 * The order in which frames leave for one application (PROTOCOL 8.1 of drachtio's control protocol).
 *
 * drachtio-srf hands its caller the request it sent when the echo arrives, but the caller's promise continues only after the
 * whole chunk of bytes was worked off: a response in the same chunk finds no listener and is lost. So a frame that opens
 * something (the echo of a request, the echo of a 200 that makes a dialog) leaves at once, and frames that follow from it wait
 * until `gapMs` have passed since, so that the application reads them as a chunk of their own. Most answers from the network take
 * longer anyway and are not delayed.
 *
 *     echo(INVITE) ──▶ t0 │ 180 at t0+0.4 waits ▏ t0+gap: 180 ──▶        everything else passes by
 */
import type { Clock } from '../../clock';

interface Gate {
  until: number;
  waiting: Array<{ frame: Buffer; opens: boolean }>;
}

export class Outbox {
  private readonly gates = new Map<string, Gate>();
  private closed = false;
  /** Frames that had to wait. */
  held = 0;

  constructor(
    private readonly write: (frame: Buffer) => void,
    private readonly clock: Clock,
    private readonly gapMs: number,
  ) {}

  /** Leaves now. `opens`: what follows under this key waits for the gap. */
  now(frame: Buffer, opens?: string): void {
    if (this.closed) return;
    this.write(frame);
    if (opens !== undefined) this.open(opens);
  }

  /** Leaves when the gate of `key` is passed, in the order given. `opens`: the gate closes again behind it. */
  after(key: string, frame: Buffer, opens = false): void {
    if (this.closed) return;
    const gate = this.gates.get(key);
    if (!gate) {
      this.now(frame, opens ? key : undefined);
      return;
    }
    this.held++;
    gate.waiting.push({ frame, opens });
  }

  close(): void {
    this.closed = true;
    this.gates.clear();
  }

  private open(key: string): void {
    if (this.gapMs <= 0) return;
    const until = this.clock.now() + this.gapMs;
    const gate = this.gates.get(key);
    if (gate) {
      gate.until = until;
      return;
    }
    this.gates.set(key, { until, waiting: [] });
    this.clock.after(this.gapMs, () => this.pass(key));
  }

  private pass(key: string): void {
    const gate = this.gates.get(key);
    if (!gate || this.closed) return;
    const early = gate.until - this.clock.now();
    if (early > 0.5) {
      // Another echo under this key left meanwhile: the gap counts from the newest.
      this.clock.after(early, () => this.pass(key));
      return;
    }
    for (let next = gate.waiting.shift(); next; next = gate.waiting.shift()) {
      this.write(next.frame);
      if (next.opens) {
        gate.until = this.clock.now() + this.gapMs;
        this.clock.after(this.gapMs, () => this.pass(key));
        return;
      }
    }
    this.gates.delete(key);
  }
}
