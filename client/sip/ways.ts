/**
 * Where a message goes (RFC 3261 §8.1.2, §12.2.1.1, §18.2.2; RFC 3581 §4).
 *
 *     response                     by its Via: over the channel that the request came over; UDP: to received:rport, else to the sent-by
 *     ACK of a refusal, CANCEL     where its INVITE went (§9.1, §17.1.1.3)
 *     request                      topmost Route; else, in a dialog or without a server, its Request-URI; else the server
 *
 * To somewhere else than the server a channel of its own is opened (TCP, TLS), or the one UDP socket is used. maddr (§18.2.2) is not followed: it
 * would let anybody aim us at anybody.
 */
import type { Clock, Timer } from '../clock';
import type { Channel, HostPort, OpenChannel, Protocol, Target } from './channel';
import { firstUri, hasToTag, hostPortText, sameHost, topVia, uriTarget, type MessageHead, type UriTarget, type Via } from './message-text';
import type { SentBy } from './own-address';

export interface Way {
  channel: Channel;
  /** Over UDP, to somewhere else than the server. */
  to: HostPort | undefined;
  /** Our address towards there. */
  local: HostPort | undefined;
  /** Of a request that belongs to an earlier one: the Via must be the same (§9.1, §17.1.1.3). */
  sentBy?: SentBy | undefined;
}

export interface WaysOptions {
  target: Target | undefined;
  clock: Clock;
  open: OpenChannel;
  received(channel: Channel, text: string, from: HostPort | undefined): void;
  /** A channel to somewhere else than the server has ended by itself. */
  lost(channel: Channel): void;
  warn(text: string): void;
}

/** Channels to others than the server, at most; the one that was used longest ago is closed first. */
const MAX_CHANNELS = 32;
const IDLE_MS = 30 * 60_000;
/** Shorter than 64·T1, after which sip.js gives up by itself. */
const OPEN_TIMEOUT_MS = 10_000;
const MAX_REMEMBERED = 256;

interface Other {
  channel: Promise<Channel>;
  open: Channel | undefined;
  idle: Timer | undefined;
}

export class Ways {
  private readonly others = new Map<string, Other>();
  /** INVITEs by branch, for what follows them. */
  private readonly invites = new Map<string, Way>();
  /** Requests that came over a channel of their own, by Via. */
  private readonly origins = new Map<string, Channel>();
  private readonly closed = new WeakSet<Channel>();

  constructor(private readonly options: WaysOptions) {}

  /** A promise where something has to be looked up or opened. Rejects with a sentence for people. */
  find(head: MessageHead, main: Channel): Way | Promise<Way> {
    const via = topVia(head);
    if (head.status !== undefined) return this.ofResponse(via, main);
    const earlier = (head.method === 'ACK' || head.method === 'CANCEL') && via?.branch !== undefined ? this.invites.get(via.branch) : undefined;
    if (earlier) return this.closed.has(earlier.channel) || (earlier.channel !== main && !this.isOther(earlier.channel)) ? { ...this.toServer(main), to: earlier.to, sentBy: earlier.sentBy } : earlier;
    return this.ofRequest(head, main);
  }

  remember(head: MessageHead, way: Way): void {
    const branch = topVia(head)?.branch;
    if (branch !== undefined) put(this.invites, branch, way, MAX_REMEMBERED);
  }

  cameOver(via: Via, channel: Channel): void {
    if (this.isOther(channel)) put(this.origins, viaKey(via), channel, MAX_REMEMBERED);
  }

  /** Keeps the ways to others open as well (NAT). */
  ping(): void {
    for (const { open } of this.others.values()) open?.ping();
  }

  /** Closes the channels to others and forgets what was remembered of them; new ones may follow. */
  dropAll(): void {
    for (const key of [...this.others.keys()]) this.drop(key);
    this.origins.clear();
  }

  close(): void {
    this.dropAll();
    this.invites.clear();
  }

  private toServer(main: Channel): Way {
    return { channel: main, to: undefined, local: main.local };
  }

  private ofResponse(via: Via | undefined, main: Channel): Way | Promise<Way> {
    const origin = via && this.origins.get(viaKey(via));
    if (origin && !this.closed.has(origin)) return { channel: origin, to: undefined, local: origin.local };
    if (main.reliable || !via) return this.toServer(main);
    const to = { host: via.received ?? via.host, port: typeof via.rport === 'number' ? via.rport : (via.port ?? 5060) };
    return this.overUdp(main, to.host, to.port);
  }

  private ofRequest(head: MessageHead, main: Channel): Way | Promise<Way> {
    const { target } = this.options;
    const viaWebSocket = main.protocol === 'WS' || main.protocol === 'WSS';
    if (target && viaWebSocket) return this.toServer(main);
    const route = firstUri(head, 'route');
    const inDialog = hasToTag(head);
    const uri = route ?? (inDialog || !target ? head.requestUri : undefined);
    if (uri === undefined) return this.toServer(main);
    const leads = uriTarget(uri);
    if (!leads || /\.invalid$/i.test(leads.host)) {
      if (target) return this.toServer(main);
      throw new Error(`"${uri}" does not say where to call; write sip:NAME@HOST.`);
    }
    if (target && this.isServer(leads, target, main)) return this.toServer(main);
    const protocol = protocolOf(leads, target ? main.protocol : 'UDP');
    if (protocol === 'UDP' && main.protocol === 'UDP') return this.overUdp(main, leads.host, leads.port);
    if (protocol === 'WS' || protocol === 'WSS') {
      if (target) return this.toServer(main);
      throw new Error(`"${uri}" is only reached over the server that it is registered with.`);
    }
    const opened = this.stream({ protocol, host: leads.host, port: leads.port }).then((channel): Way => ({ channel, to: undefined, local: channel.local }));
    // With a server at hand, somebody who cannot be reached directly (NAT) may still be reached through it.
    return target ? opened.catch(() => this.toServer(main)) : opened;
  }

  private isServer(leads: UriTarget, target: Target, main: Channel): boolean {
    const host = sameHost(leads.host, target.host) || sameHost(leads.host, main.remote.host);
    const port = leads.port ?? main.remote.port;
    const protocol = protocolOf(leads, main.protocol);
    return host && port === main.remote.port && (protocol === main.protocol || leads.transport === undefined);
  }

  private overUdp(main: Channel, host: string, port: number | undefined): Way | Promise<Way> {
    if (this.options.target && port !== undefined && sameHost(host, main.remote.host) && port === main.remote.port) return this.toServer(main);
    if (main.toward) return main.toward(host, port).then(({ local, remote }): Way => ({ channel: main, to: remote, local }));
    return { channel: main, to: { host, port: port ?? 5060 }, local: main.local };
  }

  private isOther(channel: Channel): boolean {
    for (const { open } of this.others.values()) if (open === channel) return true;
    return false;
  }

  /** A connection to somewhere, the same one for all that goes there. Rejects with a sentence for people. */
  stream(target: Target): Promise<Channel> {
    const key = `${target.protocol} ${target.host.toLowerCase()} ${target.port ?? ''}`;
    const known = this.others.get(key);
    if (known) {
      this.others.delete(key);
      this.others.set(key, known);
      this.used(key, known);
      return known.channel;
    }
    const entry: Other = { channel: this.openOther(key, target), open: undefined, idle: undefined };
    this.others.set(key, entry);
    entry.channel.then(
      (channel) => {
        if (this.others.get(key) === entry) entry.open = channel;
        else channel.close();
      },
      () => {
        if (this.others.get(key) === entry) this.drop(key);
      },
    );
    this.used(key, entry);
    for (const oldest of this.others.keys()) {
      if (this.others.size <= MAX_CHANNELS) break;
      this.drop(oldest);
    }
    return entry.channel;
  }

  private async openOther(key: string, target: Target): Promise<Channel> {
    const abort = new AbortController();
    const late = this.options.clock.after(OPEN_TIMEOUT_MS, () => abort.abort(new Error(`no answer within ${OPEN_TIMEOUT_MS / 1000} seconds`)));
    let channel: Channel | undefined;
    let early: string | undefined;
    try {
      channel = await this.options.open(
        target,
        {
          message: (text, from) => {
            const entry = this.others.get(key);
            if (!channel || entry?.open !== channel) return;
            this.used(key, entry);
            this.options.received(channel, text, from);
          },
          pong: () => undefined,
          closed: (problem) => {
            early = problem;
            if (channel && this.others.get(key)?.open === channel) this.drop(key);
            this.options.warn(`The connection to ${hostPortText({ host: target.host, port: channel?.remote.port ?? target.port ?? 0 })} is gone: ${problem}`);
            if (channel) this.options.lost(channel);
          },
        },
        abort.signal,
      );
      if (early !== undefined) throw new Error(early);
      return channel;
    } finally {
      late.cancel();
    }
  }

  private used(key: string, entry: Other): void {
    entry.idle?.cancel();
    entry.idle = this.options.clock.after(IDLE_MS, () => this.drop(key));
  }

  private drop(key: string): void {
    const entry = this.others.get(key);
    if (!entry) return;
    this.others.delete(key);
    entry.idle?.cancel();
    if (!entry.open) return;
    this.closed.add(entry.open);
    entry.open.close();
  }
}

function protocolOf(uri: UriTarget, otherwise: Protocol): Protocol {
  switch (uri.transport) {
    case 'udp':
      return 'UDP';
    case 'tcp':
      return uri.secure ? 'TLS' : 'TCP';
    case 'tls':
      return 'TLS';
    case 'ws':
      return uri.secure ? 'WSS' : 'WS';
    case 'wss':
      return 'WSS';
    default:
      return uri.secure ? 'TLS' : otherwise;
  }
}

function viaKey(via: Via): string {
  return `${via.branch ?? ''} ${via.host.toLowerCase()}:${via.port ?? ''}`;
}

function put<T>(map: Map<string, T>, key: string, value: T, limit: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= limit) break;
    map.delete(oldest);
  }
}
