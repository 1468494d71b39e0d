/** Who is told of what happens in the plane. A listener's fault is not the plane's end; whoever runs the process sees it. */
import type { PlaneEvents } from '../plane-types';

type All = { [E in keyof PlaneEvents]: Array<(event: PlaneEvents[E]) => void> };

export class Listeners {
  private readonly all: All = { silent: [], digit: [], talking: [], simple: [], 'worker-lost': [] };

  add<E extends keyof PlaneEvents>(event: E, listener: (event: PlaneEvents[E]) => void): void {
    this.all[event].push(listener);
  }

  tell<E extends keyof PlaneEvents>(event: E, what: PlaneEvents[E]): void {
    for (const listener of this.all[event]) {
      try {
        listener(what);
      } catch (err) {
        process.emitWarning(err instanceof Error ? (err.stack ?? err.message) : String(err), 'MediaListenerWarning');
      }
    }
  }
}
