/**
 * A way that is made anew is made from the same local port. Far ends of calls that are up know us by our Contact (RFC 3261 §12.2.1.1), and when a
 * server has been away both ends of a call are without a way to tell the other a new one: each could reach the other only where it was before.
 */
import type { Target } from '../../sip/channel';

const MAX_REMEMBERED = 64;
/** The port is somebody else's by now, or its last connection to there is not quite over: another one has to do. */
const TAKEN = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES']);

export class LocalPorts {
  private readonly ports = new Map<string, number>();

  /** `open` is given the port that was used last towards this target, then, if that is taken, none. `fixed`: asked for, and no other will do. */
  async again<T>(target: Target, open: (localPort: number | undefined, opened: (port: number | undefined) => void) => Promise<T>, fixed: number | undefined): Promise<T> {
    const key = `${target.protocol} ${target.host.toLowerCase()} ${target.port ?? ''}`;
    const opened = (port: number | undefined): void => this.remember(key, port);
    // fixed is a port for UDP; to connections it means nothing
    if (target.protocol === 'UDP' && fixed !== undefined) return open(fixed, () => undefined);
    const before = this.ports.get(key);
    if (before === undefined) return open(undefined, opened);
    try {
      return await open(before, opened);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Nothing listens: the port is as good as before. For anything else (no answer) the port itself may be to blame: a firewall that remembers it.
      if (code !== 'ECONNREFUSED') this.ports.delete(key);
      if (!TAKEN.has(code ?? '')) throw error;
      return open(undefined, opened);
    }
  }

  private remember(key: string, port: number | undefined): void {
    if (!port) return;
    this.ports.delete(key);
    this.ports.set(key, port);
    for (const oldest of this.ports.keys()) {
      if (this.ports.size <= MAX_REMEMBERED) break;
      this.ports.delete(oldest);
    }
  }
}
