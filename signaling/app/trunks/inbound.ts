/** Calls from outside: which trunk one comes from, which number was called, and where that goes. */
import type { ValueOf } from '../../settings/values';
import { shown, tenantOf, within } from '../../tenants';
import { parseNameAddr, parseSipUri } from '../addresses';
import type { Callee } from '../call';
import type { IncomingRequest } from '../exchange';
import { told, type Numbering } from './numbering';
import { PatternTable } from './patterns';
import type { Peer } from './peer';

export type InboundSettings = ValueOf<'inbound'>;

export interface Inbound {
  /** As somebody who calls: a number in full where that is known. */
  caller: Callee;
  /** Where it goes, as it would be dialled; undefined: nowhere. */
  to: string | undefined;
  /** What was called. */
  number: string;
}

export class InboundNumbers {
  private tables = new Map<string, PatternTable<InboundSettings>>();

  constructor(private readonly numbering: Numbering) {}

  changed(rules: readonly InboundSettings[]): void {
    const byTenant = new Map<string, InboundSettings[]>();
    for (const rule of rules) byTenant.set(tenantOf(rule.name), [...(byTenant.get(tenantOf(rule.name)) ?? []), rule]);
    this.tables = new Map([...byTenant].map(([tenant, those]) => [tenant, new PatternTable(those.flatMap((rule) => rule.numbers.map((one) => [one, rule] as const)))]));
  }

  read(req: IncomingRequest, peer: Peer): Inbound {
    const tenant = tenantOf(peer.settings.name);
    const candidates = calledNumbers(req, peer);
    for (const text of candidates) {
      const number = told(text, this.numbering);
      const rule = this.find(tenant, number, peer);
      if (rule) return { caller: withPrefix(rule.prefix, this.callerOf(req, peer)), to: rule.to, number };
    }
    return { caller: this.callerOf(req, peer), to: undefined, number: candidates[0] ?? '' };
  }

  private find(tenant: string, number: string, { settings }: Peer): InboundSettings | undefined {
    const found = this.tables.get(tenant)?.find({ dialled: number, full: number.startsWith('+') ? number : undefined }) ?? [];
    return found.filter(({ trunks }) => trunks.length === 0 || trunks.some((one) => within(tenant, one) === settings.name)).toSorted((a, b) => a.order - b.order)[0];
  }

  private callerOf(req: IncomingRequest, { settings }: Peer): Callee {
    const tenant = tenantOf(settings.name);
    const from = parseNameAddr(req.get('from') ?? '');
    const asserted = parseNameAddr((req.get('p-asserted-identity') ?? '').split(',')[0] ?? '');
    const hidden = /\b(id|user|full)\b/i.test(req.get('privacy') ?? '') || /anonymous/i.test(from?.uri ?? '');
    const user = hidden ? undefined : (userIn(asserted?.uri) ?? userIn(from?.uri));
    const number = user === undefined ? 'anonymous' : told(user, this.numbering);
    const name = hidden ? null : displayIn(req.get('from'));
    return { number: within(tenant, plain(number)), name, media: 'anchored', srtp: settings.srtp, recording: 'on-demand', trunk: settings.name };
  }
}

const withPrefix = (prefix: string, caller: Callee): Callee => (prefix === '' ? caller : { ...caller, name: `${prefix}${caller.name ?? shown(caller.number)}` });

/** What may be in a number that is shown; nothing of it means anything to us. */
const plain = (number: string): string => shown(number).replace(/[^A-Za-z0-9+*#._-]/g, '').slice(0, 64) || 'anonymous';

/** The Request-URI, unless it only names our account; then who was meant, by other headers. */
function calledNumbers(req: IncomingRequest, { settings }: Peer): string[] {
  const asked = userIn(req.uri);
  const others = ['p-called-party-id', 'to'].map((name) => userIn(parseNameAddr(req.get(name) ?? '')?.uri));
  const all = asked !== undefined && asked !== settings.username ? [asked, ...others] : [...others, asked];
  return [...new Set(all.filter((one) => one !== undefined))];
}

const userIn = (uri: string | undefined): string | undefined => {
  if (uri === undefined) return undefined;
  const user = /^tel:/i.test(uri) ? uri.slice(4) : parseSipUri(uri)?.user;
  return user?.split(';', 1)[0] || undefined;
};

function displayIn(header: string | undefined): string | null {
  const text = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*</.exec(header ?? '');
  const name = (text?.[1]?.replace(/\\(.)/g, '$1') ?? text?.[2] ?? '').replace(/\p{Cc}/gu, ' ').trim().slice(0, 64);
  return name === '' ? null : name;
}
