/**
 * An engine's thread under load, its socket and its clients, in steps of a millisecond: what overload control is tried against.
 *
 *     clients ─▶ socket (so many datagrams, then they are lost) ─▶ thread (so many microseconds each) ─▶ calls done
 *        ▲  INVITE, ACK, BYE, and again what is not answered; 200 of who is called
 *        └──────────────── 100, 200, 503 ───────────────────────────┘
 *
 * A call costs a millisecond in all: a processor to itself does 1,000 a second.
 */
import { defaultOverload } from '../../../../signaling/engine/overload/options';
import { AdmittedRate, SPANS } from '../../../../signaling/engine/overload/admitted-rate';
import { Throttle } from '../../../../signaling/engine/overload/throttle';
import { seeded } from '../../media/port/line';

type Kind = 'INVITE' | '200' | 'ACK' | 'BYE';

const COST_US: Record<Kind, number> = { INVITE: 400, '200': 300, ACK: 100, BYE: 200 };
const REFUSED_US = { INVITE: 70, ACK: 20 };
/** Something that was here before: found, and answered as before. */
const AGAIN_US = 60;
const PROBE_US = 5;
/** RFC 3261 §17.1.1.2: sent again after T1, 2*T1 and so on. */
const T1_MS = 500;
const TRIES = 7;
const LOOK_MS = 100;
const PROBE_LOST_MS = 2_000;

export interface Conditions {
  /** New calls a second, by time in seconds. */
  rate(second: number): number;
  seconds: number;
  /** Datagrams that the socket holds. */
  buffer?: number;
  control?: boolean;
  /** Part of a processor that is left to the thread, by time in milliseconds; 0: it does not run. */
  processor?(ms: number): number;
}

export interface Outcome {
  begun: number;
  done: number;
  refused: number;
  /** Calls done in each second; share that was turned away at its end. */
  perSecond: number[];
  shares: number[];
}

interface Call {
  readonly seen: Set<Kind>;
  refused: boolean;
}

export function run({ rate, seconds, buffer = 5_000, control = true, processor = () => 1 }: Conditions): Outcome {
  const random = seeded(7);
  const law = new AdmittedRate(defaultOverload.busyMs / SPANS, defaultOverload.busyPercent / 100);
  const throttle = new Throttle(0.98);
  const outcome: Outcome = { begun: 0, done: 0, refused: 0, perSecond: new Array<number>(seconds).fill(0), shares: [] };
  const timers = new Map<number, Array<() => void>>();
  let queue: Array<() => number> = [];
  let head = 0;
  let now = 0;
  let probe = { sentAt: -1, last: 0 };
  let [came, admitted, workMs, sinceLook] = [0, 0, 0, 0];

  const after = (ms: number, job: () => void): void => {
    const due = timers.get(now + ms);
    if (due) due.push(job);
    else timers.set(now + ms, [job]);
  };
  const arrive = (work: () => number): void => {
    if (queue.length - head < buffer) queue.push(work);
  };
  const send = (call: Call, kind: Kind, tries = 0): void => {
    if (call.seen.has(kind) || tries === TRIES) return;
    arrive(() => handle(call, kind));
    if (kind !== 'ACK') after(T1_MS * 2 ** tries, () => send(call, kind, tries + 1));
  };
  const handle = (call: Call, kind: Kind): number => {
    const again = call.seen.has(kind);
    call.seen.add(kind);
    if (kind === 'ACK' && call.refused) return REFUSED_US.ACK;
    if (again) return AGAIN_US;
    if (kind === 'INVITE') {
      came++;
      call.refused = control && throttle.refuses();
      after(1, () => send(call, call.refused ? 'ACK' : '200'));
      if (call.refused) {
        outcome.refused++;
        return REFUSED_US.INVITE;
      }
      admitted++;
    } else if (kind === '200') {
      after(1, () => send(call, 'ACK'));
      after(2, () => send(call, 'BYE'));
    } else if (kind === 'BYE') {
      outcome.done++;
      outcome.perSecond[Math.floor(now / 1000)]!++;
    }
    return COST_US[kind];
  };
  /** As transport/queue-probe.ts does it. */
  const waited = (): number => {
    const waiting = probe.sentAt < 0 ? 0 : now - probe.sentAt;
    if (probe.sentAt < 0 || waiting >= PROBE_LOST_MS) {
      const mine = (probe = { sentAt: now, last: probe.last });
      arrive(() => {
        if (probe === mine) probe = { sentAt: -1, last: now - mine.sentAt };
        return PROBE_US;
      });
    }
    return Math.max(probe.last, waiting);
  };

  let due = 0;
  let budget = 0;
  let lookedAt = 0;
  for (; now < seconds * 1000; now++) {
    for (due += (rate(now / 1000) / 1000) * 2 * random(); due >= 1; due--) {
      outcome.begun++;
      send({ seen: new Set(), refused: false }, 'INVITE');
    }
    for (const job of timers.get(now) ?? []) job();
    timers.delete(now);
    if (now % 1000 === 999) outcome.shares.push(throttle.share);
    sinceLook++;
    const part = processor(now);
    if (part === 0) {
      workMs++;
      continue;
    }
    budget = Math.min(1_000, budget + 1_000 * part);
    const had = budget;
    while (budget > 0 && head < queue.length) budget -= queue[head++]!();
    if (head > 10_000) [queue, head] = [queue.slice(head), 0];
    // Who shares the processor is at work all the time that the other one has it.
    workMs += head < queue.length ? 1 : (had - budget) / 1_000 / part;
    if (head >= queue.length) budget = Math.min(0, budget);
    if (now - lookedAt >= LOOK_MS) {
      law.look(now - lookedAt, waited(), Math.min(1, workMs / sinceLook), came, admitted);
      throttle.set(law.share);
      lookedAt = now;
      [came, admitted, workMs, sinceLook] = [0, 0, 0, 0];
    }
  }
  return outcome;
}

/** Calls done a second, from the tenth second on. */
export function goodput({ perSecond }: Outcome, from = 10, to = perSecond.length): number {
  const part = perSecond.slice(from, to);
  return part.reduce((sum, one) => sum + one, 0) / part.length;
}
