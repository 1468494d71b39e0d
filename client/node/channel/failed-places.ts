/**
 * Of several servers, the one whose way was lost comes last the next time (RFC 3263 §4.3). Over UDP that is the only fail-over there is: a socket
 * "connects" to anything, and only what is sent later tells (ICMP) that nobody is there.
 */
import type { HostPort } from '../../sip/channel';

const MAX_REMEMBERED = 64;

export class FailedPlaces {
  private readonly failed = new Set<string>();

  /** The same places, those that failed last. When all of them have, all are as good as new. */
  inOrder(places: readonly HostPort[]): HostPort[] {
    if (places.every((place) => this.failed.has(key(place)))) for (const place of places) this.failed.delete(key(place));
    return [...places].sort((a, b) => Number(this.failed.has(key(a))) - Number(this.failed.has(key(b))));
  }

  add(place: HostPort): void {
    this.failed.add(key(place));
    for (const oldest of this.failed) {
      if (this.failed.size <= MAX_REMEMBERED) break;
      this.failed.delete(oldest);
    }
  }
}

const key = ({ host, port }: HostPort): string => `${host} ${port}`;
