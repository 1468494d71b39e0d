/**
 * Who asked for credentials: a request that brings them goes to that target and to none before it in the line (PROTOCOL 14). Known by the
 * nonce, for as long as a caller's telephone needs to answer by itself.
 */
import type { Clock } from '../../../clock';
import type { SipRequest, SipResponse } from '../../wire/message';
import { challengesIn } from './best-response';
import type { ProxyTarget } from './targets';

const REMEMBERED_MS = 2000;
/** Nonces kept; the oldest makes room. */
const MAX = 10_000;

export class Challenged {
  private readonly byNonce = new Map<string, { uri: string; until: number }>();

  constructor(private readonly clock: Clock) {}

  remember(target: ProxyTarget, response: SipResponse): void {
    for (const challenge of challengesIn(response)) {
      const nonce = nonceOf(challenge);
      if (nonce === undefined) continue;
      this.byNonce.delete(nonce);
      this.byNonce.set(nonce, { uri: target.uri, until: this.clock.now() + REMEMBERED_MS });
    }
    this.tidy();
  }

  /** Those that asked for what this request brings, or all when none did. */
  narrow(request: SipRequest, destinations: readonly string[]): readonly string[] {
    this.tidy();
    if (this.byNonce.size === 0) return destinations;
    const credentials = ['authorization', 'proxy-authorization'].flatMap((name) => request.headers.getAll(name));
    const asked = new Set(credentials.map((value) => this.byNonce.get(nonceOf(value) ?? '')?.uri));
    const chosen = destinations.filter((uri) => asked.has(uri));
    return chosen.length > 0 ? chosen : destinations;
  }

  /** In the order of their ends, as a Map keeps the order in which entries came. */
  private tidy(): void {
    const now = this.clock.now();
    for (const [nonce, { until }] of this.byNonce) {
      if (until > now && this.byNonce.size <= MAX) return;
      this.byNonce.delete(nonce);
    }
  }
}

function nonceOf(value: string): string | undefined {
  return /(?:^|[\s,])nonce\s*=\s*"((?:[^"\\]|\\.)*)"/i.exec(value)?.[1];
}
