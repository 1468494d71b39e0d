/** Who hears what a phone tells. */
import type { PhoneEvent, PhoneEventName, PhoneEventOf } from './events';

type Listener = (event: PhoneEvent) => void;

export class Listeners {
  private readonly byName = new Map<string, Set<Listener>>();

  /** `onFault`: what a listener threw; the others hear the event all the same. */
  constructor(private readonly onFault: (err: unknown) => void = () => undefined) {}

  /** '*': everything. Returns what ends it. */
  on<N extends PhoneEventName>(name: N, listener: (event: PhoneEventOf<N>) => void): () => void;
  on(name: '*', listener: (event: PhoneEvent) => void): () => void;
  on(name: string, listener: (event: never) => void): () => void;
  on(name: string, listener: (event: never) => void): () => void {
    const heard = listener as Listener;
    const listeners = this.byName.get(name) ?? new Set();
    this.byName.set(name, listeners.add(heard));
    return () => void listeners.delete(heard);
  }

  emit(event: PhoneEvent): void {
    for (const name of [event.event, '*']) {
      for (const listener of [...(this.byName.get(name) ?? [])]) {
        try {
          listener(event);
        } catch (err) {
          this.onFault(err);
        }
      }
    }
  }
}
