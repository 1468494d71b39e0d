/** Conferences as others see them: plain data, copies. And who is told what happens in them. */
import type { Logger } from '../../../log';

export interface MemberView {
  /** Of the call, or of the client of the simple packet format. */
  id: string;
  kind: 'phone' | 'simple';
  /** The extension; null for a client of the simple packet format. */
  number: string | null;
  name: string | null;
  /** `192.0.2.1:4000` of such a client. */
  source: string | null;
  /** Coming: it hears who is there. Waiting: for the moderator. */
  state: 'coming' | 'waiting' | 'in';
  /** Unix milliseconds. */
  since: number;
  moderator: boolean;
  /** Not heard by the others, whoever wanted that. */
  muted: boolean;
  /** Does not hear the others. */
  deaf: boolean;
  talking: boolean;
}

export interface RoomView {
  number: string;
  name: string | null;
  /** Whether it asks for a PIN. */
  pin: boolean;
  maxMembers: number;
  /** Whether clients of the simple packet format may come in. */
  simple: boolean;
  /** Its settings ask for a recording; nothing records rooms yet. */
  record: boolean;
  locked: boolean;
  /** Everybody but the moderators is muted, newcomers too. */
  quiet: boolean;
  /** In the order in which they came. */
  members: MemberView[];
}

export interface ConferenceEvents {
  joined: { room: string; member: MemberView };
  left: { room: string; member: MemberView };
  /** Muted, deafened, begun, locked…: look again. */
  changed: { room: string };
  talking: { room: string; member: string; talking: boolean };
}

type Listeners = { [E in keyof ConferenceEvents]: Array<(event: ConferenceEvents[E]) => void> };

/** A listener that throws harms nobody else. */
export class ConferenceListeners {
  private readonly listeners: Listeners = { joined: [], left: [], changed: [], talking: [] };

  constructor(private readonly log: Logger) {}

  on<E extends keyof ConferenceEvents>(event: E, fn: (event: ConferenceEvents[E]) => void): void {
    this.listeners[event].push(fn);
  }

  tell<E extends keyof ConferenceEvents>(event: E, value: ConferenceEvents[E]): void {
    for (const listener of this.listeners[event]) {
      try {
        listener(value);
      } catch (err) {
        this.log.error({ event, error: String(err) }, 'a listener to conferences failed');
      }
    }
  }
}
