/**
 * How calls that are up sound just now: each party that sends is looked at every ten seconds, some of them each second, and what came since the last
 * look is judged. Told once when it becomes poor, and once when that is over.
 */
import type { EndpointStats } from '../../media/plane';
import type { Clock, Timer } from '../clock';
import { every } from '../every';
import type { Call } from './call';
import type { Side } from './leg';

/** A party of a call that is up, whose packets come here. */
export interface Sounding {
  call: string;
  from: string;
  side: Side;
  number: string;
  endpoint: string;
}

export interface Quality extends Omit<Sounding, 'endpoint'> {
  /** Part of the packets since the last look that did not come. */
  loss: number;
  jitterMs: number | null;
  /** Of the call so far, ITU-T G.107. */
  mos: number | null;
}

export interface CallQualityDeps {
  sounding(): readonly Sounding[];
  stats(endpoint: string): Promise<EndpointStats>;
  tell(what: 'poor' | 'restored', quality: Quality): void;
  clock: Clock;
}

/** Of all calls. */
export function soundingIn(calls: Iterable<Call>): Sounding[] {
  const all: Sounding[] = [];
  for (const { id, from, state, caller, callee } of calls) {
    if (state !== 'up') continue;
    for (const leg of [caller, callee]) if (leg?.endpoint) all.push({ call: id, from: from.number, side: leg.side, number: leg.party, endpoint: leg.endpoint.id });
  }
  return all;
}

const STEP_MS = 1000;
const STEPS = 10;
/** Packets since the last look: a second of sound; whoever is silent is not judged. */
const LEAST = 50;
/** G.107: 5 % cost a G.711 call about half a point of MOS; more jitter than any buffer wants to hold. */
const POOR = { loss: 0.05, jitterMs: 60 };
const FINE = { loss: 0.02, jitterMs: 40 };

interface Seen {
  packets: number;
  lost: number;
  poor: boolean;
  step: number;
}

export class CallQuality {
  private readonly seen = new Map<string, Seen>();
  private timer: Timer | undefined;
  private steps = 0;
  private closed = false;

  constructor(private readonly deps: CallQualityDeps) {}

  start(): void {
    this.timer = every(this.deps.clock, STEP_MS, () => this.look());
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
  }

  /** A tenth of the parties. Never rejects. */
  async look(): Promise<void> {
    const step = this.steps++ % STEPS;
    const now = this.deps.sounding();
    if (step === 0) {
      const there = new Set(now.map(({ endpoint }) => endpoint));
      for (const endpoint of this.seen.keys()) if (!there.has(endpoint)) this.seen.delete(endpoint);
    }
    // a party stays with the step at which it was seen first
    const due = now.filter(({ endpoint }) => (this.seen.get(endpoint)?.step ?? step) === step);
    await Promise.all(
      due.map(async (one) => {
        // it may end meanwhile
        const stats = await this.deps.stats(one.endpoint).catch(() => undefined);
        if (stats && !this.closed) this.judge(one, stats, step);
      }),
    );
  }

  private judge({ endpoint, ...who }: Sounding, { received, lost, jitterMs, mos = null }: EndpointStats, step: number): void {
    const before = this.seen.get(endpoint);
    if (!before) return void this.seen.set(endpoint, { packets: received.packets, lost, poor: false, step });
    const came = received.packets - before.packets;
    // what was late was counted as lost before it came
    const missing = Math.max(0, lost - before.lost);
    before.packets = received.packets;
    before.lost = lost;
    if (came + missing < LEAST) return;
    const loss = missing / (came + missing);
    const worse = loss >= POOR.loss || (jitterMs ?? 0) >= POOR.jitterMs;
    const better = loss < FINE.loss && (jitterMs ?? 0) < FINE.jitterMs;
    if (before.poor ? !better : !worse) return;
    before.poor = worse;
    this.deps.tell(worse ? 'poor' : 'restored', { ...who, loss, jitterMs, mos });
  }
}
