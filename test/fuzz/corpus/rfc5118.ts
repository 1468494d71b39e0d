/** The verdicts on RFC 5118's messages with IPv6 addresses. */
import { refuse, type TortureCase } from './verdict';

export const IPV6_TORTURE: readonly TortureCase[] = [
  { name: 'ipv6-good', section: '4.1', verdict: 'accept', note: 'an IPv6 reference in the Request-URI' },
  { name: 'ipv6-bad', section: '4.2', verdict: refuse('uri'), note: 'the same without brackets' },
  { name: 'port-ambiguous', section: '4.3', verdict: 'accept', note: 'what looks like a port belongs to the address' },
  { name: 'port-unambiguous', section: '4.4', verdict: 'accept', note: 'a port behind the brackets' },
  { name: 'via-received-param-with-delim', section: '4.5.1', verdict: 'accept', note: 'received= in brackets, as many send it' },
  { name: 'via-received-param-no-delim', section: '4.5.2', verdict: 'accept', note: 'received= as the grammar has it' },
  { name: 'ipv6-in-sdp', section: '4.6', verdict: 'accept', note: 'IPv6 in the body, without brackets' },
  { name: 'mult-ip-in-header', section: '4.7', verdict: 'accept', note: 'both families in the headers' },
  { name: 'mult-ip-in-sdp', section: '4.8', verdict: 'accept', note: 'both families in the body' },
  { name: 'ipv4-mapped-ipv6', section: '4.9', verdict: 'accept', note: 'IPv4 addresses in IPv6 clothes' },
  { name: 'ipv6-bug-abnf-3-colons', section: '4.10', verdict: refuse('uri'), note: 'three colons, as RFC 3261 had them by mistake: no address by RFC 5954' },
];
