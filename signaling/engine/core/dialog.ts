/**
 * A dialog (RFC 3261 §12): who the two ends are, how to reach the other one, and what is going on between them. Data and the rules
 * that need nothing else; what is sent when is decided by the modules that hold one.
 *
 * The same object serves early and confirmed dialogs. To the application it has one name from the first INVITE on:
 * `<Call-ID>;from-tag=<From tag of the request that made it>`.
 */
import { Headers, splitList } from '../wire/headers';
import { SipRequest, type SipMessage } from '../wire/message';
import { formatNameAddr, parseNameAddr, type NameAddrView } from '../wire/name-addr';
import { ownCopy } from '../wire/own-copy';
import { SipParseError } from '../wire/errors';
import { parseUri } from '../wire/uri';
import type { Flow } from '../transport/types';
import type { Answer } from './answer';
import type { App } from './app';
import type { Incoming } from './incoming';
import type { Outgoing } from './outgoing';
import type { SessionTimer } from './session-timer';
import type { Acknowledgement } from './acknowledgement';
import { Waiting } from './waiting';

export type DialogState = 'early' | 'confirmed' | 'ended';

export interface DialogSeed {
  id: string;
  role: 'uas' | 'uac';
  /** The request that makes it. */
  method: string;
  callId: string;
  localTag: string;
  remoteTag?: string | undefined;
  /** From and To as we send them, with or without tags. */
  local: NameAddrView;
  remote: NameAddrView;
  localSeq: number;
  remoteSeq?: number | undefined;
  app: App;
  /** Of a subscription: its Event. */
  event?: string | undefined;
}

const noRoutes: readonly string[] = [];

export class Dialog {
  readonly id: string;
  readonly role: 'uas' | 'uac';
  readonly method: string;
  readonly callId: string;
  readonly localTag: string;
  /** Whose it is; another one after that application was gone and came back. */
  app: App;
  readonly event: string | undefined;
  state: DialogState = 'early';
  localSeq: number;
  remoteSeq: number | undefined;
  remoteTarget: string | undefined;
  routeSet: readonly string[] = noRoutes;
  /** How the peer's last target was told to us. */
  flow: Flow | undefined;
  /** The next request goes back over `flow` instead of to the remote target (NAT, stream connections). */
  pinned = false;
  /** Last session description we sent: a refreshing re-INVITE repeats it (RFC 4028 §7.4). A string: a small Buffer would hold on to its pool. */
  localSdp: string | undefined;
  /** The peer's Allow named UPDATE (RFC 3311). */
  takesUpdate = false;

  /** The peer's INVITE we have not answered, our INVITE the peer has not answered. */
  incomingInvite: Incoming | undefined;
  outgoingInvite: Outgoing | undefined;
  /** Our 2xx that waits for its ACK. */
  answer: Answer | undefined;
  /** The 2xx we received last: whose ACK it waits for, or the ACK that was sent. */
  acknowledgement: Acknowledgement | undefined;
  sessionTimer: SessionTimer | undefined;
  readonly waiting = new Waiting();
  /** The peer's UPDATE we have not answered. */
  incomingUpdate: Incoming | undefined;
  /** Set while a connection is being dialled, so that requests leave in the order of their CSeq. */
  dialling: Promise<void> | undefined;
  /** Other branches of a forked INVITE that answered too, by remote tag. */
  forks: Map<string, Dialog> | undefined;
  /** The application is told of a crossing CANCEL's BYE once it has sent its ACK. */
  endAfterAck: string | undefined;
  /** Its end has been told (call-record.ts). */
  endRecorded = false;
  /** Cancels the end that is set: of a subscription that nobody renews, of a call whose BYE was challenged. */
  stopExpiry: (() => void) | undefined;

  /** From and To as header values, without tags. */
  private readonly local: string;
  private readonly remote: string;
  private theirTag: string | undefined;
  private ourContact = '';

  /** Dialogs stay for hours: what they keep of messages are copies. */
  constructor(seed: DialogSeed) {
    this.id = ownCopy(seed.id);
    this.role = seed.role;
    this.method = ownCopy(seed.method);
    this.callId = ownCopy(seed.callId);
    this.localTag = ownCopy(seed.localTag);
    this.remoteTag = seed.remoteTag;
    this.local = untagged(seed.local);
    this.remote = untagged(seed.remote);
    this.localSeq = seed.localSeq;
    this.remoteSeq = seed.remoteSeq;
    this.app = seed.app;
    this.event = seed.event === undefined ? undefined : ownCopy(seed.event);
  }

  get remoteTag(): string | undefined {
    return this.theirTag;
  }

  set remoteTag(tag: string | undefined) {
    this.theirTag = tag === undefined ? undefined : ownCopy(tag);
  }

  /** Contact value sent when the dialog was made; target refreshes repeat it. */
  get localContact(): string {
    return this.ourContact;
  }

  set localContact(contact: string) {
    this.ourContact = ownCopy(contact);
  }

  /** The same dialog with another far end: one more answer to a forked INVITE. */
  branch(remoteTag: string, localSeq: number): Dialog {
    const { id, role, method, callId, localTag, app } = this;
    return new Dialog({ id, role, method, callId, localTag, remoteTag, local: parseNameAddr(this.local), remote: parseNameAddr(this.remote), localSeq, app });
  }

  /**
   * Takes remote target and allowed methods from a message of the peer (RFC 3261 §12.1, §12.2), and the route set too when it makes the
   * dialog. False: what it names cannot be used; nothing was changed.
   */
  learn(message: SipMessage, flow: Flow, withRoutes: boolean): boolean {
    try {
      const routes = withRoutes ? routeSetOf(message, this.role) : this.routeSet;
      const contact = firstContact(message);
      const pinned = contact !== undefined && mustReturnOver(flow, contact, this.role) && routes.length === 0;
      if (routes.length > 0) isLoose(routes[0]!);
      this.routeSet = routes;
      if (contact !== undefined) {
        this.remoteTarget = ownCopy(contact);
        this.flow = flow;
        this.pinned = pinned;
      }
    } catch (error) {
      if (error instanceof SipParseError) return false;
      throw error;
    }
    const allow = message.headers.getList('allow');
    if (allow.length > 0) this.takesUpdate = allow.some((method) => method.toUpperCase() === 'UPDATE');
    return true;
  }

  /** The URI whose host the next request is sent to: first route or remote target (RFC 3261 §12.2.1.1). */
  get nextHopUri(): string | undefined {
    return this.routeSet[0] ?? this.remoteTarget;
  }

  /**
   * A request in this dialog, complete but for Via and body. `seq` is for ACK and PRACK-like cases that do not count up.
   * @throws when there is no remote target yet
   */
  makeRequest(method: string, seq: number): SipRequest {
    if (this.remoteTarget === undefined) throw new Error('the dialog has no remote target');
    const headers = new Headers();
    let uri = this.remoteTarget;
    let routes = this.routeSet;
    if (routes.length > 0 && !isLoose(routes[0]!)) {
      // A strict router (RFC 2543): it gets the Request-URI, the target moves to the end.
      uri = routes[0]!;
      routes = [...routes.slice(1), this.remoteTarget];
    }
    for (const route of routes) headers.append('Route', `<${route}>`);
    headers.append('Max-Forwards', '70');
    headers.append('From', tagged(this.local, this.localTag));
    headers.append('To', tagged(this.remote, this.remoteTag));
    headers.append('Call-ID', this.callId);
    headers.append('CSeq', `${seq} ${method}`);
    return new SipRequest(method, uri, headers);
  }
}

/** The route set an INVITE or its answer brings (RFC 3261 §12.1.1, §12.1.2): URIs, the next hop first. */
export function routeSetOf(message: SipMessage, role: 'uas' | 'uac'): readonly string[] {
  const values = message.headers.getList('record-route');
  if (values.length === 0) return noRoutes;
  const routes = values.map((value) => ownCopy(parseNameAddr(value).uri));
  return role === 'uas' ? routes : routes.reverse();
}

export function firstContact(message: SipMessage): string | undefined {
  const value = message.headers.get('contact');
  if (value === undefined || value === '*') return undefined;
  const first = splitList(value)[0];
  return first === undefined ? undefined : parseNameAddr(first).uri;
}

/**
 * Whether requests go back the way the peer's message came rather than to its Contact.
 * A stream connection is reused while it is open. UDP (PROTOCOL 15.1): when the Contact does not name the address the message came from,
 * the peer sits behind a NAT; as caller, a differing port shows that too.
 */
function mustReturnOver(flow: Flow, contact: string, role: 'uas' | 'uac'): boolean {
  const uri = parseUri(contact);
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips') throw new SipParseError('uri', 'A Contact has to be a SIP URI.');
  // `ob` asks for it (RFC 5626 §4.3).
  if (flow.reliable || uri.params.has('ob')) return true;
  if (uri.host.toLowerCase() !== flow.remote.address.toLowerCase()) return true;
  return role === 'uas' && uri.port !== undefined && uri.port !== flow.remote.port;
}

function isLoose(route: string): boolean {
  return parseUri(route).params.has('lr');
}

function untagged(address: NameAddrView): string {
  const params = new Map(address.params);
  params.delete('tag');
  return ownCopy(formatNameAddr({ ...address, params }));
}

function tagged(address: string, tag: string | undefined): string {
  return tag === undefined ? address : `${address};tag=${tag}`;
}
