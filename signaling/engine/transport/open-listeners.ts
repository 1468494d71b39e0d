/** Opens listening points together: all, or none; and the same number for those that share an address and leave the port open. */
import { TransportError, type ListenSpec } from './types';
import type { Listener } from './listener';

/** How often another number is tried when the one the system gave the first entry is taken for a later one. */
const ATTEMPTS = 10;

export async function openListeners(specs: readonly ListenSpec[], listen: (spec: ListenSpec) => Promise<Listener>): Promise<Listener[]> {
  for (let attempt = 1; ; attempt++) {
    const opened: Listener[] = [];
    /** Port by address, for the entries that asked for any. */
    const shared = new Map<string, number>();
    try {
      for (const spec of specs) opened.push(await openOne(spec, shared, listen));
      return opened;
    } catch (error) {
      await Promise.all(opened.map((listener) => listener.close()));
      const chosenByUs = error instanceof TransportError && error.address !== undefined && shared.get(error.address) === error.port;
      if (!chosenByUs || (error as TransportError).code !== 'EADDRINUSE' || attempt === ATTEMPTS) throw error;
    }
  }
}

async function openOne(spec: ListenSpec, shared: Map<string, number>, listen: (spec: ListenSpec) => Promise<Listener>): Promise<Listener> {
  if (spec.port !== 0) return listen(spec);
  const listener = await listen({ ...spec, port: shared.get(spec.address) ?? 0 });
  shared.set(spec.address, listener.port);
  return listener;
}
