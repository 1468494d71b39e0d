/** What went wrong on the way to a server, for people: one sentence that says what to do where there is something to do. */
import { isIPv6 } from 'node:net';
import type { HostPort, Protocol } from '../../sip/channel';

export function placeText({ host, port }: { host: string; port?: number | undefined }): string {
  const name = isIPv6(host) ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

/** `cannot connect to 192.0.2.1:5060 over TCP: …` */
export function cannotConnect(place: { host: string; port?: number | undefined }, protocol: Protocol, reason: string): Error {
  return new Error(`cannot connect to ${placeText(place)} over ${protocol}: ${reason}`);
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

const CERTIFICATE: Record<string, string> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet (check this machine\'s clock)',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by nobody else',
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'is signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by an authority that is not trusted here',
  CERT_SIGNATURE_FAILURE: 'is forged or damaged',
  CERT_REVOKED: 'was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another name',
};

/** The end of a sentence. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== undefined && Object.hasOwn(CERTIFICATE, code)) {
    return `the server's certificate is not trusted, as it ${CERTIFICATE[code]}; give the file of the authority that signed it, or switch the check off if you know the server`;
  }
  if (code !== undefined && Object.hasOwn(REASONS, code)) return REASONS[code] as string;
  if (/^ERR_SSL_|^EPROTO$/.test(code ?? '')) return 'it does not speak TLS there, or no version that this phone does; check the port and the transport';
  return message ?? String(error);
}
