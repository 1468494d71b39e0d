/** A network in memory between two phones over UDP, for tests that move the clock: what happens to each message is the test's choice. */
import type { Clock } from '../../client/clock';
import type { Channel, ChannelEvents, HostPort, OpenChannel } from '../../client/sip/channel';

export interface Carried {
  /** How many were carried before it, both directions. */
  index: number;
  from: HostPort;
  text: string;
}

/** When copies of a message arrive, ms from now; none: it is lost. */
export type Fate = (message: Carried) => readonly number[];

export class Wire {
  readonly carried: Carried[] = [];
  /** First lines and transaction, to compare and to show: 'INVITE 1', '200 INVITE 1'. */
  readonly log: string[] = [];
  private readonly ends = new Map<string, ChannelEvents>();

  constructor(
    private readonly clock: Clock,
    public fate: Fate = () => [1],
  ) {}

  /** Opens the end that lives at `local`. */
  opener(local: HostPort): OpenChannel {
    return (target, events) => {
      this.ends.set(key(local), events);
      const remote = { host: target.host, port: target.port ?? 5060 };
      const channel: Channel = {
        protocol: 'UDP',
        reliable: false,
        local,
        remote,
        send: (text, to) => this.carry(local, to ?? remote, text),
        ping: () => undefined,
        close: () => void this.ends.delete(key(local)),
      };
      return Promise.resolve(channel);
    };
  }

  private carry(from: HostPort, to: HostPort, text: string): void {
    const message = { index: this.carried.length, from, text };
    this.carried.push(message);
    const times = this.fate(message);
    this.log.push(`${from.host}: ${describe(text)}${times.length === 0 ? ' LOST' : ''}`);
    for (const ms of times) this.clock.after(ms, () => this.ends.get(key(to))?.message(text, from));
  }
}

/** 'INVITE', '180 INVITE' */
export function describe(text: string): string {
  const [first = ''] = text.split('\r\n', 1);
  const method = /^CSeq: *\d+ (\S+)/im.exec(text)?.[1] ?? '?';
  const status = /^SIP\/2\.0 (\d{3})/.exec(first)?.[1];
  return status ? `${status} ${method}` : (first.split(' ')[0] as string);
}

function key({ host, port }: HostPort): string {
  return `${host}:${port}`;
}
