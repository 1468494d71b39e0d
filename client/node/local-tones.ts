/**
 * What the person hears besides voices, from what happens to its calls: it rings, the far end rings, somebody knocks during a call, a call
 * came to nothing. One thing at a time; whoever calls goes before what is only waited for.
 */
import type { Clock, Timer } from '../clock';
import type { PhoneEvent, PhoneEventOf } from '../events';
import type { LocalTone } from './media/hub-types';

/** How long it is said that a call came to nothing, ms. */
const FAREWELL_MS = 3000;

export class LocalTones {
  private readonly incoming = new Set<string>();
  private readonly ringback = new Set<string>();
  private readonly up = new Set<string>();
  private farewell: { tone: LocalTone; timer: Timer } | undefined;
  private current: LocalTone | null = null;

  constructor(
    private readonly play: (tone: LocalTone | null) => void,
    private readonly clock: Clock,
  ) {}

  heard(event: PhoneEvent): void {
    switch (event.event) {
      case 'calling':
        this.endFarewell();
        break;
      case 'incoming':
        this.incoming.add(event.call);
        break;
      case 'ringing':
        if (event.earlyMedia) this.ringback.delete(event.call);
        else this.ringback.add(event.call);
        break;
      case 'answered':
        this.forget(event.call);
        this.up.add(event.call);
        break;
      case 'ended':
        this.forget(event.call);
        this.sayFarewell(event);
        break;
      default:
        return;
    }
    this.settle();
  }

  private forget(call: string): void {
    this.incoming.delete(call);
    this.ringback.delete(call);
    this.up.delete(call);
  }

  private sayFarewell(event: PhoneEventOf<'ended'>): void {
    const tone = farewellOf(event);
    if (!tone) return;
    this.endFarewell();
    this.farewell = {
      tone,
      timer: this.clock.after(FAREWELL_MS, () => {
        this.farewell = undefined;
        this.settle();
      }),
    };
  }

  private endFarewell(): void {
    this.farewell?.timer.cancel();
    this.farewell = undefined;
  }

  private settle(): void {
    const tone = this.wanted();
    if (tone === this.current) return;
    this.current = tone;
    this.play(tone);
  }

  private wanted(): LocalTone | null {
    if (this.incoming.size > 0) return this.up.size > 0 ? 'waiting' : 'ringing';
    if (this.ringback.size > 0) return 'ringback';
    return this.farewell?.tone ?? null;
  }

  close(): void {
    this.endFarewell();
    this.incoming.clear();
    this.ringback.clear();
    this.up.clear();
    this.settle();
  }
}

/** Only of calls that were refused: whoever hung up knows, and whoever was hung up on hears that it is quiet. */
function farewellOf({ by, answered, status }: PhoneEventOf<'ended'>): LocalTone | undefined {
  if (by === 'network') return 'failed';
  if (by === 'local' || answered || status === null) return undefined;
  if (status === 486 || status === 600) return 'busy';
  return status >= 400 && status !== 487 ? 'reorder' : undefined;
}
