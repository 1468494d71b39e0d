/** What others may see and hear of calls: copies, never the call itself. */
import type { Logger } from '../log';
import type { Call, CallDialog } from './call';
import type { CallParty } from './call-parties';
import type { CallRecord } from './call-record';
import type { Hop } from './diversion';
import type { Side } from './leg';

/** A call as others may see it; a copy. */
export interface CallView {
  id: string;
  from: string;
  to: string;
  /** The service that is the other end. */
  service: string | undefined;
  /** See `CallRecord`. */
  originatedBy: string | undefined;
  parkedBy: string | undefined;
  pickedUpBy: string | undefined;
  /** Whose settings sent it on before it came to `to`, and which. */
  forwarded: readonly Hop[];
  /** See `CallRecord`. */
  through: string | undefined;
  rung: readonly string[];
  /** See `CallRecord`. */
  trunk: string | undefined;
  state: Call['state'];
  /** Unix milliseconds. */
  startedAt: number;
  /** Milliseconds since the answer. */
  talking: number | undefined;
  held: boolean;
  /** Whom the other one does not hear. */
  muted: readonly Side[];
  dialogs: readonly CallDialog[];
}

export interface CallEvents {
  /** Who is in it, how far it has come or who holds may be different; no parties: it is over. */
  changed: { id: string; parties: readonly CallParty[] };
  started: CallView;
  ringing: CallView;
  answered: CallView;
  /** A key was pressed, by one of two phones or for a service. */
  key: { id: string; from: string; party: string; side: Side; digit: string };
  ended: CallRecord;
}

/** `now` on Clock.now(). */
export function viewOf(call: Call, now: number): CallView {
  const { id, from, to, state, startedWall, answeredAt, caller, callee, service } = call;
  const legs = service ? [caller] : [caller, callee];
  return {
    id,
    from: from.number,
    to: to.number,
    service: service?.name,
    originatedBy: call.originatedBy,
    parkedBy: call.parkedBy,
    pickedUpBy: call.pickedUpBy,
    forwarded: [...call.path],
    trunk: call.line?.trunk ?? from.trunk,
    through: call.through,
    rung: [...call.rung],
    state,
    startedAt: startedWall.getTime(),
    talking: answeredAt === undefined ? undefined : now - answeredAt,
    held: state === 'up' && legs.some((leg) => leg?.agreed !== 'sendrecv'),
    muted: [...call.muted],
    dialogs: [...call.dialogs],
  };
}

type Listeners = { [E in keyof CallEvents]: Array<(event: CallEvents[E]) => void> };

/** A listener that throws harms nobody else. */
export class CallListeners {
  private readonly listeners: Listeners = { changed: [], started: [], ringing: [], answered: [], key: [], ended: [] };

  constructor(private readonly log: Logger) {}

  on<E extends keyof CallEvents>(event: E, fn: (event: CallEvents[E]) => void): void {
    this.listeners[event].push(fn);
  }

  tell<E extends keyof CallEvents>(event: E, value: CallEvents[E]): void {
    for (const listener of this.listeners[event]) {
      try {
        listener(value);
      } catch (err) {
        this.log.error({ event, error: String(err) }, 'a listener to calls failed');
      }
    }
  }
}
