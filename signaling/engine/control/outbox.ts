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
import type { Clock, Timer } from '../../clock';
import { BusyMap } from '../busy-map';
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
  readonly key: string;
  /** The newest frame that opened under this key. */
  round: number;
  openedAt: number;
  waiting: Array<{ frame: string; opens: boolean }>;
}

export class Outbox {
  private readonly gates = new BusyMap<Gate>();
  /** Looks for gates whose barrier did not answer. */
  private patience: Timer | undefined;
  private closed = false;
  private held = 0;

  constructor(
    /** `flushed` is called when the kernel has the bytes. */
    private readonly write: (frame: string, flushed?: () => void) => void,
    private readonly clock: Clock,
    private readonly options: OutboxOptions,
    /** Called for every frame that has to wait. */
    private readonly onHeld: () => void = () => undefined,
  ) {}

  /** Length of the frames that wait. */
  get heldLength(): number {
    return this.held;
  }

  /** Leaves now. `opens`: what follows under this key waits. */
  now(frame: string, opens?: string): void {
    if (this.closed) return;
    if (opens === undefined) this.write(frame);
    else this.open(opens, frame);
  }

  /** Leaves when the gate of `key` is passed, in the order given. `opens`: the gate closes again behind it. */
  after(key: string, frame: string, opens = false): void {
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
    this.patience?.cancel();
  }

  private open(key: string, frame: string): void {
    const { gapMs, barrier } = this.options;
    if (gapMs <= 0 && !barrier) {
      this.write(frame);
      return;
    }
    const gate = this.gates.get(key) ?? { key, round: 0, openedAt: 0, waiting: [] };
    this.gates.set(key, gate);
    const round = ++gate.round;
    gate.openedAt = this.clock.now();
    const pass = (): void => {
      if (gate.round === round) this.passOnceOldEnough(gate, round);
    };
    if (!barrier) {
      this.write(frame);
      pass();
      return;
    }
    this.patience ??= this.clock.after(BARRIER_MS, () => this.giveUp());
    this.write(frame, () => barrier(pass));
  }

  private passOnceOldEnough(gate: Gate, round: number): void {
    const left = gate.openedAt + this.options.gapMs - this.clock.now();
    if (left <= 0) this.pass(gate);
    else {
      this.clock.after(left, () => {
        if (gate.round === round) this.pass(gate);
      });
    }
  }

  /** One look for all gates: each is given up between one and two of these times after it was opened. */
  private giveUp(): void {
    this.patience = undefined;
    const before = this.clock.now() - BARRIER_MS;
    for (const gate of [...this.gates.values()]) if (gate.openedAt <= before) this.pass(gate);
    if (this.gates.size > 0) this.patience ??= this.clock.after(BARRIER_MS, () => this.giveUp());
  }

  private pass(gate: Gate): void {
    const { key } = gate;
    if (this.closed || this.gates.get(key) !== gate) return;
    for (let next = gate.waiting.shift(); next; next = gate.waiting.shift()) {
      this.held -= next.frame.length;
      if (next.opens) {
        this.open(key, next.frame);
        return;
      }
      this.write(next.frame);
    }
    this.gates.delete(key);
    if (this.gates.size === 0) {
      this.patience?.cancel();
      this.patience = undefined;
    }
  }
}
