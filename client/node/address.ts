/**
 * Where a phone belongs, as a person writes it:
 *
 *     1001@pbx.test            its registrar is found by the domain's name (RFC 3263)
 *     1001@192.0.2.1:5070      … or is there
 *     --proxy 192.0.2.1:5070   … or elsewhere; also sip:HOST;transport=tcp and wss://HOST/PATH
 */
import { PhoneError } from '../phone-types';
import type { HostPort, Protocol, Target } from '../sip/channel';

export interface Belonging {
  user: string;
  /** Of the phone's address; IPv6 in brackets. */
  domain: string;
  /** undefined: not said. */
  port: number | undefined;
}

export type Transport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

const protocols: Readonly<Record<Transport, Protocol>> = { udp: 'UDP', tcp: 'TCP', tls: 'TLS', ws: 'WS', wss: 'WSS' };
/** Where a WebSocket server listens unless told otherwise (RFC 7118 §10.1 has no port of its own: those of HTTP). */
const webPorts: Partial<Record<Protocol, number>> = { WS: 80, WSS: 443 };

/** Errors: PhoneError 'bad-address'. */
export function parseBelonging(text: string): Belonging {
  const match = /^(?:sips?:)?([^@\s]{1,64})@(\[[0-9a-f:.]{2,45}\]|[^\s:@[\]/;]{1,253})(?::(\d{1,5}))?$/i.exec(text.trim());
  const user = match?.[1];
  const domain = match?.[2];
  if (user === undefined || domain === undefined) throw new PhoneError('bad-address', `“${text}” is not the address of a phone: it must be USER@HOST or USER@HOST:PORT, such as 1001@192.0.2.1`);
  return { user, domain, port: portOf(match?.[3], text) };
}

/** The server that everything is sent to. `proxy` goes before what the address says. Errors: PhoneError 'bad-address'. */
export function targetOf({ domain, port }: Belonging, transport: Transport | undefined, proxy?: string): Target {
  if (proxy !== undefined) return parseProxy(proxy, transport);
  return withPort({ protocol: protocols[transport ?? 'udp'], host: bare(domain), port });
}

function parseProxy(text: string, transport: Transport | undefined): Target {
  const bad = () => new PhoneError('bad-address', `“${text}” is not a server: it must be HOST, HOST:PORT, sip:HOST;transport=tcp or wss://HOST/PATH`);
  const web = /^(wss?):\/\/(\[[0-9a-f:.]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?(\/[^\s]*)?$/i.exec(text.trim());
  if (web) return withPort({ protocol: protocols[web[1]!.toLowerCase() as Transport], host: bare(web[2]!), port: portOf(web[3], text), ...(web[4] !== undefined && { path: web[4] }) });
  const sip = /^(?:sip:)?(\[[0-9a-f:.]+\]|[^\s:;@/[\]]+)(?::(\d{1,5}))?((?:;[^;\s]+)*)$/i.exec(text.trim());
  if (!sip) throw bad();
  const named = /;transport=([a-z]+)/i.exec(sip[3] ?? '')?.[1]?.toLowerCase() ?? transport ?? 'udp';
  if (!(named in protocols)) throw bad();
  return withPort({ protocol: protocols[named as Transport], host: bare(sip[1]!), port: portOf(sip[2], text) });
}

function withPort(target: Target): Target {
  const port = target.port ?? webPorts[target.protocol];
  return port === undefined ? target : { ...target, port };
}

function portOf(digits: string | undefined, text: string): number | undefined {
  if (digits === undefined) return undefined;
  const port = Number(digits);
  if (port < 1 || port > 65535) throw new PhoneError('bad-address', `“${text}”: a port is a number from 1 to 65535`);
  return port;
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '');

/** '192.0.2.1:5060', '[2001:db8::1]:5060' */
export const hostPortText = ({ host, port }: HostPort): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
