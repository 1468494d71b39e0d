/**
 * The INVITE client transaction: RFC 3261 §17.1.1 as corrected by RFC 6026 §7.2 (state Accepted, timer M).
 *
 *     calling ── 1xx ──► proceeding ── 300-699, ACK ──► completed ── D ──► terminated
 *        │ └──────────── 300-699, ACK ─────────────────────┘                   │
 *        └── B             └──── 2xx ──► accepted ────────────── M ────────────┘
 *
 * `connecting` comes before: the next hop is being resolved or dialled (RFC 3261 §8.1.2), and nothing is on the wire.
 * The ACK to a 2xx is the core's (RFC 3261 §13.2.2.4).
 */
import { serialize } from '../wire/serialize';
import type { TransportError } from '../transport/types';
import { buildAck } from './client-requests';
import { ClientMachine, type ClientTimer, type Incoming } from './client-machine';
import { guarded } from './context';
import { bytesOf, kept, type Kept } from './kept';
import { StateTable } from './state-table';
import type { ClientState } from './types';

export interface InviteClientEvents {
  send: undefined;
  provisional: Incoming;
  success: Incoming;
  failure: Incoming;
  timerA: undefined;
  timerB: undefined;
  timerD: undefined;
  timerM: undefined;
  /** 64*T1 after our CANCEL, or the guard against leaks. */
  givenUp: undefined;
  transportError: TransportError;
}

type Machine = InviteClientMachine;

const transmit = (m: Machine): void => m.transmit();
const startA = (m: Machine): void => {
  if (m.flow?.reliable) return;
  m.interval = m.context.timings.t1;
  m.arm('repeat', m.interval);
};
const startB = (m: Machine): void => m.arm('end', m.context.timings.limit);
const repeatAndDoubleA = (m: Machine): void => {
  m.context.counters.requestsRepeated++;
  m.transmit();
  if (m.interval === m.context.timings.t1) m.doubt();
  m.interval *= 2;
  m.arm('repeat', m.interval);
};
const stopRepeating = (m: Machine): void => m.stopRepeating();
const startGuard = (m: Machine): void => {
  if (!m.cancelSent) m.arm('end', m.context.timings.maxProceeding);
};
const sendHeldCancel = (m: Machine): void => m.sendHeldCancel();
const passUp = (m: Machine, incoming: Incoming): void => m.passUp(incoming);
const passUpAgain = (m: Machine, incoming: Incoming): void => m.passUp(incoming, true);
const passLate = (m: Machine, incoming: Incoming): void => m.passLate(incoming);
const settle = (m: Machine): void => m.settle();
const startM = startB;
const acknowledge = (m: Machine, { response }: Incoming): void => {
  if (m.request) m.ack = kept(serialize(buildAck(m.request, response)));
  m.sendAck();
};
const repeatAck = (m: Machine): void => m.sendAck();
const startD = (m: Machine): void => {
  if (m.flow?.reliable && !m.handlers.onLateSuccess) m.fire('timerD', undefined);
  else m.arm('end', m.context.timings.limit);
};
const tellTimeout = (m: Machine): void => m.tellTimeout();
const tellTransportError = (m: Machine, error: TransportError): void => m.tellTransportError(error);
const countTransportError = (m: Machine): void => {
  m.context.counters.transportErrors++;
};
const terminate = (m: Machine): void => m.terminate('done');
const endUnanswered = (m: Machine): void => m.terminate('timedOut');
const endGivenUp = (m: Machine): void => m.terminate(m.cancelSent ? 'timedOut' : 'abandoned');
const endBroken = (m: Machine): void => m.terminate('broken');

export const inviteClientTable = new StateTable<Machine, ClientState, InviteClientEvents>('INVITE client transaction', [
  { in: ['connecting'], on: 'send', do: [transmit, startA, startB], to: 'calling', rfc: 'RFC 3261 §17.1.1.2 ¶1-4' },

  { in: ['calling'], on: 'timerA', do: [repeatAndDoubleA], rfc: 'RFC 3261 §17.1.1.2 ¶2' },
  { in: ['calling'], on: 'timerB', do: [tellTimeout, endUnanswered], to: 'terminated', rfc: 'RFC 3261 §17.1.1.2 ¶5' },
  { in: ['calling'], on: 'provisional', do: [stopRepeating, startGuard, sendHeldCancel, passUp], to: 'proceeding', rfc: 'RFC 3261 §17.1.1.2 ¶6, §9.1' },
  { in: ['proceeding'], on: 'provisional', do: [startGuard, passUp], rfc: 'RFC 3261 §17.1.1.2 ¶6' },
  { in: ['proceeding'], on: 'givenUp', do: [tellTimeout, endGivenUp], to: 'terminated', rfc: 'RFC 3261 §9.1 ¶9' },

  { in: ['calling', 'proceeding'], on: 'success', do: [settle, startM, passUp], to: 'accepted', rfc: 'RFC 6026 §7.2' },
  { in: ['calling', 'proceeding'], on: 'failure', do: [acknowledge, settle, passUp, startD], to: 'completed', rfc: 'RFC 3261 §17.1.1.2 ¶7' },

  { in: ['completed'], on: 'failure', do: [repeatAck], rfc: 'RFC 3261 §17.1.1.2 ¶7' },
  { in: ['completed'], on: 'provisional', do: [], rfc: 'RFC 3261 §17.1.1.2: overtaken by the final response' },
  { in: ['completed'], on: 'success', do: [passLate], rfc: 'RFC 3261 §13.2.2.4, §16.7 step 5: a 2xx of another branch, which the core has to end, or the proxy to send on' },
  { in: ['completed'], on: 'timerD', do: [terminate], to: 'terminated', rfc: 'RFC 3261 §17.1.1.2 ¶9' },

  { in: ['accepted'], on: 'success', do: [passUpAgain], rfc: 'RFC 6026 §7.2' },
  { in: ['accepted'], on: 'provisional', do: [], rfc: 'RFC 6026 §7.2: only 2xx are passed' },
  { in: ['accepted'], on: 'failure', do: [], rfc: 'RFC 6026 §7.2: only 2xx are passed' },
  { in: ['accepted'], on: 'timerM', do: [terminate], to: 'terminated', rfc: 'RFC 6026 §7.2' },

  { in: ['connecting', 'calling', 'proceeding'], on: 'transportError', do: [tellTransportError, endBroken], to: 'terminated', rfc: 'RFC 3261 §17.1.4' },
  { in: ['completed'], on: 'transportError', do: [countTransportError, endBroken], to: 'terminated', rfc: 'RFC 3261 §17.1.1.2 ¶8; the core has its final response already' },
  { in: ['accepted', 'terminated'], on: 'transportError', do: [], rfc: 'RFC 6026 §7.2: nothing of ours is on its way' },
]);

export class InviteClientMachine extends ClientMachine {
  readonly invite = true;
  /** The ACK to the final non-2xx response, for its retransmissions. */
  ack: Kept | undefined;
  cancelSent = false;
  private heldCancel: Iterable<{ name: string; value: string }> | undefined;

  fire<Name extends keyof InviteClientEvents>(event: Name, input: InviteClientEvents[Name]): void {
    inviteClientTable.fire(this, event, input);
  }

  begin(): void {
    this.fire('send', undefined);
  }

  receive(incoming: Incoming): void {
    const { status } = incoming.response;
    this.fire(status < 200 ? 'provisional' : status < 300 ? 'success' : 'failure', incoming);
  }

  transportError(error: TransportError): void {
    this.fire('transportError', error);
  }

  passLate(incoming: Incoming): void {
    const { handlers } = this;
    if (handlers.onLateSuccess) guarded(this.context, 'onLateSuccess', () => handlers.onLateSuccess?.(incoming.response, incoming.flow, incoming.bytes));
    else this.owner.stray(incoming);
  }

  /** To where the INVITE went (§17.1.1.3), over a new connection if the old one is gone. */
  sendAck(): void {
    const { flow } = this;
    if (this.ack === undefined || !flow) return;
    const ack = bytesOf(this.ack);
    if (flow.open) {
      this.sendBytes(ack);
      return;
    }
    const failed = (error: TransportError): void => this.sendFailed(error);
    const way = this.context.transport.flowTo({ protocol: flow.protocol, host: flow.remote.address, port: flow.remote.port });
    if (way instanceof Promise) way.then((other) => other.send(ack, failed), failed);
    else way.send(ack, failed);
  }

  cancel(extra: Iterable<{ name: string; value: string }>): boolean {
    if (this.state === 'connecting' || this.state === 'calling') {
      this.heldCancel ??= extra;
      return true;
    }
    if (this.state !== 'proceeding') return false;
    if (!this.cancelSent) {
      this.heldCancel = extra;
      this.sendHeldCancel();
    }
    return true;
  }

  sendHeldCancel(): void {
    if (!this.heldCancel || this.cancelSent || !this.request || !this.flow) return;
    this.cancelSent = true;
    this.arm('end', this.context.timings.limit);
    this.owner.sendCancel(this.request, this.flow, this.heldCancel);
    this.heldCancel = undefined;
  }

  onTimer(name: ClientTimer): void {
    const { timersFired } = this.context.counters;
    if (name === 'repeat') {
      timersFired.A++;
      this.fire('timerA', undefined);
    } else if (this.state === 'proceeding') {
      if (!this.cancelSent) this.context.counters.abandoned++;
      this.fire('givenUp', undefined);
    } else {
      const letter = this.state === 'calling' ? 'B' : this.state === 'completed' ? 'D' : 'M';
      timersFired[letter]++;
      this.fire(`timer${letter}`, undefined);
    }
  }
}
