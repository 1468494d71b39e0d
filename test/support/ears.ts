/** The sentences of a call by ear: who hears whose tone, who hears nothing, from when on. */
import { cutOut, describe as sound, judge } from './tone';
import { eventually, pause } from './wait';
import type { Recording } from './wav';

/** Anything with a recording that grows: a phone, an RTP party. */
export interface Listener {
  readonly name?: string;
  heard(): Recording;
}

/** How far a listener's recording has come, in seconds: to ask for what is heard from now on. */
export function mark(listener: Listener): number {
  const { samples, rate } = listener.heard();
  return samples.length / rate;
}

/**
 * Waits until the listener has heard a second of this tone, then judges everything heard since `from`: it must be that tone and
 * must not contain any of the others.
 */
export async function hears(listener: Listener, hz: number, options: { not: number[]; from?: number; seconds?: number; waitMs?: number }): Promise<void> {
  const { not, from = 0, seconds = 1, waitMs = 10_000 } = options;
  const name = listener.name ?? 'the party';
  let last: Recording = { samples: new Float32Array(0), rate: 8000 };
  const enough = (): boolean => {
    last = cutOut(listener.heard(), from);
    return last.samples.length >= seconds * last.rate && judge(last).secondsOf(hz) >= seconds;
  };
  try {
    await eventually(`${seconds} s of ${hz} Hz`, enough, waitMs, 100);
  } catch {
    throw new Error(`${name} did not hear ${seconds} s of ${hz} Hz from ${from.toFixed(2)} s on, but ${sound(last)}`);
  }
  const verdict = judge(last);
  if (verdict.share(hz) < 0.9) throw new Error(`${name} heard more than ${hz} Hz: ${sound(last)}, of it ${percent(verdict.share(hz))} at ${hz} Hz`);
  for (const other of not) {
    if (verdict.share(other) > 0.01) throw new Error(`${name} heard ${other} Hz too: ${percent(verdict.share(other))} of ${sound(last)}`);
  }
}

/**
 * Listens for a while and fails when anything but silence is heard. What was on its way (network, jitter buffer) when the other side
 * fell silent is given time to run out first. Both are stretches of real time: silence has no event to wait for.
 */
export async function hearsNothing(listener: Listener, seconds = 1.2, settleMs = 400): Promise<void> {
  await pause(settleMs);
  const from = mark(listener);
  await pause(seconds * 1000);
  const heard = cutOut(listener.heard(), from);
  const { loudSeconds } = judge(heard);
  if (loudSeconds > 0.1) throw new Error(`${listener.name ?? 'the party'} should have heard nothing, but heard ${sound(heard)}`);
}

/** Waits until the listener has heard this much of something, from now on; nothing of it may be one of these tones. For music, which is no one tone. */
export async function hearsMusic(listener: Listener, options: { not: number[]; seconds?: number; settleMs?: number }): Promise<void> {
  const { not, seconds = 1.5, settleMs = 600 } = options;
  // what was on its way when the tone stopped is let through
  await pause(settleMs);
  const from = mark(listener);
  let last: Recording = { samples: new Float32Array(0), rate: 8000 };
  try {
    await eventually('music', () => {
      last = cutOut(listener.heard(), from);
      return judge(last).loudSeconds >= seconds;
    }, 10_000, 100);
  } catch {
    throw new Error(`${listener.name ?? 'the party'} did not hear ${seconds} s of music, but ${sound(last)}`);
  }
  const verdict = judge(last);
  for (const hz of not) {
    if (verdict.share(hz) > 0.2) throw new Error(`${listener.name ?? 'the party'} heard ${hz} Hz instead of music: ${percent(verdict.share(hz))} of ${sound(last)}`);
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
