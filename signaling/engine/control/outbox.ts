/**
 * The order in which frames leave for one application (PROTOCOL 8.1 of drachtio's control protocol).
 *
 * drachtio-srf hands its caller the request it sent when the echo arrives, but the caller's promise continues only after the whole
 * chunk of bytes was worked off: a response in the same chunk finds no listener and is lost for good. So a frame that opens something
 * (the echo of a request, the echo of a 200 that makes a dialog) leaves at once, and frames that follow from it wait until the
 * application has read it: that is known where the application runs in a thread that tells (see barrier.ts), and assumed after `gapMs`
 * elsewhere. Most answers from the network take longer anyway and are not delayed.
 *
 *     echo(INVITE) ──▶ │ 180 waits ▏ read: 180 ──▶          everything else passes by
 *
 * Rejected: a gap alone. With the application's event loop busy for 5 ms at a time, 15 of 100 responses were lost with a gap of 3 ms.
 */
import type { Clock } from '../../clock';
import type { Barrier } from '../barrier';

export interface OutboxOptions {
  /** Least time between a frame that opens and one that follows. */
  gapMs: number;
  /** What tells that the application has read; absent: only the gap counts. */
  barrier?: Barrier | undefined;
}

/** Nobody waits longer for a barrier: an application that does not read for so long has lost more than this. */
const BARRIER_MS = 1000;

interface Gate {
  /** The newest frame that opened under this key. */
  round: number;
  waiting: Array<{ frame: Buffer; opens: boolean }>;
}

export class Outbox {
  private readonly gates = new Map<string, Gate>();
  private closed = false;
  private held = 0;

  constructor(
    /** `flushed` is called when the kernel has the bytes. */
    private readonly write: (frame: Buffer, flushed?: () => void) => void,
    private readonly clock: Clock,
    private readonly options: OutboxOptions,
    /** Called for every frame that has to wait. */
    private readonly onHeld: () => void = () => undefined,
  ) {}

  /** Bytes of frames that wait. */
  get heldBytes(): number {
    return this.held;
  }

  /** Leaves now. `opens`: what follows under this key waits. */
  now(frame: Buffer, opens?: string): void {
    if (this.closed) return;
    if (opens === undefined) this.write(frame);
    else this.open(opens, frame);
  }

  /** Leaves when the gate of `key` is passed, in the order given. `opens`: the gate closes again behind it. */
  after(key: string, frame: Buffer, opens = false): void {
    if (this.closed) return;
    const gate = this.gates.get(key);
    if (!gate) {
      this.now(frame, opens ? key : undefined);
      return;
    }
    this.onHeld();
    this.held += frame.length;
    gate.waiting.push({ frame, opens });
  }

  close(): void {
    this.closed = true;
    this.held = 0;
    this.gates.clear();
  }

  private open(key: string, frame: Buffer): void {
    const { gapMs, barrier } = this.options;
    if (gapMs <= 0 && !barrier) {
      this.write(frame);
      return;
    }
    const gate = this.gates.get(key) ?? { round: 0, waiting: [] };
    this.gates.set(key, gate);
    const round = ++gate.round;
    let open = 0;
    const oneDown = (): void => {
      if (--open === 0 && gate.round === round) this.pass(key, gate);
    };
    open++;
    this.clock.after(gapMs, oneDown);
    if (!barrier) {
      this.write(frame);
      return;
    }
    open++;
    let read = false;
    const isRead = (): void => {
      if (read) return;
      read = true;
      patience.cancel();
      oneDown();
    };
    const patience = this.clock.after(Math.max(BARRIER_MS, gapMs), isRead);
    this.write(frame, () => barrier(isRead));
  }

  private pass(key: string, gate: Gate): void {
    if (this.closed) return;
    for (let next = gate.waiting.shift(); next; next = gate.waiting.shift()) {
      this.held -= next.frame.length;
      if (next.opens) {
        this.open(key, next.frame);
        return;
      }
      this.write(next.frame);
    }
    this.gates.delete(key);
  }
}
