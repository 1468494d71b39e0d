/**
 * Requests outside dialogs (PROTOCOL 5.1): what nobody has to be asked about is answered here, the others find the application that owes the
 * response.
 *
 *     checks of the method ──▶ merged? too short an interval? too much going on? ─┬─▶ a request handler decides
 *                                                                                 └─▶ an application registered for it, or 503
 */
import type { ServerTransaction } from '../transaction/types';
import type { Flow } from '../transport/types';
import { SipParseError } from '../wire/errors';
import type { SipRequest } from '../wire/message';
import { parseNameAddr } from '../wire/name-addr';
import { parseUri } from '../wire/uri';
import { recordAttempt } from './call-record';
import type { CoreContext } from './context';
import { undecided } from './decision';
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
  private readonly making = new Map<string, Incoming>();

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
    if (method === 'INVITE') responses.trying(transaction, request);
    if (makesDialog && this.isMerged(request)) {
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
    const decision = over ? undefined : this.context.apps.decide?.(request, received(flow, bytes));
    const app = decision ? undecided : this.context.apps.pick(method);
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
    if (makesDialog) this.making.set(dialogIdOf(request.callId, request.fromTag ?? ''), incoming);
    this.parts.server.keep(incoming);
    if (decision) this.parts.decisions.wait(incoming, decision);
    else this.parts.server.deliver(incoming, '');
  }

  private isOverLimit(makesDialog: boolean): boolean {
    const { incoming, dialogs, options } = this.context;
    return incoming.size + this.parts.proxying.size >= options.maxPendingRequests || (makesDialog && dialogs.size >= options.maxDialogs);
  }

  /** RFC 3261 §8.2.2.2: the same request by two ways. A call we know under the same name is the same case later on. */
  private isMerged(request: SipRequest): boolean {
    const id = dialogIdOf(request.callId, request.fromTag ?? '');
    return this.making.has(id) || this.context.dialogs.get(id) !== undefined;
  }

  forget(incoming: Incoming): void {
    const id = dialogIdOf(incoming.request.callId, incoming.request.fromTag ?? '');
    if (this.making.get(id) === incoming) this.making.delete(id);
  }
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
