/**
 * What happens, told to whoever wants to know outside: one stream, in order, each with an id that only rises, also over restarts. The last ones
 * are remembered, so that whoever was away for a moment goes on where it was.
 */
import type { Clock } from '../clock';
import type { Logger } from '../log';

export const eventTypes = [
  'call.started', 'call.ringing', 'call.answered', 'call.held', 'call.resumed', 'call.transferred', 'call.ended',
  'registration.registered', 'registration.unregistered', 'registration.expired', 'registration.dropped',
  'dtmf',
  'voicemail.new', 'voicemail.heard', 'voicemail.unheard', 'voicemail.removed',
  'queue.joined', 'queue.left', 'queue.agent',
  'message.kept', 'message.delivered', 'message.failed',
  'quality.poor', 'quality.restored',
  'trunk.up', 'trunk.down',
  'alarm.raised', 'alarm.cleared',
] as const;
export type EventType = (typeof eventTypes)[number];

export interface Event {
  id: number;
  type: EventType;
  /** ISO 8601. */
  time: string;
  /** Whose it is; of the first tenant: empty. */
  tenant: string;
  /** Plain JSON. */
  data: Readonly<Record<string, unknown>>;
}

export interface Events {
  tell(type: EventType, tenant: string, data: Event['data']): void;
  /** From now on. Returns how to stop. */
  onEvent(listener: (event: Event) => void): () => void;
  /** Those after this id, the oldest first; `missed`: some of them are not remembered any more. */
  after(id: number): { events: readonly Event[]; missed: boolean };
}

/** Ids of a later start are greater: there are not a thousand events in each millisecond. */
const IDS_PER_MS = 1000;

export class EventBus implements Events {
  /** A ring once it is full. */
  private readonly kept: Event[] = [];
  private oldest = 0;
  private readonly listeners = new Set<(event: Event) => void>();
  private readonly first: number;
  private last: number;

  constructor(
    private readonly deps: { clock: Clock; log: Logger },
    private readonly most = 5000,
  ) {
    this.first = this.last = deps.clock.wall().getTime() * IDS_PER_MS;
  }

  tell(type: EventType, tenant: string, data: Event['data']): void {
    const event: Event = { id: ++this.last, type, time: this.deps.clock.wall().toISOString(), tenant, data };
    if (this.kept.length < this.most) this.kept.push(event);
    else {
      this.kept[this.oldest] = event;
      this.oldest = (this.oldest + 1) % this.most;
    }
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (err) {
        this.deps.log.error({ event: type, error: String(err) }, 'a listener to events failed');
      }
    }
  }

  onEvent(listener: (event: Event) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  after(id: number): { events: readonly Event[]; missed: boolean } {
    const known = [...this.kept.slice(this.oldest), ...this.kept.slice(0, this.oldest)];
    const before = (known[0]?.id ?? this.last + 1) - 1;
    return { events: known.filter((event) => event.id > id), missed: id < Math.max(before, this.first) };
  }

  /** Since the start. */
  get told(): number {
    return this.last - this.first;
  }
}
