/** Which of the final responses of all branches goes upstream when none is a 2xx (RFC 3261 §16.7 steps 6 and 7). Pure. */
import type { SipResponse } from '../../wire/message';

const challenges = ['www-authenticate', 'proxy-authenticate'] as const;

/**
 * 6xx first, then the lowest class; within 4xx those that tell the caller what to change, and last those that say no more than that a
 * branch was given up. Of equals the first.
 *
 * @param cancelled the caller gave up: 487 is what it waits for
 */
export function bestResponse(responses: readonly SipResponse[], cancelled = false): SipResponse | undefined {
  let best: SipResponse | undefined;
  for (const response of responses) {
    if (!best || rank(response.status, cancelled) < rank(best.status, cancelled)) best = response;
  }
  return best;
}

function rank(status: number, cancelled: boolean): number {
  const kind = Math.floor(status / 100);
  if (kind === 6) return 0;
  if (kind === 4) return cancelled && status === 487 ? 1 : 400 + withinFour(status);
  // A 503 says that its sender can serve nobody, which is not so of us.
  return kind * 100 + (status === 503 ? 1 : 0);
}

function withinFour(status: number): number {
  if (isChallenge(status)) return 0;
  if (status === 415 || status === 420 || status === 484) return 1;
  return status === 408 || status === 487 ? 3 : 2;
}

export function isChallenge(status: number): boolean {
  return status === 401 || status === 407;
}

/** The challenges of all branches go up in one response, or the caller could never satisfy two of them at once. Changes `best`. */
export function mergeChallenges(best: SipResponse, others: readonly SipResponse[]): void {
  if (!isChallenge(best.status)) return;
  for (const other of others) {
    if (!isChallenge(other.status)) continue;
    for (const name of challenges) {
      const there = best.headers.getAll(name);
      for (const value of other.headers.getAll(name)) if (!there.includes(value)) best.headers.append(name, value);
    }
  }
}

/** Challenges a caller can answer. */
export function challengesIn(response: SipResponse): string[] {
  return isChallenge(response.status) ? challenges.flatMap((name) => response.headers.getAll(name)) : [];
}
