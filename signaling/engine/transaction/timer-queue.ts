/**
 * The timers of all transactions: one list per duration, one clock timer per list.
 *
 * Transactions use about ten different durations, so within a list deadlines only grow: starting and cancelling are O(1) link
 * operations on one small object, with no closure and no entry in the runtime's own timer structures. A timer per transaction on
 * the clock itself would cost three objects each, for tens of thousands that wait 32 s only to forget something.
 */
import type { Clock, Timer } from '../../clock';

export interface TimerOwner<Name extends string> {
  onTimer(name: Name): void;
}

export class QueuedTimer<Name extends string = string> {
  /** @internal */ prev: QueuedTimer | undefined;
  /** @internal */ next: QueuedTimer | undefined;
  /** @internal */ queue: Queue | undefined;

  constructor(
    readonly owner: TimerOwner<Name>,
    readonly name: Name,
    readonly deadline: number,
  ) {}

  get pending(): boolean {
    return this.queue !== undefined;
  }

  cancel(): void {
    this.queue?.unlink(this as unknown as QueuedTimer);
  }
}

export class TimerQueues {
  private readonly queues = new Map<number, Queue>();

  /** @param onError what a timer's owner throws; the other timers go on */
  constructor(
    private readonly clock: Clock,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** `owner.onTimer(name)` runs once, `ms` from now. */
  start<Name extends string>(ms: number, owner: TimerOwner<Name>, name: Name): QueuedTimer<Name> {
    let queue = this.queues.get(ms);
    if (!queue) this.queues.set(ms, (queue = new Queue(this.clock, this.onError)));
    const timer = new QueuedTimer(owner, name, this.clock.now() + ms);
    queue.append(timer as unknown as QueuedTimer);
    return timer;
  }

  now(): number {
    return this.clock.now();
  }

  get size(): number {
    let size = 0;
    for (const queue of this.queues.values()) size += queue.size;
    return size;
  }

  close(): void {
    for (const queue of this.queues.values()) queue.close();
    this.queues.clear();
  }
}

class Queue {
  size = 0;
  private head: QueuedTimer | undefined;
  private tail: QueuedTimer | undefined;
  private wake: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly onError: (error: unknown) => void,
  ) {}

  append(timer: QueuedTimer): void {
    timer.queue = this;
    timer.prev = this.tail;
    if (this.tail) this.tail.next = timer;
    else this.head = timer;
    this.tail = timer;
    this.size++;
    if (!this.wake) this.arm(timer);
  }

  unlink(timer: QueuedTimer): void {
    if (timer.prev) timer.prev.next = timer.next;
    else this.head = timer.next;
    if (timer.next) timer.next.prev = timer.prev;
    else this.tail = timer.prev;
    timer.prev = timer.next = timer.queue = undefined;
    this.size--;
    // The clock timer stays armed: waking once for nothing is cheaper than re-arming for every cancelled head.
  }

  close(): void {
    this.wake?.cancel();
    this.wake = undefined;
    while (this.head) this.unlink(this.head);
  }

  private arm(head: QueuedTimer): void {
    this.wake = this.clock.after(Math.max(0, head.deadline - this.clock.now()), this.run);
  }

  private readonly run = (): void => {
    this.wake = undefined;
    const now = this.clock.now();
    while (this.head && this.head.deadline <= now) {
      const timer = this.head;
      this.unlink(timer);
      try {
        timer.owner.onTimer(timer.name);
      } catch (error) {
        this.onError(error);
      }
    }
    if (this.head && !this.wake) this.arm(this.head);
  };
}
