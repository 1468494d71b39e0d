/** sip.js's `Emitter`, which its package declares and this layer (which takes only types from it) has to bring along. A listener that throws does not keep the others from hearing. */
import type { Emitter as SipEmitter } from './sip-js';

export class Emitter<T> implements SipEmitter<T> {
  private readonly listeners: Array<{ listener: (data: T) => void; once: boolean }> = [];

  addListener(listener: (data: T) => void, options?: { once?: boolean }): void {
    this.listeners.push({ listener, once: options?.once === true });
  }

  removeListener(listener: (data: T) => void): void {
    for (let i = this.listeners.length - 1; i >= 0; i--) if (this.listeners[i]?.listener === listener) this.listeners.splice(i, 1);
  }

  on(listener: (data: T) => void): void {
    this.addListener(listener);
  }

  off(listener: (data: T) => void): void {
    this.removeListener(listener);
  }

  once(listener: (data: T) => void): void {
    this.addListener(listener, { once: true });
  }

  /** Throws the first error of a listener after all were told. */
  emit(data: T): void {
    const errors: unknown[] = [];
    for (const entry of [...this.listeners]) {
      if (entry.once) this.listeners.splice(this.listeners.indexOf(entry), 1);
      try {
        entry.listener(data);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
