/**
 * The sound card as the phone sees it: two halves that live and die by themselves.
 *
 *   microphone ─► stream ─► drift queue ─► capture()        every 20 ms, by the phone's clock
 *   speaker    ◄─ stream ◄─ drift queue ◄─ play()
 *
 * A stream that is lost is opened again, at first soon, then more patiently, for as long as the phone runs; meanwhile there is silence.
 */
import type { Clock, Timer } from '../../clock';
import type { Backend, CardStream, Side } from './backend';
import { DEVICE_RATE, type AudioDevice, type DeviceEvents, type DeviceStats } from './device';
import { DriftQueue } from './drift-queue';

const RETRY_MIN_MS = 300;
const RETRY_MAX_MS = 5000;
/** Nobody plays any more: what the speaker does not get is not missing. */
const IDLE_MS = 500;

class Half {
  queue: DriftQueue;
  restarts = 0;
  stream: CardStream | undefined;
  private retryMs = RETRY_MIN_MS;
  private timer: Timer | undefined;
  private opening: Promise<void> | undefined;
  private closing: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly backend: Backend,
    private readonly side: Side,
    private readonly wanted: string | undefined,
    private readonly clock: Clock,
    private readonly told: { problem(text: string): void; recovered(): void },
  ) {
    this.queue = this.makeQueue(DEVICE_RATE);
  }

  /** The first time: errors are the caller's. */
  async open(): Promise<void> {
    const stream = await this.backend.open(this.side, this.wanted, {
      heard: (pcm) => this.queue.push(pcm, this.clock.now()),
      wanted: (pcm) => void this.queue.pull(pcm, this.clock.now()),
      lost: (problem) => this.lost(problem),
    });
    if (this.closed) return stream.close();
    if (stream.rate !== this.rate) this.queue = this.makeQueue(stream.rate, this.queue);
    this.stream = stream;
  }

  private rate = DEVICE_RATE;

  private makeQueue(rate: number, before?: DriftQueue): DriftQueue {
    this.rate = rate;
    const queue = this.side === 'input' ? new DriftQueue({ inRate: rate, outRate: DEVICE_RATE }) : new DriftQueue({ inRate: DEVICE_RATE, outRate: rate, idleAfterMs: IDLE_MS });
    queue.missingMs = before?.missingMs ?? 0;
    queue.droppedMs = before?.droppedMs ?? 0;
    return queue;
  }

  private lost(problem: string): void {
    if (this.closed) return;
    const { stream } = this;
    this.stream = undefined;
    this.closing = stream?.close();
    this.told.problem(problem);
    this.retry();
  }

  private retry(): void {
    if (this.closed) return;
    this.timer = this.clock.after(this.retryMs, () => {
      this.opening = this.reopen();
    });
    this.retryMs = Math.min(RETRY_MAX_MS, this.retryMs * 2);
  }

  private async reopen(): Promise<void> {
    await this.closing;
    try {
      this.queue.restart();
      await this.open();
    } catch {
      return this.retry();
    }
    if (this.closed || !this.stream) return;
    this.retryMs = RETRY_MIN_MS;
    this.restarts++;
    this.told.recovered();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await Promise.all([this.stream?.close(), this.closing, this.opening]);
  }
}

export interface SoundCardChoice {
  /** Name or number; undefined: the system's own choice; null: none. */
  input?: string | null | undefined;
  output?: string | null | undefined;
}

export class SoundCard implements AudioDevice {
  readonly backend: string;
  private readonly halves: { input: Half | undefined; output: Half | undefined };
  private closed: Promise<void> | undefined;

  private constructor(
    backend: Backend,
    choice: SoundCardChoice,
    private readonly events: DeviceEvents,
    private readonly clock: Clock,
  ) {
    this.backend = backend.name;
    const half = (side: Side, wanted: string | null | undefined): Half | undefined =>
      wanted === null ? undefined : new Half(backend, side, wanted, clock, { problem: (text) => this.problem(side, text), recovered: () => this.recovered() });
    this.halves = { input: half('input', choice.input), output: half('output', choice.output) };
  }

  /** Resolves when both run. Errors: those of the back end; nothing is left running then. */
  static async open(backend: Backend, choice: SoundCardChoice, events: DeviceEvents, clock: Clock): Promise<SoundCard> {
    const card = new SoundCard(backend, choice, events, clock);
    const results = await Promise.allSettled([card.halves.input?.open(), card.halves.output?.open()]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) {
      await card.close();
      throw failed.reason;
    }
    return card;
  }

  get input(): string | null {
    return this.halves.input?.stream?.device ?? null;
  }

  get output(): string | null {
    return this.halves.output?.stream?.device ?? null;
  }

  capture(out: Int16Array): boolean {
    const half = this.halves.input;
    if (half && !this.closed) return half.queue.pull(out, this.clock.now());
    out.fill(0);
    return false;
  }

  play(frame: Int16Array): void {
    if (this.closed) return;
    this.halves.output?.queue.push(frame, this.clock.now());
  }

  stats(): DeviceStats {
    const { input, output } = this.halves;
    const playbackDrift = output?.queue.driftPpm ?? null;
    return {
      captureMissingMs: Math.round(input?.queue.missingMs ?? 0),
      captureDroppedMs: Math.round(input?.queue.droppedMs ?? 0),
      playbackMissingMs: Math.round(output?.queue.missingMs ?? 0),
      playbackDroppedMs: Math.round(output?.queue.droppedMs ?? 0),
      captureQueueMs: input?.queue.queueMs ?? 0,
      playbackQueueMs: output?.queue.queueMs ?? 0,
      captureDriftPpm: input?.queue.driftPpm ?? null,
      // There it is we who push
      playbackDriftPpm: playbackDrift === null ? null : -playbackDrift,
      restarts: (input?.restarts ?? 0) + (output?.restarts ?? 0),
    };
  }

  close(): Promise<void> {
    this.closed ??= Promise.all([this.halves.input?.close(), this.halves.output?.close()]).then(() => undefined);
    return this.closed;
  }

  private problem(side: Side, text: string): void {
    this.events.problem(`the ${side === 'input' ? 'microphone' : 'speaker'} is gone: ${text}; it is used again as soon as it is back`, true);
  }

  private recovered(): void {
    this.events.recovered(this.input, this.output);
  }
}
