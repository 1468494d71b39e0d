/**
 * What a REGISTER asks for and what becomes of it, as pure functions (RFC 3261 §10.2 and §10.3, RFC 3327 for Path,
 * RFC 5626 for instances).
 *
 *   headers → readRegistration() → what is asked → planRegistration(asked, bindings now, rules) → bindings to put and remove
 *                     ↘ Refusal                                  ↘ Refusal
 *
 * A request is done in whole or not at all (§10.3 step 7): a refusal leaves every binding as it was.
 */
import { parseNameAddr, parseSipUri, sameUri, splitList } from './addresses';
import type { Binding } from './binding';
import type { IncomingRequest, Refusal } from './exchange';
import { isPrintable } from './text';

export interface RegistrarRules {
  /** Seconds. */
  minExpires: number;
  maxExpires: number;
  defaultExpires: number;
  /** Bindings an extension may have at once. */
  maxContacts: number;
}

export interface AskedContact {
  uri: string;
  /** Seconds asked for in the contact's own parameter, or in the Expires header, or undefined. */
  expires: number | undefined;
  q: number;
  instance: string | null;
  regId: number | null;
}

export interface AskedRegistration {
  /** 'all' is `Contact: *`, the removal of every binding; an empty list asks what is registered. */
  contacts: AskedContact[] | 'all';
  callId: string;
  cseq: number;
  path: string | null;
}

/** A contact that is granted: a binding without what only the registrar knows. */
export type GrantedContact = Pick<Binding, 'uri' | 'q' | 'instance' | 'regId'> & { expires: number };

export interface RegistrationPlan {
  put: GrantedContact[];
  remove: Binding[];
}

const maxUri = 512;
const maxInstance = 128;
const maxCallId = 256;
const maxPath = 1024;
/** Contacts in one request; more cannot be granted whatever the settings are. */
const maxListed = 64;

export function isRefusal(value: object): value is Refusal {
  return 'status' in value;
}

function refuse(status: number, reason: string, headers?: Record<string, string>): Refusal {
  return headers ? { status, reason, headers } : { status, reason };
}

export function readRegistration(req: IncomingRequest): AskedRegistration | Refusal {
  const callId = req.get('call-id');
  if (!callId || callId.length > maxCallId || !isPrintable(callId)) return refuse(400, 'Call-ID is missing or unusable');
  const cseq = Number(/^\s*(\d{1,10})\s+REGISTER\s*$/.exec(req.get('cseq') ?? '')?.[1] ?? NaN);
  // §8.1.1.5: below 2^31
  if (!(cseq < 2 ** 31)) return refuse(400, 'CSeq is missing or unusable');
  const path = req.get('path')?.trim() || null;
  if (path !== null && (path.length > maxPath || !isPrintable(path))) return refuse(400, 'Path is too long or unusable');
  const contacts = readContacts(req.get('contact') ?? '', req.get('expires'));
  return 'status' in contacts ? contacts : { contacts: contacts.list, callId, cseq, path };
}

function readContacts(header: string, expiresHeader: string | undefined): { list: AskedContact[] | 'all' } | Refusal {
  const values = splitList(header);
  const expires = seconds(expiresHeader);
  if (values.includes('*')) {
    if (values.length > 1) return refuse(400, 'Contact * cannot stand beside other contacts');
    return expires === 0 ? { list: 'all' } : refuse(400, 'Contact * needs Expires 0');
  }
  if (values.length > maxListed) return refuse(400, 'Too many contacts in one request');
  const list: AskedContact[] = [];
  for (const value of values) {
    const contact = readContact(value, expires);
    if (isRefusal(contact)) return contact;
    list.push(contact);
  }
  return { list };
}

function readContact(value: string, expiresHeader: number | undefined): AskedContact | Refusal {
  const address = parseNameAddr(value);
  if (!address) return refuse(400, 'Contact cannot be read');
  const uri = address.uri.length <= maxUri ? parseSipUri(address.uri) : undefined;
  if (!uri || uri.hasHeaders) return refuse(400, `Contact must be a sip or sips URI of at most ${maxUri} characters`);
  const instance = address.params.get('+sip.instance') || null;
  if (instance !== null && (instance.length > maxInstance || !isPrintable(instance) || /["\\]/.test(instance))) return refuse(400, 'Contact has an unusable instance');
  const regId = Number(/^\d{1,9}$/.exec(address.params.get('reg-id') ?? '')?.[0] ?? 0);
  return {
    uri: address.uri,
    expires: address.params.has('expires') ? seconds(address.params.get('expires') ?? undefined) : expiresHeader,
    q: preference(address.params.get('q')),
    instance,
    // RFC 5626 §6: reg-id counts only together with an instance
    regId: instance !== null && regId > 0 ? regId : null,
  };
}

/** Delta-seconds; malformed ones count as not given (§10.2.1.1), huge ones as very long. */
function seconds(text: string | undefined): number | undefined {
  const digits = text === undefined ? null : /^\s*(\d+)\s*$/.exec(text);
  return digits ? Math.min(Number(digits[1]), 2 ** 32 - 1) : undefined;
}

function preference(text: string | null | undefined): number {
  return text && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 1;
}

/** Decides; `bindings` are those the extension has now. */
export function planRegistration(asked: AskedRegistration, bindings: readonly Binding[], rules: RegistrarRules): RegistrationPlan | Refusal {
  if (asked.contacts === 'all') return bindings.some((b) => isOld(asked, b)) ? outOfOrder() : { put: [], remove: [...bindings] };

  let put: GrantedContact[] = [];
  const remove = new Set<Binding>();
  for (const contact of asked.contacts) {
    const touched = bindings.filter((b) => sameUri(b.uri, contact.uri) || sameDevice(b, contact));
    if (touched.some((b) => isOld(asked, b))) return outOfOrder();
    const expires = Math.min(contact.expires ?? rules.defaultExpires, rules.maxExpires);
    if (expires > 0 && expires < rules.minExpires) return refuse(423, 'Interval Too Brief', { 'Min-Expires': String(rules.minExpires) });

    // what the request said before about the same contact is overwritten
    put = put.filter((p) => !sameUri(p.uri, contact.uri) && !sameDevice(p, contact));
    for (const binding of touched) remove.add(binding);
    if (expires > 0) put.push({ uri: contact.uri, q: contact.q, instance: contact.instance, regId: contact.regId, expires });
  }
  return makeRoom(put, bindings, remove, rules.maxContacts);
}

/** RFC 5626 §6: the same flow of the same device, which moved. */
function sameDevice(a: Pick<Binding, 'instance' | 'regId'>, b: Pick<Binding, 'instance' | 'regId'>): boolean {
  return a.instance !== null && a.regId !== null && a.instance === b.instance && a.regId === b.regId;
}

/** §10.3 step 7: within one Call-ID, CSeq must rise. */
function isOld(asked: AskedRegistration, binding: Binding): boolean {
  return binding.callId === asked.callId && asked.cseq <= binding.cseq;
}

function outOfOrder(): Refusal {
  return refuse(500, 'REGISTER out of order');
}

/**
 * Keeps within `max`. A phone that restarted on another port leaves a binding that nobody will refresh: when there is no
 * room, bindings of the same instance give way, the oldest first; those of other devices never do.
 */
function makeRoom(put: GrantedContact[], bindings: readonly Binding[], remove: Set<Binding>, max: number): RegistrationPlan | Refusal {
  let over = bindings.filter((b) => !remove.has(b)).length + put.length - max;
  if (over > 0 && put.length > 0) {
    const left = bindings.filter((b) => !remove.has(b) && b.instance !== null && put.some((p) => p.instance === b.instance)).sort((a, b) => a.updatedAt - b.updatedAt);
    for (const binding of left.slice(0, over)) remove.add(binding);
    over -= Math.min(over, left.length);
    if (over > 0) return refuse(403, `At most ${max} contacts may be registered`);
  }
  // a binding whose very URI is put again is not removed but overwritten
  return { put, remove: [...remove].filter((b) => !put.some((p) => p.uri === b.uri)) };
}
