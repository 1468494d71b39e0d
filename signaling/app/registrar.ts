/**
 * The registrar (RFC 3261 §10.3). The request has passed admission: the extension is who it says.
 *
 * The Request-URI and the domain in To are not looked at: phones register with whatever name or address they reach us by,
 * and the identity is the user part, which admission compared with the credentials.
 *
 * The 200 goes when the store has what it says: a server that is killed and started again knows every phone that was told it is registered.
 * It lists all bindings, those of this request first: drachtio's server remembers the connection of a phone on
 * TCP for as long as the first Contact of the answer says. No pub-gruu is given, which phones would put into their
 * Contact and expect to be routed (RFC 5627).
 */
import type { Clock } from '../clock';
import type { Logger } from '../log';
import type { Extension } from '../store/store';
import { splitList } from './addresses';
import type { Binding } from './binding';
import type { IncomingRequest, Refusal, Responder } from './exchange';
import { flowOf, sameFlow, type Flow } from './flow';
import type { Locations } from './locations';
import { isRefusal, planRegistration, readRegistration, type AskedRegistration, type GrantedContact, type RegistrarRules } from './registration';
import { detached, forLog } from './text';

export interface RegistrarDeps {
  locations: Pick<Locations, 'lookup' | 'apply'>;
  clock: Clock;
  log: Logger;
}

export interface RegistrarStats {
  accepted: number;
  queries: number;
  /** By status. */
  refused: Record<string, number>;
}

/** Extensions a REGISTER may require (RFC 3261 §8.2.2.3). */
const supported = ['path'];
const maxUserAgent = 128;
const maxUserAgents = 256;
/** Seconds; a full disk is not emptied sooner. */
const retryAfter = '30';

export class Registrar {
  private readonly counts: RegistrarStats = { accepted: 0, queries: 0, refused: {} };
  /** One string for all phones of a make. */
  private readonly userAgents = new Map<string, string>();
  private date = { second: NaN, text: '' };
  private about: Readonly<Record<string, string>> = {};

  constructor(
    private readonly rules: RegistrarRules,
    private readonly deps: RegistrarDeps,
  ) {}

  /** What else every 200 says: what can be done here (RFC 6665 §8.2.2, RFC 3261 §20.5), so that a phone need not try. */
  says(headers: Readonly<Record<string, string>>): void {
    this.about = headers;
  }

  /** Answers a REGISTER of `extension`. */
  register(req: IncomingRequest, res: Responder, extension: Extension): void {
    const refusal = unsupportedRequirement(req.get('require'));
    const asked = refusal ?? readRegistration(req);
    if (isRefusal(asked)) return this.refuse(res, asked, extension);
    const before = this.deps.locations.lookup(extension.number);
    const plan = planRegistration(asked, before, this.rules);
    if (isRefusal(plan)) return this.refuse(res, plan, extension);

    // whole milliseconds: with fractions, what is added and taken away again is not always what it was, and 120 s became 121 in the answer
    const now = Math.floor(this.deps.clock.now());
    const flow = flowOf(req);
    const userAgent = this.userAgent(req.get('user-agent'));
    const put = plan.put.map((contact) => bind(extension.number, contact, asked, before, flow, userAgent, now));
    if (put.length === 0 && plan.remove.length === 0) {
      if (asked.contacts.length === 0) this.counts.queries++;
      else this.counts.accepted++;
      return this.accept(res, before, asked);
    }
    this.deps.locations.apply(extension.number, { put, remove: plan.remove }, (stored) => {
      if (!stored) return this.refuse(res, { status: 503, reason: 'Registrations cannot be stored', headers: { 'Retry-After': retryAfter } }, extension);
      this.counts.accepted++;
      const others = this.deps.locations.lookup(extension.number).filter((b) => !put.some((p) => p.uri === b.uri));
      this.accept(res, [...put, ...others], asked);
    });
  }

  stats(): RegistrarStats {
    return { ...this.counts, refused: { ...this.counts.refused } };
  }

  private accept(res: Responder, bindings: readonly Binding[], asked: AskedRegistration): void {
    const now = this.deps.clock.now();
    const headers: Record<string, string> = { Date: this.now(), ...this.about };
    if (bindings.length > 0) headers['Contact'] = bindings.map((b) => formatContact(b, now)).join(', ');
    if (asked.path !== null) headers['Path'] = asked.path;
    res.send(200, 'OK', { headers });
  }

  private refuse(res: Responder, refusal: Refusal, extension: Extension): void {
    this.counts.refused[refusal.status] = (this.counts.refused[refusal.status] ?? 0) + 1;
    this.deps.log.info({ extension: extension.number, status: refusal.status, reason: refusal.reason }, 'registration refused');
    res.send(refusal.status, refusal.reason, { headers: { ...refusal.headers } });
  }

  private userAgent(header: string | undefined): string | null {
    if (!header) return null;
    const text = forLog(header.trim(), maxUserAgent);
    let known = this.userAgents.get(text);
    if (known === undefined) {
      known = detached(text);
      if (this.userAgents.size >= maxUserAgents) this.userAgents.delete(this.userAgents.keys().next().value as string);
      this.userAgents.set(known, known);
    }
    return known;
  }

  /** RFC 3261 §20.17, made once a second. */
  private now(): string {
    const wall = this.deps.clock.wall();
    const second = Math.floor(wall.getTime() / 1000);
    if (second !== this.date.second) this.date = { second, text: wall.toUTCString() };
    return this.date.text;
  }
}

/** The binding of a granted contact. Strings that are as before are taken from there: those of a message keep all of it in memory. */
function bind(
  extension: string,
  contact: GrantedContact,
  asked: AskedRegistration,
  before: readonly Binding[],
  source: Flow,
  userAgent: string | null,
  now: number,
): Binding {
  const old = before.find((b) => b.uri === contact.uri);
  const same = (text: string | null, last: string | null | undefined): string | null => (text === null ? null : text === last ? last : detached(text));
  return {
    extension,
    uri: old?.uri ?? detached(contact.uri),
    source: old && sameFlow(old.source, source) ? old.source : source,
    instance: same(contact.instance, old?.instance),
    regId: contact.regId,
    callId: same(asked.callId, old?.callId) as string,
    cseq: asked.cseq,
    q: contact.q,
    userAgent,
    path: same(asked.path, old?.path),
    expiresAt: now + contact.expires * 1000,
    updatedAt: now,
  };
}

/** §10.3 step 8: one binding in the answer. Everything in it was checked to be printable when it was registered. */
function formatContact(b: Binding, now: number): string {
  let text = `<${b.uri}>;expires=${Math.ceil((b.expiresAt - now) / 1000)}`;
  if (b.q !== 1) text += `;q=${b.q}`;
  if (b.instance !== null) text += `;+sip.instance="${b.instance}"`;
  if (b.regId !== null) text += `;reg-id=${b.regId}`;
  return text;
}

function unsupportedRequirement(header: string | undefined): Refusal | undefined {
  if (header === undefined) return undefined;
  const foreign = splitList(header).filter((tag) => !supported.includes(tag.toLowerCase()));
  if (foreign.length === 0) return undefined;
  // tokens only: what the phone wrote goes back to it
  const named = foreign.filter((tag) => /^[\w\-.!%*+`'~]{1,64}$/.test(tag)).slice(0, 16);
  return { status: 420, reason: 'Bad Extension', headers: named.length > 0 ? { Unsupported: named.join(', ') } : {} };
}
