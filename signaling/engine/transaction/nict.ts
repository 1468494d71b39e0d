/**
 * The non-INVITE client transaction: RFC 3261 §17.1.2.
 *
 *     trying ── 1xx ──► proceeding ── 200-699 ──► completed ── K ──► terminated
 *        │ └───────────── 200-699 ───────────────────┘                  │
 *        └──────────── F (also in proceeding) ──────────────────────────┘
 *
 * `connecting` comes before, as in ict.ts.
 */
import type { TransportError } from '../transport/types';
import { ClientMachine, type ClientTimer, type Incoming } from './client-machine';
import { StateTable } from './state-table';
import type { ClientState } from './types';

export interface NonInviteClientEvents {
  send: undefined;
  provisional: Incoming;
  final: Incoming;
  timerE: undefined;
  timerF: undefined;
  timerK: undefined;
  transportError: TransportError;
}

type Machine = NonInviteClientMachine;

const transmit = (m: Machine): void => m.transmit();
const startE = (m: Machine): void => {
  if (m.flow?.reliable) return;
  m.interval = m.context.timings.t1;
  m.arm('repeat', m.interval);
};
const startF = (m: Machine): void => m.arm('end', m.context.timings.limit);
const repeatRequest = (m: Machine): void => {
  m.context.counters.requestsRepeated++;
  m.transmit();
  if (m.state === 'trying' && m.interval === m.context.timings.t1) m.doubt();
};
const doubleE = (m: Machine): void => {
  m.interval = Math.min(m.interval * 2, m.context.timings.t2);
  m.arm('repeat', m.interval);
};
const resetEToT2 = (m: Machine): void => m.arm('repeat', m.context.timings.t2);
const passUp = (m: Machine, incoming: Incoming): void => m.passUp(incoming);
const settle = (m: Machine): void => m.settle();
const startK = (m: Machine): void => {
  if (m.flow?.reliable) m.fire('timerK', undefined);
  else m.arm('end', m.context.timings.t4);
};
const tellTimeout = (m: Machine): void => m.tellTimeout();
const tellTransportError = (m: Machine, error: TransportError): void => m.tellTransportError(error);
const terminate = (m: Machine): void => m.terminate('done');
const endUnanswered = (m: Machine): void => m.terminate('timedOut');
const endBroken = (m: Machine): void => m.terminate('broken');

export const nonInviteClientTable = new StateTable<Machine, ClientState, NonInviteClientEvents>('non-INVITE client transaction', [
  { in: ['connecting'], on: 'send', do: [transmit, startE, startF], to: 'trying', rfc: 'RFC 3261 §17.1.2.2 ¶1-3' },

  { in: ['trying'], on: 'timerE', do: [repeatRequest, doubleE], rfc: 'RFC 3261 §17.1.2.2 ¶3' },
  { in: ['proceeding'], on: 'timerE', do: [repeatRequest, resetEToT2], rfc: 'RFC 3261 §17.1.2.2 ¶6' },
  { in: ['trying', 'proceeding'], on: 'timerF', do: [tellTimeout, endUnanswered], to: 'terminated', rfc: 'RFC 3261 §17.1.2.2 ¶4, ¶6' },
  { in: ['trying', 'proceeding'], on: 'provisional', do: [passUp], to: 'proceeding', rfc: 'RFC 3261 §17.1.2.2 ¶5, ¶7' },
  { in: ['trying', 'proceeding'], on: 'final', do: [settle, passUp, startK], to: 'completed', rfc: 'RFC 3261 §17.1.2.2 ¶5, ¶7' },

  { in: ['completed'], on: 'final', do: [], rfc: 'RFC 3261 §17.1.2.2 ¶8: timer K buffers retransmissions' },
  { in: ['completed'], on: 'provisional', do: [], rfc: 'RFC 3261 §17.1.2.2 ¶8' },
  { in: ['completed'], on: 'timerK', do: [terminate], to: 'terminated', rfc: 'RFC 3261 §17.1.2.2 ¶8' },

  { in: ['connecting', 'trying', 'proceeding'], on: 'transportError', do: [tellTransportError, endBroken], to: 'terminated', rfc: 'RFC 3261 §17.1.4' },
  { in: ['completed', 'terminated'], on: 'transportError', do: [], rfc: 'a send that failed after its answer came' },
]);

export class NonInviteClientMachine extends ClientMachine {
  readonly invite = false;

  fire<Name extends keyof NonInviteClientEvents>(event: Name, input: NonInviteClientEvents[Name]): void {
    nonInviteClientTable.fire(this, event, input);
  }

  begin(): void {
    this.fire('send', undefined);
  }

  receive(incoming: Incoming): void {
    this.fire(incoming.response.status < 200 ? 'provisional' : 'final', incoming);
  }

  transportError(error: TransportError): void {
    this.fire('transportError', error);
  }

  /** RFC 3261 §9.1: only an INVITE is cancelled. */
  cancel(): boolean {
    return false;
  }

  onTimer(name: ClientTimer): void {
    const letter = name === 'repeat' ? 'E' : this.state === 'completed' ? 'K' : 'F';
    this.context.counters.timersFired[letter]++;
    this.fire(`timer${letter}`, undefined);
  }
}
