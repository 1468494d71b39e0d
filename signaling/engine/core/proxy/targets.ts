/** The target set of a proxied request (RFC 3261 §16.5): what is still to be tried, in order, each URI once. */
import type { Target } from '../../transport/types';
import { sameUri } from '../../wire/uri';

export interface ProxyTarget {
  /** Where it goes. */
  readonly uri: string;
  /** The Request-URI, when it is not the caller's. */
  readonly requestUri?: string | undefined;
  /** How it was reached before; better than the URI while it is there (flows.ts). */
  readonly flow?: Target | undefined;
  /** Id of the flow it has to go over, or not at all (outbound.ts). */
  readonly only?: string | undefined;
}

export class TargetSet {
  private readonly seen: string[] = [];
  private waiting: ProxyTarget[] = [];

  /** @param max targets in all; what comes beyond is left out, or two servers that redirect to one another would never end */
  constructor(private readonly max: number) {}

  /** Targets for the end of the line. Returns those that were taken. */
  add(targets: readonly ProxyTarget[]): ProxyTarget[] {
    const fresh = this.fresh(targets);
    this.waiting.push(...fresh);
    return fresh;
  }

  /** Targets that come right behind what is being tried now: a redirect leads on before the next one's turn. */
  addNext(targets: readonly ProxyTarget[]): ProxyTarget[] {
    const fresh = this.fresh(targets);
    this.waiting.unshift(...fresh);
    return fresh;
  }

  take(): ProxyTarget | undefined {
    return this.waiting.shift();
  }

  /** None of those that wait is tried. */
  stop(): void {
    this.waiting = [];
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** How many wait. */
  get size(): number {
    return this.waiting.length;
  }

  private fresh(targets: readonly ProxyTarget[]): ProxyTarget[] {
    return targets.filter(({ uri }) => {
      if (this.seen.length >= this.max || this.seen.some((known) => sameUri(known, uri))) return false;
      this.seen.push(uri);
      return true;
    });
  }
}
