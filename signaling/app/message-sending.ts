/** A MESSAGE (RFC 3428) to every phone of somebody, and what they say. */
import type { Clock } from '../clock';
import type { Binding } from './binding';
import type { SipAnswer } from './dialogs';
import { relayedStatus } from './reasons';
import { wayBack } from './way-back';

export interface MessageSrf {
  request(uri: string, options: { method: string; proxy: string; headers: Record<string, string>; body: string }, sent: (err: unknown, request?: { on(event: 'response', fn: (answer: SipAnswer) => void): unknown }) => void): unknown;
}

export interface SendingDeps {
  srf: MessageSrf;
  reach: { isLocal(address: string): boolean };
  clock: Clock;
}

/** 64*T1 and a little: the transaction has ended by then. */
const PATIENCE_MS = 34_000;

/** What the sender is told: the first success; else a refusal by somebody who was there; 480: nobody was. Resolves with a 2xx at once. Never rejects. */
export function sendToAll(deps: SendingDeps, bindings: readonly Binding[], headers: Record<string, string>, body: string): Promise<number> {
  return new Promise((resolve) => {
    const statuses: number[] = [];
    const done = (): void => {
      timer.cancel();
      resolve(verdict(statuses));
    };
    const timer = deps.clock.after(PATIENCE_MS, () => resolve(verdict(statuses)));
    for (const binding of bindings) {
      send(deps, binding, headers, body, (status) => {
        statuses.push(status);
        if (status < 300 || statuses.length === bindings.length) done();
      });
    }
  });
}

function verdict(statuses: readonly number[]): number {
  const good = statuses.find((status) => status < 300);
  if (good !== undefined) return relayedStatus(good);
  const told = statuses.find((status) => status !== 408 && status !== 410 && status !== 430);
  return told === undefined ? 480 : relayedStatus(told);
}

function send({ srf, reach }: SendingDeps, binding: Binding, headers: Record<string, string>, body: string, heard: (status: number) => void): void {
  let done = false;
  const once = (status: number): void => {
    if (!done) heard(status);
    done = true;
  };
  try {
    srf.request(binding.uri, { method: 'MESSAGE', proxy: wayBack(binding, reach), headers, body }, (err, request) => {
      if (err || !request) return once(408);
      request.on('response', ({ status }) => {
        if (status >= 200) once(status);
      });
    });
  } catch {
    // srf throws when its connection is gone
    once(408);
  }
}
