/** What `offhook serve` says when calls can be made: to a person first, then one line for programs. */
import { isIPv6 } from 'node:net';
import { formatHostPort } from './config';
import type { InterfaceAddress } from '../media/reach';

export interface SipAddress {
  protocol: string;
  address: string;
  port: number;
}

export interface Ready {
  /** Extensions made by this start, with passwords that are never shown again. */
  fresh: ReadonlyArray<{ number: string; password: string }>;
  sip: readonly SipAddress[];
  interfaces: readonly InterfaceAddress[];
  engine: 'embedded' | 'drachtio-server';
  media: { ports: string; backend: string };
  /** The door of the simple packet format, when it is on. */
  partyline?: { address: string; port: number; rooms: readonly string[] } | undefined;
  /** Where the HTTP API is, when it is on. */
  http?: { host: string; port: number } | undefined;
  data: string;
  /** The user's own program. */
  app?: { file: string; routes: readonly string[]; hooks: readonly string[] } | undefined;
}

/** The whole output, ending with the line `ready {…}`. */
export function firstScreen(ready: Ready): string {
  const sip = addressesByProtocol(ready.sip, ready.interfaces);
  const server = outermost(Object.values(sip).flat());
  const lines: string[] = [];
  if (ready.fresh.length > 0) {
    lines.push('', 'Two extensions were made. Their passwords are shown now and never again:', '');
    for (const { number, password } of ready.fresh) lines.push(`    ${number}   password ${password}`);
    lines.push('', `In a SIP phone (Linphone: “Use a SIP account”): user name ${ready.fresh[0]?.number}, its password, domain ${server}, transport UDP or TCP.`);
    lines.push(`Register a second phone as ${ready.fresh[1]?.number}, dial ${ready.fresh[1]?.number} from the first, and talk.`, '');
  }
  const { engine, media, partyline, http, data, app } = ready;
  if (app) {
    if (lines.at(-1) !== '') lines.push('');
    lines.push(`Your program ${app.file} is loaded: ${counted(app.routes, 'route')}; ${counted(app.hooks, 'hook')}.`, '');
  }
  if (partyline) {
    if (lines.at(-1) !== '') lines.push('');
    lines.push(`Programs reach the conference rooms ${partyline.rooms.join(', ')} by the simple packet format: UDP ${hostPort(partyline)}.`, '');
  }
  lines.push(`ready ${JSON.stringify({ sip, engine, media, ...(partyline && { partyline: { udp: hostPort(partyline), rooms: partyline.rooms } }), ...(http && { http: `http://${formatHostPort(http)}` }), ...(app && { app: { file: app.file, routes: app.routes, hooks: app.hooks } }), data })}`);
  return `${lines.join('\n')}\n`;
}

/** `2 routes (610, 62X)` */
const counted = (names: readonly string[], what: string): string => `${names.length === 0 ? 'no' : names.length} ${what}${names.length === 1 ? '' : 's'}${names.length === 0 ? '' : ` (${names.join(', ')})`}`;

const hostPort = ({ address, port }: { address: string; port: number }): string => `${isIPv6(address) ? `[${address}]` : address}:${port}`;

/** `udp/192.0.2.1:5060` as drachtio announces its addresses. Entries of another form are left out. */
export function parseHostports(hostports: readonly string[]): SipAddress[] {
  return hostports.flatMap((text) => {
    const match = /^(\w+)\/\[?([^\]]+?)\]?:(\d+)$/.exec(text);
    return match ? [{ protocol: match[1] as string, address: match[2] as string, port: Number(match[3]) }] : [];
  });
}

/** A wildcard stands for every address of the machine that phones can use. */
function addressesByProtocol(points: readonly SipAddress[], interfaces: readonly InterfaceAddress[]): Record<string, string[]> {
  const usable = interfaces.map((i) => i.address).filter((a) => !/^fe[89ab]/i.test(a));
  const found: Record<string, string[]> = {};
  for (const { protocol, address, port } of points) {
    const hosts = address === '0.0.0.0' ? usable.filter((a) => !isIPv6(a)) : address === '::' ? usable.filter(isIPv6) : [address];
    (found[protocol] ??= []).push(...hosts.map((host) => `${isIPv6(host) ? `[${host}]` : host}:${port}`));
  }
  return found;
}

/** The address to show as the one to use: not loopback, when there is another; without the port that phones assume anyway. */
function outermost(addresses: readonly string[]): string {
  const best = addresses.find((a) => !/^(127\.|\[::1\])/.test(a)) ?? addresses[0] ?? 'this machine';
  return best.replace(/:5060$/, '');
}
