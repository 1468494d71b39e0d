/**
 * Requests outside dialogs (PROTOCOL 5.1): what nobody has to be asked about is answered here, the others find the application that owes the
 * response.
 *
 *     checks of the method ──▶ merged? too short an interval? too much going on? ─┬─▶ a request handler decides
 *                                                                                 └─▶ an application registered for it, or 503
 *
 * The same request by two ways (RFC 3261 §8.2.2.2) is one too many for who answers it, and two calls like any others for a proxy, which
 * an application becomes when it says so. Until then the second one waits:
 *
 *     merged ─┬─ the first is sent on ──────▶ on its way like a new one
 *             └─ the first is answered ─────▶ 482
 */
import { BusyMap } from '../busy-map';
import type { ServerTransaction } from '../transaction/types';
import type { Flow } from '../transport/types';
import { SipParseError } from '../wire/errors';
import type { SipRequest } from '../wire/message';
import { parseNameAddr } from '../wire/name-addr';
import { parseUri } from '../wire/uri';
import { recordAttempt } from './call-record';
import type { CoreContext } from './context';
import type { App } from './app';
import { undecided, type Decision } from './decision';
import { firstContact } from './dialog';
import { received } from './envelope';
import { dialogIdOf, uuid } from './ids';
import { Incoming } from './incoming';
import type { Parts } from './parts';
import { isTooSmall, readOffer } from './session-timer';

/** Requests that make sense outside dialogs: an application is asked, or 503. */
const outsideMethods = new Set(['INVITE', 'REGISTER', 'OPTIONS', 'MESSAGE', 'INFO', 'NOTIFY', 'SUBSCRIBE', 'PUBLISH', 'REFER']);
/** Requests that exist in dialogs only (RFC 3261 §15, RFC 3262, RFC 3311). */
const insideMethods = new Set(['BYE', 'UPDATE', 'PRACK']);

export class NewRequests {
  /** Requests that may make a dialog and have no final response, by the dialog's name. */
  private readonly making = new BusyMap<Incoming>();

  constructor(
    private readonly context: CoreContext,
    private readonly parts: Parts,
  ) {}

  receive(transaction: ServerTransaction, request: SipRequest, flow: Flow, bytes: number): void {
    const { responses } = this.parts;
    const { method } = request;
    if (insideMethods.has(method)) {
      this.context.count('unknownDialogs');
      responses.refuse(transaction, request, 481);
      return;
    }
    const makesDialog = method === 'INVITE' || method === 'SUBSCRIBE';
    const problem = makesDialog ? dialogProblem(request) : method === 'REGISTER' ? bindingProblem(request) : undefined;
    if (problem !== undefined) {
      responses.refuse(transaction, request, 400, problem);
      return;
    }
    if (this.parts.proxying.isForged(request)) {
      this.context.count('forgedTokens');
      responses.refuse(transaction, request, 403, 'Invalid Flow Token');
      return;
    }
    if (method === 'INVITE') responses.trying(transaction, request);
    const first = makesDialog ? this.sameAs(request) : undefined;
    if (first === 'known' || (first && (first.answered || first.request.cseq.seq !== request.cseq.seq))) {
      this.context.count('merged');
      responses.refuse(transaction, request, 482);
      return;
    }
    const offer = method === 'INVITE' ? readOffer(request) : undefined;
    if (offer && isTooSmall(offer, this.context.options.sessionTimer)) {
      responses.refuseInterval(transaction, request);
      return;
    }
    if (method === 'INVITE') recordAttempt(this.context, 'network', request);
    const over = this.isOverLimit(makesDialog);
    const { decision, app } = first ? { decision: undefined, app: undecided } : this.choose(request, flow, bytes, over);
    if (!app) {
      const known = outsideMethods.has(method);
      if (known) this.context.count('noApplication');
      responses.refuseCall(transaction, request, known ? 503 : 501);
      return;
    }
    if (over) {
      this.context.count('overload');
      responses.refuseCall(transaction, request, 503, [['Retry-After', String(this.context.options.retryAfterSeconds)]]);
      return;
    }
    const incoming = new Incoming(uuid(this.context.random), transaction, request, flow, bytes, app, true);
    incoming.sessionOffer = offer;
    this.parts.server.keep(incoming);
    if (first) {
      (first.forks ??= []).push(incoming);
      return;
    }
    if (makesDialog) this.making.set(nameOf(request), incoming);
    this.ask(incoming, decision);
  }

  /** Who is to have it: somebody who is being asked about that, an application, or nobody. */
  private choose(request: SipRequest, flow: Flow, bytes: number, undoubted = false): { decision: Promise<Decision> | undefined; app: App | undefined } {
    const decision = undoubted ? undefined : this.context.apps.decide?.(request, received(flow, bytes));
    return { decision, app: decision ? undecided : this.context.apps.pick(request.method) };
  }

  private ask(incoming: Incoming, decision: Promise<Decision> | undefined): void {
    if (decision) this.parts.decisions.wait(incoming, decision);
    else this.parts.server.deliver(incoming, '');
  }

  /** It has been answered, if only with a provisional response: whoever it is for, it has reached them. */
  answered(incoming: Incoming): void {
    const { forks = [] } = incoming;
    incoming.forks = undefined;
    for (const fork of forks) {
      if (fork.concluded) continue;
      this.context.count('merged');
      this.parts.responses.finish(fork, 482);
    }
  }

  /** The first of those that waited for one that was sent on takes its place, the others wait for that one. */
  private goOn(forks: Incoming[]): void {
    const [next, ...rest] = forks.filter(({ concluded }) => !concluded);
    if (!next) return;
    next.forks = rest;
    this.making.set(nameOf(next.request), next);
    const { decision, app } = this.choose(next.request, next.flow, next.bytes);
    if (!app) {
      this.context.count('noApplication');
      this.parts.responses.finish(next, 503);
      return;
    }
    next.app = app;
    this.ask(next, decision);
  }

  private isOverLimit(makesDialog: boolean): boolean {
    const { incoming, dialogs, options } = this.context;
    return incoming.size + this.parts.proxying.size >= options.maxPendingRequests || (makesDialog && dialogs.size >= options.maxDialogs);
  }

  /** RFC 3261 §8.2.2.2: what has come by another way. A call `known` under the same name is the same case later on. */
  private sameAs(request: SipRequest): Incoming | 'known' | undefined {
    const name = nameOf(request);
    return this.making.get(name) ?? (this.context.dialogs.get(name) ? 'known' : undefined);
  }

  forget(incoming: Incoming): void {
    const name = nameOf(incoming.request);
    if (this.making.get(name) !== incoming) return;
    this.making.delete(name);
    if (!incoming.sentOn) this.answered(incoming);
    else if (incoming.forks) this.goOn(incoming.forks);
  }
}

/** Of the dialog it would make. */
function nameOf(request: SipRequest): string {
  return dialogIdOf(request.callId, request.fromTag ?? '');
}

/** Why this request cannot make a dialog (RFC 3261 §8.1.1.3, §8.1.1.8, §12.1.1). */
function dialogProblem(request: SipRequest): string | undefined {
  if (request.fromTag === undefined) return 'Missing From tag';
  try {
    const contact = firstContact(request);
    if (contact === undefined) return 'Missing Contact';
    const { scheme } = parseUri(contact);
    if (scheme !== 'sip' && scheme !== 'sips') return 'Contact is not a SIP URI';
    for (const route of request.headers.getList('record-route')) parseUri(parseNameAddr(route).uri);
  } catch (error) {
    if (error instanceof SipParseError) return 'Unusable Contact or Record-Route';
    throw error;
  }
  return undefined;
}

/** Why this request cannot change anybody's bindings (RFC 3261 §10.2.2, §10.3). */
function bindingProblem(request: SipRequest): string | undefined {
  const contacts = request.headers.getList('contact');
  if (contacts.some((contact) => contact.trim() === '*')) {
    const removesAll = contacts.length === 1 && /^\s*0+\s*$/.test(request.headers.get('expires') ?? '');
    return removesAll ? undefined : 'Contact: * goes alone, with Expires: 0';
  }
  try {
    for (const contact of contacts) parseUri(parseNameAddr(contact).uri);
  } catch (error) {
    if (error instanceof SipParseError) return 'Unusable Contact';
    throw error;
  }
  return undefined;
}
