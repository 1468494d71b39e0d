/** Messages made from what the application gave and what the engine knows (PROTOCOL 6, 7, 13). */
import type { Random } from '../../clock';
import { protocols } from '../transport/protocols';
import { makeResponse } from '../transport/reply';
import type { Protocol } from '../transport/types';
import { Headers } from '../wire/headers';
import { SipRequest, type SipResponse } from '../wire/message';
import { formatNameAddr, parseNameAddr, type NameAddr } from '../wire/name-addr';
import { reasonPhrase } from '../wire/reasons';
import { SipParseError } from '../wire/errors';
import { contactValue, contentTypeOf, replaceLocalhost, type AppMessage, type AppRequest, type AppResponse } from './app-message';
import type { Incoming } from './incoming';
import { newSequence, newTag, uuid } from './ids';

/** Host (IPv6 in brackets) and port the peer is told, and over what. */
export interface Local {
  host: string;
  port: number;
  protocol: string;
}

/** Header fields the engine writes itself; the rest of the application's are passed on. */
const written = new Set(['from', 'to', 'call-id', 'cseq', 'max-forwards', 'contact', 'content-type']);

/** `secure`: for a dialog that a SIPS URI begins (RFC 3261 §8.1.1.8, §12.1.1), where TLS goes without saying (RFC 5630 §3.1.4). */
export function localContact(local: Local, secure = false): string {
  const transport = protocols[local.protocol as Protocol]?.uri;
  const said = transport === undefined || (secure && transport === 'tls') ? '' : `;transport=${transport}`;
  return `<${secure ? 'sips' : 'sip'}:${local.host}:${local.port}${said}>`;
}

const isSips = (uri: string): boolean => /^<?\s*sips:/i.test(uri);

/** RFC 3261 §8.1.1.8, RFC 3311 §5.1, RFC 3515 §2.2, RFC 6665 §8.2.1: requests that need a Contact. */
export function needsContact(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE' || method === 'UPDATE' || method === 'REFER' || method === 'NOTIFY';
}

/** The application's other headers, in its order. */
export function passOn(from: AppMessage, to: Headers, local: Local): void {
  for (const { key, name, value } of from.headers) {
    if (written.has(key)) continue;
    to.append(name, key === 'p-asserted-identity' ? replaceLocalhost(value, `${local.host}:${local.port}`) : value);
  }
}

export class BuildError extends Error {
  override readonly name = 'BuildError';
}

/**
 * A request outside dialogs (PROTOCOL 7). Via is added by the transaction layer.
 * @throws BuildError
 */
export function buildRequest(message: AppRequest, local: Local, random: Random): SipRequest {
  const given = message.headers;
  const hostport = `${local.host}:${local.port}`;
  const headers = new Headers();
  headers.append('Max-Forwards', given.get('max-forwards') ?? '70');
  headers.append('From', fromValue(given.get('from'), local, random));
  headers.append('To', toValue(given.get('to'), message.uri, hostport));
  headers.append('Call-ID', checkedCallId(given.get('call-id')) ?? uuid(random));
  const seq = /^\s*(\d{1,10})/.exec(given.get('cseq') ?? '')?.[1];
  headers.append('CSeq', `${seq ?? newSequence(random)} ${message.method}`);
  const contact = given.get('contact');
  if (contact !== undefined) headers.append('Contact', contactValue(contact, hostport));
  else if (message.method === 'INVITE' || message.method === 'SUBSCRIBE') headers.append('Contact', localContact(local, isSips(message.uri)));
  passOn(message, headers, local);
  addContentType(message, headers);
  return new SipRequest(message.method, message.uri, headers, message.body);
}

export function addContentType(message: AppMessage, headers: Headers): void {
  const type = contentTypeOf(message) || message.headers.get('content-type');
  if (type) headers.append('Content-Type', type);
}

/** A response to a received request (PROTOCOL 6): what identifies it from the request, the rest from the application. */
export function buildResponse(incoming: Incoming, message: AppResponse, local: Local): SipResponse {
  const { request } = incoming;
  const tag = message.status > 100 ? incoming.toTag(message) : undefined;
  const response = makeResponse(request, message.status, tag, message.reason || reasonPhrase(message.status));
  if (message.status > 100 && message.status < 300 && makesDialogs(request.method)) {
    for (const route of request.headers.getAll('record-route')) response.headers.append('Record-Route', route);
  }
  const contact = message.headers.get('contact');
  if (contact !== undefined) response.headers.append('Contact', contactValue(contact, `${local.host}:${local.port}`));
  else if (contactBelongs(incoming, message.status)) response.headers.append('Contact', incoming.dialog?.localContact || localContact(local, isSips(request.uri) || isSips(request.headers.get('record-route') ?? '')));
  passOn(message, response.headers, local);
  addContentType(message, response.headers);
  response.body = message.body;
  return response;
}

/**
 * RFC 3261 §12.1.1: a response that makes a dialog, early ones included, says where we are reached; so does the answer to a target
 * refresh. In-dialog INVITE and SUBSCRIBE have it in every response, as drachtio-server does.
 */
function contactBelongs(incoming: Incoming, status: number): boolean {
  const { method } = incoming.request;
  const good = status > 100 && status < 300;
  if (method === 'INVITE') return incoming.initial ? good : status > 100;
  if (method === 'SUBSCRIBE') return incoming.initial ? status >= 200 && status < 300 : status > 100;
  return method === 'UPDATE' && status >= 200 && status < 300;
}

export function makesDialogs(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE';
}

function fromValue(given: string | undefined, local: Local, random: Random): string {
  const hostport = `${local.host}:${local.port}`;
  let address: NameAddr;
  if (given === undefined) address = parseNameAddr(localContact(local));
  else {
    const text = given.replace(/([:@])localhost(?::\d+)?(?=[;>?,\s]|$)/i, `$1${hostport}`);
    address = readAddress(text, `invalid from value provided by client: ${given}`);
  }
  if (!address.params.get('tag')) address.params.set('tag', newTag(random));
  return formatNameAddr(address);
}

function toValue(given: string | undefined, uri: string, hostport: string): string {
  if (given === undefined) return `<${uri}>`;
  return formatNameAddr(readAddress(replaceLocalhost(given, hostport), `invalid to value provided by client: ${given}`));
}

function readAddress(text: string, complaint: string): NameAddr {
  try {
    return parseNameAddr(text);
  } catch (error) {
    if (error instanceof SipParseError) throw new BuildError(complaint);
    throw error;
  }
}

function checkedCallId(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  if (!isFitForIds(given)) throw new BuildError(`invalid call-id provided by client: ${given}`);
  return given;
}

/** Call-IDs and tags become tokens of control frames, which `|` and white space would tear apart. */
export function isFitForIds(text: string): boolean {
  return text !== '' && !/[|\s]/.test(text);
}
