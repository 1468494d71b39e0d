/** What a request handler answers (PROTOCOL 18), read. Pure. */
import { Headers } from '../../wire/headers';
import { SipParseError } from '../../wire/errors';
import { formatNameAddr, parseNameAddr } from '../../wire/name-addr';
import { parseUri } from '../../wire/uri';
import type { ProxySpec } from '../../core/proxy/spec';

/** An application that listens (`srf.listen`). */
export interface AppAddress {
  host: string;
  port: number;
  secure: boolean;
}

export type Answer =
  | { action: 'reject'; status: number; reason: string | undefined }
  | { action: 'redirect'; contacts: string[] }
  | { action: 'proxy'; spec: ProxySpec }
  | { action: 'call'; to: AppAddress }
  | { action: 'tag'; tag: string };

/** It was answered, and not in this language. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

type Data = Record<string, unknown>;

/** @throws AnswerError */
export function readAnswer(text: string): Answer {
  const { action, data } = asObject(parse(text), 'The answer');
  const given = data === undefined ? {} : asObject(data, '"data"');
  if (action === 'reject') return { action, status: statusOf(given['status']), reason: reasonOf(given['reason']) };
  if (action === 'redirect') return { action, contacts: strings(given['contact'] ?? given['contacts'], 'contact').map(contactOf) };
  if (action === 'proxy') return { action, spec: specOf(given) };
  if (action === 'route') return routeOf(given);
  throw new AnswerError(`"action" is ${JSON.stringify(action)}, which is none of reject, redirect, proxy, route.`);
}

/** `host:port`, `[IPv6]:port`, either with `;transport=tcp` or `;transport=tls`. @throws AnswerError */
export function readAddress(text: string): AppAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:;[\]]+)):(\d{1,5})(?:;transport=(tcp|tls))?$/i.exec(text.trim());
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) throw new AnswerError(`"${text.slice(0, 100)}" is not host:port with perhaps ;transport=tcp or ;transport=tls.`);
  return { host: (match[1] ?? match[2])!, port, secure: match[4]?.toLowerCase() === 'tls' };
}

function routeOf(data: Data): Answer {
  const { tag } = data;
  if (typeof tag === 'string' && tag !== '') return { action: 'tag', tag };
  // The sample configuration of drachtio-server says `url`.
  const uri = data['uri'] ?? data['url'];
  if (typeof uri === 'string') return { action: 'call', to: readAddress(uri) };
  throw new AnswerError('A route needs "uri" or "tag".');
}

function specOf(data: Data): ProxySpec {
  const destinations = strings(data['destination'], 'destination').map((uri) => (/^sips?:/i.test(uri) ? uri : `sip:${uri}`));
  for (const uri of destinations) checked(() => parseUri(uri), `"${uri.slice(0, 100)}" is not a SIP URI.`);
  return {
    destinations,
    remain: data['recordRoute'] === true,
    followRedirects: data['followRedirects'] !== false,
    simultaneous: data['simultaneous'] === true,
    provisionalTimeoutMs: milliseconds(data['provisionalTimeout'], 'provisionalTimeout'),
    finalTimeoutMs: milliseconds(data['finalTimeout'], 'finalTimeout'),
    headers: new Headers(),
  };
}

function statusOf(value: unknown): number {
  const status = Number(value);
  if (!Number.isInteger(status) || status < 300 || status > 699) throw new AnswerError('A rejection needs a "status" from 300 to 699.');
  return status;
}

function reasonOf(value: unknown): string | undefined {
  // eslint-disable-next-line no-control-regex
  return typeof value === 'string' && value !== '' && !/[\u0000-\u001f\u007f]/.test(value) ? value : undefined;
}

function contactOf(text: string): string {
  return checked(() => formatNameAddr(parseNameAddr(text)), `"${text.slice(0, 100)}" is not an address.`);
}

function milliseconds(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const match = /^(\d{1,6})\s*(ms|s)?$/.exec(String(value));
  if (!match) throw new AnswerError(`"${name}" is a time such as 5s or 500ms.`);
  return Number(match[1]) * (match[2] === 'ms' ? 1 : 1000);
}

function strings(value: unknown, name: string): string[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > 50 || !list.every((one) => typeof one === 'string' && one !== '')) throw new AnswerError(`"${name}" has to be one text or up to fifty.`);
  return list as string[];
}

function asObject(value: unknown, what: string): Data {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new AnswerError(`${what} is not an object.`);
  return value as Data;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AnswerError('The answer is not JSON.');
  }
}

function checked<T>(read: () => T, complaint: string): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SipParseError) throw new AnswerError(complaint);
    throw error;
  }
}
