/**
 * Where a URI leads to (RFC 3263 §4): protocol, address and port of every server, in the order in which they are to be tried.
 *
 *     transport given ─────────────────────────────┐
 *     port given ────────── UDP, TLS for sips ─────┤      port given ─────────────────► A, AAAA
 *     NAPTR ─── protocol and the name of its SRV ──┼────► SRV ── name and port each ──► A, AAAA
 *     SRV of each protocol that we have ───────────┘      no SRV ── the default port ─► A, AAAA
 */
import type { Address, Names, NaptrRecord } from './names';
import { srvOrder } from './srv-order';

/** What can be dialled. */
export type DialProtocol = 'udp' | 'tcp' | 'tls';

export interface Place {
  readonly protocol: DialProtocol;
  readonly address: string;
  readonly port: number;
}

export interface Question {
  /** A name, never an address. */
  host: string;
  port?: number | undefined;
  protocol?: DialProtocol | undefined;
  /** From a SIPS URI. */
  secure?: boolean | undefined;
}

export interface PlaceFinder {
  names: Names;
  /** Protocols we have, the preferred first. */
  protocols: readonly DialProtocol[];
  /** Whether we can send to this. */
  usable(protocol: DialProtocol, address: Address): boolean;
  chance(): number;
}

export const defaultPorts: Readonly<Record<DialProtocol, number>> = { udp: 5060, tcp: 5060, tls: 5061 };
/** §4.1; RFC 3263 §8 has `_sips._tcp` for TLS. */
const services: Readonly<Record<DialProtocol, string>> = { udp: '_sip._udp', tcp: '_sip._tcp', tls: '_sips._tcp' };
/** RFC 3263 §10.1.1. */
const naptrServices: Readonly<Record<string, DialProtocol>> = { 'sip+d2u': 'udp', 'sip+d2t': 'tcp', 'sips+d2t': 'tls' };
/** A domain may name any number of servers; a caller does not wait for that many. */
const MAX_PLACES = 12;

interface Service {
  protocol: DialProtocol;
  srv: string;
}

/** At least one. @throws what the look-up did, or an error with code ENOTFOUND */
export async function findPlaces(question: Question, finder: PlaceFinder): Promise<Place[]> {
  const { host, port, secure } = question;
  const fallback: DialProtocol = secure ? 'tls' : finder.protocols.includes('udp') ? 'udp' : (finder.protocols[0] ?? 'udp');
  if (port !== undefined) return addressesOf(host, port, question.protocol ?? fallback, finder);
  const asked: Service[] = question.protocol ? [{ protocol: question.protocol, srv: `${services[question.protocol]}.${host}` }] : await servicesOf(host, secure === true, finder);
  const found: Place[] = [];
  let failure: unknown;
  for (const { protocol, srv } of asked) {
    const records = (await finder.names.srv(srv).catch((): { records: [] } => ({ records: [] }))).records.filter(({ name }) => name !== '' && name !== '.');
    for (const record of srvOrder(records, () => finder.chance())) {
      if (found.length >= MAX_PLACES) return found;
      await addressesOf(record.name, record.port, protocol, finder).then(
        (places) => found.push(...places),
        (error: unknown) => {
          failure = error;
        },
      );
    }
  }
  if (found.length > 0) return found.slice(0, MAX_PLACES);
  if (failure !== undefined) throw failure;
  const protocol = question.protocol ?? fallback;
  return addressesOf(host, defaultPorts[protocol], protocol, finder);
}

/** §4.1: NAPTR says which protocols a domain wants; without, its SRV records are looked for under each of ours. */
async function servicesOf(host: string, secure: boolean, { names, protocols }: PlaceFinder): Promise<Service[]> {
  const ours = protocols.filter((protocol) => !secure || protocol === 'tls');
  // A small network has neither; nobody who could be asked is no better.
  const { records } = await names.naptr(host).catch((): { records: readonly NaptrRecord[] } => ({ records: [] }));
  const named = [...records]
    .sort((a, b) => a.order - b.order || a.preference - b.preference)
    .flatMap(({ flags, service, replacement }): Service[] => {
      const protocol = naptrServices[service.toLowerCase()];
      return protocol && ours.includes(protocol) && flags.toLowerCase() === 's' && replacement !== '' ? [{ protocol, srv: replacement }] : [];
    });
  if (named.length > 0) return named;
  return ours.map((protocol) => ({ protocol, srv: `${services[protocol]}.${host}` }));
}

async function addressesOf(host: string, port: number, protocol: DialProtocol, { names, usable }: PlaceFinder): Promise<Place[]> {
  const { records } = await names.addresses(host);
  if (records.length === 0) throw Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });
  const fitting = records.filter((record) => usable(protocol, record));
  if (fitting.length === 0) throw Object.assign(new Error(`nothing listens for ${protocol} over IPv${[...new Set(records.map(({ family }) => family))].join(' or ')}`), { code: 'no-transport' });
  return fitting.map(({ address }) => ({ protocol, address, port }));
}
