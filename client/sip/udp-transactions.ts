/**
 * What sip.js leaves out over UDP, where messages get lost and come twice (RFC 3261 §17): it repeats no request (timers A and E), no refusal of a
 * call (timer G), forgets answers as soon as they are sent (timers D, I, J, K are 0 there), so that a repeated BYE would get a 481 and a repeated
 * refusal no ACK. What it does itself, it goes on doing: the 2xx of an INVITE until its ACK, and the ACK of a repeated 2xx (§13.2.2.4, §13.3.1.4).
 *
 * It stands between the transport and the channel and sees every message in its final form:
 *
 *     out  request   ─► sent, then again until it is answered          A, E; for at most B = F = 64·T1
 *          ACK       ─► kept with its INVITE, for repeated refusals    D
 *          response  ─► kept, for repeated requests                    J, and until then; a refused INVITE again until ACK: G, H
 *     in   response  ─► stops repeating; passed on unless a repetition
 *          request   ─► passed on unless a repetition, which gets the last response again
 */
import type { HostPort } from './channel';
import type { Clock, Timer } from '../clock';
import { cseq, headerValue, topVia, type MessageHead } from './message-text';

/** §17.1.1.2, §17.1.2.2, Table 4. */
export const T1_MS = 500;
export const T2_MS = 4_000;
const T4_MS = 5_000;
const GIVE_UP_MS = 64 * T1_MS;

const MAGIC_COOKIE = 'z9hG4bK';
/** Nobody's branch is longer; whatever is, is passed on without being remembered. */
const MAX_KEY = 512;

export interface UdpTransactionOptions {
  clock: Clock;
  /** `to` undefined: to the server. */
  send(text: string, to: HostPort | undefined): void;
  /** How many of each kind are remembered; the oldest go first. Default 1000. */
  limit?: number;
}

interface Repeated {
  text: string;
  to: HostPort | undefined;
}

interface ClientTransaction {
  request: Repeated;
  invite: boolean;
  state: 'calling' | 'proceeding' | 'completed';
  /** Of a refused INVITE. */
  ack: Repeated | undefined;
  repeat: Timer | undefined;
  end: Timer | undefined;
}

interface ServerTransaction {
  invite: boolean;
  response: Repeated | undefined;
  /** Of the last response; 0: none. */
  status: number;
  acknowledged: boolean;
  repeat: Timer | undefined;
  end: Timer | undefined;
}

export class UdpTransactions {
  /** How many messages were sent again, and how many repetitions were kept from sip.js. */
  readonly counts = { repeated: 0, absorbed: 0 };
  private readonly clients = new Map<string, ClientTransaction>();
  private readonly servers = new Map<string, ServerTransaction>();
  private readonly limit: number;

  constructor(private readonly options: UdpTransactionOptions) {
    this.limit = options.limit ?? 1000;
  }

  /** Transactions remembered just now. */
  get size(): number {
    return this.clients.size + this.servers.size;
  }

  /** Sends a message, and again where the protocol wants it. */
  outgoing(head: MessageHead, text: string, to: HostPort | undefined): void {
    this.options.send(text, to);
    if (head.status !== undefined) this.responseOut(head, { text, to });
    else this.requestOut(head, { text, to });
  }

  /** False: a repetition, already dealt with. */
  incoming(head: MessageHead): boolean {
    const news = head.status !== undefined ? this.responseIn(head, head.status) : this.requestIn(head);
    if (!news) this.counts.absorbed++;
    return news;
  }

  /** Forgets everything and repeats nothing more. */
  clear(): void {
    for (const transaction of [...this.clients.values(), ...this.servers.values()]) stop(transaction);
    this.clients.clear();
    this.servers.clear();
  }

  // §17.1

  private requestOut(head: MessageHead, request: Repeated): void {
    const method = head.method as string;
    const branch = topVia(head)?.branch;
    if (branch === undefined || branch.length > MAX_KEY) return;
    if (method === 'ACK') {
      const refused = this.clients.get(clientKey(branch, 'INVITE'));
      // An ACK of a 2xx has a branch of its own, and sip.js repeats it.
      if (refused?.state === 'completed') refused.ack = request;
      return;
    }
    const key = clientKey(branch, method);
    const known = this.clients.get(key);
    if (known) return;
    const transaction: ClientTransaction = { request, invite: method === 'INVITE', state: 'calling', ack: undefined, repeat: undefined, end: undefined };
    remember(this.clients, key, transaction, this.limit);
    this.repeatRequest(transaction, T1_MS);
    // Timers B and F, with which sip.js tells its user: nothing is repeated after them. An INVITE that rings lasts as long as it likes.
    transaction.end = this.options.clock.after(GIVE_UP_MS, () => {
      if (transaction.invite && transaction.state === 'proceeding') transaction.end = undefined;
      else this.forget(this.clients, key, transaction);
    });
  }

  /** Timer A doubles without end; E doubles up to T2, and is T2 once there was a provisional response (§17.1.2.2). */
  private repeatRequest(transaction: ClientTransaction, ms: number): void {
    transaction.repeat = this.options.clock.after(ms, () => {
      this.again(transaction.request);
      const next = transaction.invite ? ms * 2 : transaction.state === 'proceeding' ? T2_MS : Math.min(ms * 2, T2_MS);
      this.repeatRequest(transaction, next);
    });
  }

  private responseIn(head: MessageHead, status: number): boolean {
    const branch = topVia(head)?.branch;
    const method = cseq(head)?.method;
    if (branch === undefined || method === undefined) return true;
    const key = clientKey(branch, method);
    const transaction = this.clients.get(key);
    if (!transaction) return true;
    if (transaction.state === 'completed') {
      if (status < 200) return false;
      // Every 2xx of an INVITE is sip.js's: one may come from another branch of a fork, and each wants its ACK (RFC 6026 §7.2).
      if (transaction.invite && status < 300) return true;
      if (transaction.ack) this.again(transaction.ack);
      return false;
    }
    if (status < 200) {
      transaction.state = 'proceeding';
      if (transaction.invite) {
        transaction.repeat?.cancel();
        transaction.repeat = undefined;
      }
      return true;
    }
    transaction.state = 'completed';
    stop(transaction);
    // Timer D, M (RFC 6026 §7.2) and K.
    transaction.end = this.options.clock.after(transaction.invite ? GIVE_UP_MS : T4_MS, () => this.forget(this.clients, key, transaction));
    return true;
  }

  // §17.2

  private requestIn(head: MessageHead): boolean {
    const key = serverKey(head, head.method as string);
    if (key === undefined) return true;
    const known = this.servers.get(key);
    if (head.method === 'ACK') {
      if (!known || known.status < 300) return true;
      const first = !known.acknowledged;
      known.acknowledged = true;
      known.repeat?.cancel();
      known.repeat = undefined;
      return first;
    }
    if (known) {
      // A 2xx of an INVITE is repeated by sip.js as long as it has to be (RFC 6026 §7.1).
      const ours = known.response !== undefined && !(known.invite && known.status >= 200 && known.status < 300) && !known.acknowledged;
      if (ours) this.again(known.response as Repeated);
      return false;
    }
    remember(this.servers, key, { invite: head.method === 'INVITE', response: undefined, status: 0, acknowledged: false, repeat: undefined, end: undefined }, this.limit);
    return true;
  }

  private responseOut(head: MessageHead, response: Repeated): void {
    const method = cseq(head)?.method;
    const key = method === undefined ? undefined : serverKey(head, method);
    const transaction = key === undefined ? undefined : this.servers.get(key);
    if (!transaction || transaction.status >= 200) return;
    const status = head.status as number;
    transaction.response = response;
    transaction.status = status;
    if (status < 200) return;
    if (transaction.invite && status >= 300) this.repeatRefusal(transaction, T1_MS);
    // Timers H, J and L: all of them 64·T1.
    transaction.end = this.options.clock.after(GIVE_UP_MS, () => this.forget(this.servers, key as string, transaction));
  }

  /** Timer G (§17.2.1). */
  private repeatRefusal(transaction: ServerTransaction, ms: number): void {
    transaction.repeat = this.options.clock.after(ms, () => {
      this.again(transaction.response as Repeated);
      this.repeatRefusal(transaction, Math.min(ms * 2, T2_MS));
    });
  }

  private again(message: Repeated): void {
    this.counts.repeated++;
    this.options.send(message.text, message.to);
  }

  private forget<T extends ClientTransaction | ServerTransaction>(map: Map<string, T>, key: string, transaction: T): void {
    stop(transaction);
    if (map.get(key) === transaction) map.delete(key);
  }
}

/** §17.1.3 */
function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}

/** §17.2.3; undefined: it cannot be told which transaction it belongs to. */
function serverKey(head: MessageHead, method: string): string | undefined {
  const via = topVia(head);
  if (!via) return undefined;
  const of = method === 'ACK' ? 'INVITE' : method;
  const sentBy = `${via.host.toLowerCase()}:${via.port ?? ''}`;
  const key = via.branch?.startsWith(MAGIC_COOKIE)
    ? `${via.branch} ${sentBy} ${of}`
    : // RFC 2543: no branch of that kind. The To is left out, since an answer adds a tag to it.
      ['2543', sentBy, headerValue(head, 'call-id'), cseq(head)?.number, headerValue(head, 'from'), of].join(' ');
  return key.length > MAX_KEY ? undefined : key;
}

function remember<T extends ClientTransaction | ServerTransaction>(map: Map<string, T>, key: string, transaction: T, limit: number): void {
  map.set(key, transaction);
  for (const [oldest, { repeat, end }] of map) {
    if (map.size <= limit) break;
    repeat?.cancel();
    end?.cancel();
    map.delete(oldest);
  }
}

function stop(transaction: ClientTransaction | ServerTransaction): void {
  transaction.repeat?.cancel();
  transaction.end?.cancel();
  transaction.repeat = undefined;
  transaction.end = undefined;
}
