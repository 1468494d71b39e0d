/** A network in memory for phones: every host is a phone (or a function that answers), every message arrives a moment later, whole. */
import { makeAuthentication } from '../../../../client/sip/digest';
import type { Sip } from '../../../../client/sip/sip-js';
import type { MakeWay } from '../../../../client/sip/way';

export interface Passing {
  from: string;
  to: string;
  text: string;
}

/** What a host does with a message: `reply` sends text back to where it came from. */
export type Host = (text: string, from: string) => void;

export class Wire {
  /** Everything that was sent, in order. */
  readonly log: Passing[] = [];
  private readonly hosts = new Map<string, Host>();
  private readonly transports = new Map<string, { lose(lasting: boolean): void; restore(): void }>();
  /** Returns what arrives instead: undefined nothing, a text a changed one. */
  filter: (passing: Passing) => string | undefined = ({ text }) => text;

  host(name: string, host: Host): void {
    this.hosts.set(name, host);
  }

  send(from: string, to: string, text: string): void {
    this.log.push({ from, to, text });
    const arrives = this.filter({ from, to, text });
    if (arrives !== undefined) setImmediate(() => this.hosts.get(to)?.(arrives, from));
  }

  /** Requests (or answers) whose first line begins like this. */
  seen(start: string, from?: string): string[] {
    return this.log.filter((one) => one.text.startsWith(start) && (from === undefined || one.from === from)).map((one) => one.text);
  }

  /** `lasting`: it will not come back by itself. */
  lose(name: string, lasting = false): void {
    this.transports.get(name)?.lose(lasting);
  }

  restore(name: string): void {
    this.transports.get(name)?.restore();
  }

  /** The way of one phone. `server`: everything goes there. */
  way(name: string, server?: string): MakeWay {
    const wire = this;
    return (sip: Sip, { connected, disconnected }) => {
      const states = sip.TransportState;
      class WireTransport {
        readonly protocol = 'TCP';
        onConnect: (() => void) | undefined;
        onDisconnect: ((err?: Error) => void) | undefined;
        onMessage: ((text: string) => void) | undefined;
        private emitter = new sip.EmitterImpl();
        state = states.Disconnected;

        constructor() {
          wire.transports.set(name, this);
          wire.host(name, (text) => this.isConnected() && this.onMessage?.(text));
        }

        get stateChange() {
          return this.emitter;
        }

        async connect(): Promise<void> {
          this.restore();
        }

        restore(): void {
          this.state = states.Connected;
          this.onConnect?.();
          connected({ protocol: 'TCP', local: name, remote: server ?? 'anybody' });
        }

        lose(lasting: boolean): void {
          this.state = states.Disconnected;
          this.onDisconnect?.(new Error('lost'));
          disconnected({ problem: 'lost', retryMs: 500, lasting });
        }

        async disconnect(): Promise<void> {
          this.state = states.Disconnected;
        }

        dispose(): Promise<void> {
          return this.disconnect();
        }

        isConnected(): boolean {
          return this.state === states.Connected;
        }

        async send(text: string): Promise<void> {
          if (!this.isConnected()) throw new Error('not connected');
          const request = /^[A-Z]+ sips?:(?:[^@ ]*@)?([^ ;:]+)/.exec(text)?.[1];
          const via = /^Via: SIP\/2\.0\/\w+ ([^ ;:]+)/m.exec(text)?.[1];
          const route = /^Route: <sip:([^;>:]+)/m.exec(text)?.[1];
          wire.send(name, request ? (server ?? route ?? request) : via!, text);
        }
      }
      return { transportConstructor: WireTransport as never, transportOptions: {}, viaHost: name, authentication: (credentials) => makeAuthentication(credentials) as never, replace: () => undefined };
    };
  }
}

export const field = (text: string, name: string): string | undefined => new RegExp(`^${name}\\s*:\\s*(.*?)\\r?$`, 'im').exec(text)?.[1];

/** An answer to a request as SIP has it: Via, From, To (with a tag), Call-ID and CSeq are its own. */
export function answerTo(request: string, status: string, headers: string[] = [], body = ''): string {
  const vias = request.split('\r\n').filter((line) => /^Via:/i.test(line));
  const to = field(request, 'To')!;
  const lines = [
    `SIP/2.0 ${status}`, ...vias, `From: ${field(request, 'From')}`, `To: ${/;tag=/.test(to) || status.startsWith('100') ? to : `${to};tag=peer`}`, `Call-ID: ${field(request, 'Call-ID')}`, `CSeq: ${field(request, 'CSeq')}`,
    ...headers, ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${Buffer.byteLength(body)}`, '', body,
  ];
  return lines.join('\r\n');
}
