/**
 * The INVITE server transaction: RFC 3261 §17.2.1 as corrected by RFC 6026 §7.1 (state Accepted, timer L).
 *
 *     INVITE ─► proceeding ── 300-699 ──► completed ── ACK ──► confirmed ── I ──► terminated
 *                    │                        └──────────────── H ───────────────────┘
 *                    └─────── 2xx ──────► accepted ─────────────── L ────────────────┘
 *
 * The 100 and the repetition of a 2xx until its ACK are the core's job (RFC 6026 §6: the transaction user's).
 */
import type { SipRequest, SipResponse } from '../wire/message';
import type { Flow, TransportError } from '../transport/types';
import type { Context } from './context';
import { ServerMachine, type ServerTimer } from './server-machine';
import { StateTable } from './state-table';
import type { ServerState } from './types';

interface Arrival {
  request: SipRequest;
  flow: Flow;
}

export interface InviteServerEvents {
  retransmission: undefined;
  ack: Arrival;
  provisional: Buffer;
  success: Buffer;
  failure: Buffer;
  timerG: undefined;
  timerH: undefined;
  timerI: undefined;
  timerL: undefined;
  abandoned: undefined;
  transportError: TransportError;
}

type Machine = InviteServerMachine;

const sendResponse = (m: Machine, data: Buffer): void => {
  m.last = data;
  m.send(data);
};
const repeatResponse = (m: Machine): void => {
  m.context.counters.absorbed++;
  if (m.last === undefined) return;
  m.context.counters.responsesRepeated++;
  m.send(m.last);
};
const absorb = (m: Machine): void => {
  m.context.counters.absorbed++;
};
const rearmGuard = (m: Machine): void => m.arm('end', m.context.timings.maxProceeding);
const startG = (m: Machine): void => {
  if (m.flow.reliable) return;
  m.interval = m.context.timings.t1;
  m.arm('repeat', m.interval);
};
const repeatAndDoubleG = (m: Machine): void => {
  m.context.counters.responsesRepeated++;
  if (m.last) m.send(m.last);
  m.interval = Math.min(m.interval * 2, m.context.timings.t2);
  m.arm('repeat', m.interval);
};
const startH = (m: Machine): void => m.arm('end', m.context.timings.limit);
const startL = startH;
const startI = (m: Machine): void => {
  m.repeatTimer?.cancel();
  m.last = undefined;
  if (m.flow.reliable) m.fire('timerI', undefined);
  else m.arm('end', m.context.timings.t4);
};
const dropRequest = (m: Machine): void => {
  m.handle = undefined;
};
const passAckUp = (m: Machine, { request, flow }: Arrival): void => m.passAckUp(request, flow);
const giveUpAck = (m: Machine): void => {
  m.context.counters.unacknowledged++;
  m.terminate('unacknowledged');
};
const abandon = (m: Machine): void => {
  m.context.counters.abandoned++;
  m.terminate('abandoned');
};
const tellTransportError = (m: Machine, error: TransportError): void => m.reportTransportError(error);
const terminate = (m: Machine): void => m.terminate('done');

export const inviteServerTable = new StateTable<Machine, ServerState, InviteServerEvents>('INVITE server transaction', [
  { in: ['proceeding'], on: 'retransmission', do: [repeatResponse], rfc: 'RFC 3261 §17.2.1 ¶3' },
  { in: ['proceeding'], on: 'provisional', do: [sendResponse, rearmGuard], rfc: 'RFC 3261 §17.2.1 ¶3' },
  { in: ['proceeding'], on: 'success', do: [dropRequest, sendResponse, startL], to: 'accepted', rfc: 'RFC 6026 §7.1' },
  { in: ['proceeding'], on: 'failure', do: [dropRequest, sendResponse, startG, startH], to: 'completed', rfc: 'RFC 3261 §17.2.1 ¶5' },
  { in: ['proceeding'], on: 'ack', do: [], rfc: 'RFC 3261 §17.2.1: nothing to acknowledge yet' },
  { in: ['proceeding'], on: 'abandoned', do: [abandon], to: 'terminated', rfc: 'not in the RFCs: a leak guard' },

  { in: ['completed'], on: 'retransmission', do: [repeatResponse], rfc: 'RFC 3261 §17.2.1 ¶6' },
  { in: ['completed'], on: 'timerG', do: [repeatAndDoubleG], rfc: 'RFC 3261 §17.2.1 ¶6' },
  { in: ['completed'], on: 'ack', do: [startI], to: 'confirmed', rfc: 'RFC 3261 §17.2.1 ¶7' },
  { in: ['completed'], on: 'timerH', do: [giveUpAck], to: 'terminated', rfc: 'RFC 3261 §17.2.1 ¶8, RFC 6026 §7.1' },

  { in: ['confirmed'], on: 'ack', do: [absorb], rfc: 'RFC 3261 §17.2.1 ¶9' },
  { in: ['confirmed'], on: 'retransmission', do: [absorb], rfc: 'RFC 3261 §17.2.1 ¶9: overtaken by its ACK' },
  { in: ['confirmed'], on: 'timerI', do: [terminate], to: 'terminated', rfc: 'RFC 3261 §17.2.1 ¶10' },

  { in: ['accepted'], on: 'retransmission', do: [absorb], rfc: 'RFC 6026 §7.1' },
  { in: ['accepted'], on: 'success', do: [sendResponse], rfc: 'RFC 6026 §7.1' },
  { in: ['accepted'], on: 'ack', do: [passAckUp], rfc: 'RFC 6026 §7.1' },
  { in: ['accepted'], on: 'timerL', do: [terminate], to: 'terminated', rfc: 'RFC 6026 §7.1' },

  { in: ['proceeding', 'completed', 'accepted'], on: 'transportError', do: [tellTransportError], rfc: 'RFC 6026 §7.1, figure 5: state kept' },
  { in: ['confirmed', 'terminated'], on: 'transportError', do: [], rfc: 'a send that failed after its time' },
]);

export class InviteServerMachine extends ServerMachine {
  readonly invite = true;

  constructor(
    context: Context,
    key: string,
    flow: Flow,
    request: SipRequest,
    forget: (key: string) => void,
    readonly passAckUp: (ack: SipRequest, flow: Flow) => void,
  ) {
    super(context, key, flow, request, 'proceeding', forget);
    this.arm('end', context.timings.maxProceeding);
  }

  fire<Name extends keyof InviteServerEvents>(event: Name, input: InviteServerEvents[Name]): void {
    inviteServerTable.fire(this, event, input);
  }

  respond(response: SipResponse): boolean {
    const { status } = response;
    const success = status >= 200 && status < 300;
    if (this.state !== 'proceeding' && !(this.state === 'accepted' && success)) this.refuseAfterFinal();
    this.fire(status < 200 ? 'provisional' : success ? 'success' : 'failure', this.prepare(response));
    return true;
  }

  retransmission(): void {
    this.fire('retransmission', undefined);
  }

  ack(request: SipRequest, flow: Flow): void {
    this.fire('ack', { request, flow });
  }

  transportError(error: TransportError): void {
    this.fire('transportError', error);
  }

  arm(which: 'repeat' | 'end', ms: number): void {
    const timer = this.context.timers.start<ServerTimer>(ms, this, which);
    if (which === 'repeat') {
      this.repeatTimer?.cancel();
      this.repeatTimer = timer;
    } else {
      this.endTimer?.cancel();
      this.endTimer = timer;
    }
  }

  onTimer(name: ServerTimer): void {
    const { timersFired } = this.context.counters;
    if (name === 'repeat') {
      timersFired.G++;
      this.fire('timerG', undefined);
      return;
    }
    const letter = endLetter[this.state];
    if (letter !== undefined) timersFired[letter]++;
    this.fire(letter === undefined ? 'abandoned' : `timer${letter}`, undefined);
  }
}

/** One timer ends each state; what it is called depends on where it finds the machine. In the others it is the guard against leaks. */
const endLetter: Partial<Record<ServerState, 'H' | 'I' | 'L'>> = { completed: 'H', confirmed: 'I', accepted: 'L' };
