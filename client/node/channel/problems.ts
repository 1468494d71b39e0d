/** What went wrong on the way to a server, for people: one sentence that says what to do where there is something to do. */
import { isIPv6 } from 'node:net';
import { LastingProblem, type HostPort, type Protocol } from '../../sip/channel';

export function placeText({ host, port }: { host: string; port?: number | undefined }): string {
  const name = isIPv6(host) ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

/** `cannot connect to 192.0.2.1:5060 over TCP: …`; `cause` is what was thrown. A LastingProblem where trying again is of no use. */
export function cannotConnect(place: { host: string; port?: number | undefined }, protocol: Protocol, cause: unknown): Error {
  const sentence = `cannot connect to ${placeText(place)} over ${protocol}: ${reasonOf(cause)}`;
  return isLasting(cause) ? new LastingProblem(sentence) : new Error(sentence);
}

export function wasLost(place: HostPort, protocol: Protocol, reason: string): string {
  return `the connection to ${placeText(place)} over ${protocol} was lost: ${reason}`;
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused, so nothing listens there; check that the server runs and that the port is right',
  ECONNRESET: 'the server ended it',
  EPIPE: 'the server ended it',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'that host cannot be reached; check the network',
  ENETUNREACH: 'there is no way to that network; check the network connection',
  EADDRNOTAVAIL: 'this machine does not have the local address that was asked for',
  EADDRINUSE: 'the local port is taken by another program',
  EACCES: 'the system does not allow it',
  EPERM: 'the system does not allow it (a firewall rule?)',
  EMFILE: 'this program has too many files and connections open',
  ENOTFOUND: 'that name is not known; check how it is written',
  EAI_AGAIN: 'names cannot be looked up just now; check the network connection',
};

/** Of no use to try again. A name may become known and a port free, but not while somebody waits. */
const LASTING: ReadonlySet<string> = new Set(['ENOTFOUND', 'EADDRNOTAVAIL', 'EADDRINUSE', 'EACCES']);

const UNTRUSTED = 'is signed by an authority that is not trusted here';
const TRUST_IT = 'name the file of that authority’s certificate (--ca, in a program tls.caFile)';
/** What is wrong with it, and what to do. */
const CERTIFICATE: Record<string, readonly [wrong: string, todo: string]> = {
  CERT_HAS_EXPIRED: ['has expired', 'have the server’s owner renew it'],
  CERT_NOT_YET_VALID: ['is not valid yet', 'check this machine’s clock'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['is self-signed', 'name the file of that certificate as one to trust (--ca, in a program tls.caFile)'],
  SELF_SIGNED_CERT_IN_CHAIN: [UNTRUSTED, TRUST_IT],
  UNABLE_TO_GET_ISSUER_CERT: [UNTRUSTED, TRUST_IT],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [UNTRUSTED, TRUST_IT],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [UNTRUSTED, TRUST_IT],
  CERT_SIGNATURE_FAILURE: ['is forged or damaged', 'check that this is the server you mean'],
  CERT_REVOKED: ['was revoked', 'check that this is the server you mean'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['is for another name', 'use a name that it is for'],
};
/** An own name for certificates that nobody checks: whoever knows the server may do so. */
const OR_NOT_AT_ALL = 'or have none checked (--insecure, tls.insecure) if you know this server';
const MOST_NAMES = 5;

/** The end of a sentence. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== undefined && Object.hasOwn(CERTIFICATE, code)) return untrusted(...CERTIFICATE[code]!, error as WrongName);
  if (code !== undefined && Object.hasOwn(REASONS, code)) return REASONS[code] as string;
  if (isNoTls(code)) return 'it does not speak TLS there, or no version that this phone does; check the port and the transport';
  return message ?? String(error);
}

function isLasting(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof LastingProblem || (code !== undefined && (Object.hasOwn(CERTIFICATE, code) || LASTING.has(code) || isNoTls(code)));
}

const isNoTls = (code: string | undefined): boolean => /^ERR_SSL_|^EPROTO$/.test(code ?? '');

/** As Node tells it (`tls.checkServerIdentity`). */
interface WrongName extends Error {
  host?: string;
  cert?: { subjectaltname?: string };
}

function untrusted(wrong: string, todo: string, { host, cert }: WrongName): string {
  // 'DNS:pbx.test, IP Address:192.0.2.1'; whatever else a stranger wrote there is not repeated.
  const names = (cert?.subjectaltname ?? '').match(/(?<=^(?:.*, )?(?:DNS|IP Address):)[\w.*:-]+(?=,|$)/g)?.slice(0, MOST_NAMES);
  const which = host === undefined ? '' : names && names.length > 0 ? ` (${names.join(', ')}, not ${host})` : ` than ${host}`;
  return `the server’s certificate is not trusted, as it ${wrong}${which}: ${todo}, ${OR_NOT_AT_ALL}`;
}
