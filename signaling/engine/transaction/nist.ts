/**
 * The non-INVITE server transaction: RFC 3261 §17.2.2 as corrected by RFC 4320 §4.
 *
 *     request ─► trying ── 100, late ──► proceeding ── 200-699 ──► completed ── J ──► terminated
 *                   └───────────────── 200-699 ────────────────────────┘
 *
 * RFC 4320: no provisional but 100, and that on UDP only when the client's timer E has reached T2 (before, it only doubles the
 * traffic); the layer sends it then by itself. No 408: the client has given up by the same clock.
 */
import type { SipRequest, SipResponse } from '../wire/message';
import { makeResponse } from '../transport/reply';
import type { Flow, TransportError } from '../transport/types';
import type { Context } from './context';
import { bytesOf, kept, type Kept } from './kept';
import { ServerMachine, type ServerTimer } from './server-machine';
import { StateTable } from './state-table';
import type { ServerState } from './types';

export interface NonInviteServerEvents {
  retransmission: undefined;
  provisional: Buffer;
  final: Buffer;
  /** A 408, or nothing at all from the core for twice the client's patience. */
  givenUp: 'heldBack' | 'abandoned';
  timerJ: undefined;
  transportError: TransportError;
}

type Machine = NonInviteServerMachine;

const sendResponse = (m: Machine, data: Buffer): void => {
  m.last = data;
  m.send(data);
};
const repeatResponse = (m: Machine): void => {
  m.context.counters.absorbed++;
  const last = m.final === undefined ? m.last : bytesOf(m.final);
  if (last === undefined) return;
  m.context.counters.responsesRepeated++;
  m.send(last);
};
const absorb = (m: Machine): void => {
  m.context.counters.absorbed++;
};
const dropRequest = (m: Machine): void => {
  m.repeatTimer?.cancel();
  m.repeatTimer = m.handle = undefined;
};
const startJ = (m: Machine): void => {
  if (m.flow.reliable) {
    m.fire('timerJ', undefined);
    return;
  }
  if (m.last) m.final = kept(m.last);
  m.last = undefined;
  m.armEnd(m.context.timings.limit);
};
const tellTransportError = (m: Machine, error: TransportError): void => m.reportTransportError(error);
const terminate = (m: Machine): void => m.terminate('done');
const endUnanswered = (m: Machine, cause: 'heldBack' | 'abandoned'): void => m.terminate(cause);

export const nonInviteServerTable = new StateTable<Machine, ServerState, NonInviteServerEvents>('non-INVITE server transaction', [
  { in: ['trying'], on: 'retransmission', do: [absorb], rfc: 'RFC 3261 §17.2.2 ¶2' },
  { in: ['trying', 'proceeding'], on: 'provisional', do: [sendResponse], to: 'proceeding', rfc: 'RFC 3261 §17.2.2 ¶3, RFC 4320 §4.1' },
  { in: ['trying', 'proceeding'], on: 'final', do: [dropRequest, sendResponse, startJ], to: 'completed', rfc: 'RFC 3261 §17.2.2 ¶4' },
  { in: ['trying', 'proceeding'], on: 'givenUp', do: [endUnanswered], to: 'terminated', rfc: 'RFC 4320 §4.2' },
  { in: ['proceeding', 'completed'], on: 'retransmission', do: [repeatResponse], rfc: 'RFC 3261 §17.2.2 ¶3, ¶5' },
  { in: ['completed'], on: 'timerJ', do: [terminate], to: 'terminated', rfc: 'RFC 3261 §17.2.2 ¶6' },
  { in: ['proceeding', 'completed'], on: 'transportError', do: [tellTransportError], rfc: 'RFC 3261 §17.2.4; state kept, a retransmission may get through' },
  { in: ['terminated'], on: 'transportError', do: [tellTransportError], rfc: 'a send that failed after timer J of zero' },
]);

export class NonInviteServerMachine extends ServerMachine {
  readonly invite = false;
  /** The final response, for as long as it may have to be sent again. */
  final: Kept | undefined;
  private readonly receivedAt: number;

  constructor(context: Context, key: string, flow: Flow, request: SipRequest, forget: (key: string) => void) {
    super(context, key, flow, request, 'trying', forget);
    const { timers, timings } = context;
    this.receivedAt = timers.now();
    this.repeatTimer = timers.start<ServerTimer>(timings.lateProvisional, this, 'late-provisional');
    this.armEnd(2 * timings.limit);
  }

  fire<Name extends keyof NonInviteServerEvents>(event: Name, input: NonInviteServerEvents[Name]): void {
    nonInviteServerTable.fire(this, event, input);
  }

  respond(response: SipResponse): boolean {
    if (this.state !== 'trying' && this.state !== 'proceeding') this.refuseAfterFinal();
    const { status } = response;
    const { counters } = this.context;
    if (status < 200) {
      if (status !== 100 || !this.mayProvision()) {
        counters.provisionalsHeldBack++;
        return false;
      }
      this.fire('provisional', this.prepare(response));
      return true;
    }
    if (status === 408) {
      counters.timeoutsHeldBack++;
      this.fire('givenUp', 'heldBack');
      return false;
    }
    this.fire('final', this.prepare(response));
    return true;
  }

  /** RFC 4320 §4.1. */
  private mayProvision(): boolean {
    const { timers, timings } = this.context;
    return this.flow.reliable || timers.now() - this.receivedAt >= timings.lateProvisional;
  }

  retransmission(): void {
    this.fire('retransmission', undefined);
  }

  transportError(error: TransportError): void {
    this.fire('transportError', error);
  }

  armEnd(ms: number): void {
    this.endTimer?.cancel();
    this.endTimer = this.context.timers.start<ServerTimer>(ms, this, 'end');
  }

  onTimer(name: ServerTimer): void {
    if (name === 'late-provisional') {
      this.repeatTimer = undefined;
      // Sent by the core already (reliable transports): once is enough.
      if (this.state === 'trying' && this.handle) this.fire('provisional', this.prepare(makeResponse(this.handle.request, 100)));
    } else if (this.state === 'completed') {
      this.context.counters.timersFired.J++;
      this.fire('timerJ', undefined);
    } else {
      this.context.counters.abandoned++;
      this.fire('givenUp', 'abandoned');
    }
  }
}
