/** What must hold between settings. Each check answers with one sentence that names them, or with nothing. */
import { isIP } from 'node:net';
import { isDirect } from './request-handler';
import type { Settings } from './settings';

export const checks: ReadonlyArray<(settings: Settings) => string | undefined> = [
  ({ registrar: r }) =>
    r.minExpires <= r.defaultExpires && r.defaultExpires <= r.maxExpires
      ? undefined
      : `registrar.minExpires (${r.minExpires}), registrar.defaultExpires (${r.defaultExpires}) and registrar.maxExpires (${r.maxExpires}) must not decrease in this order.`,

  // An even port for RTP and the odd one above it for RTCP (RFC 3550 §11): fewer than four ports are not one call.
  ({ media }) =>
    media.portMin + 3 <= media.portMax
      ? undefined
      : `media.portMin (${media.portMin}) and media.portMax (${media.portMax}) must span at least 4 ports, which is one call.`,

  ({ partyline: { port }, media, sip }) => {
    if (port === 0) return undefined;
    if (port >= media.portMin && port <= media.portMax) return `partyline.port (${port}) must not be one of the media ports (media.portMin ${media.portMin} to media.portMax ${media.portMax}).`;
    return sip.listen.some((one) => one.port === port) ? `partyline.port (${port}) is a port of sip.listen.` : undefined;
  },

  ({ drachtio }) =>
    drachtio.address && !drachtio.secret
      ? 'drachtio.address needs drachtio.secret (--drachtio-secret), the secret of that drachtio-server.'
      : undefined,

  ({ drachtio }) => (drachtio.address?.port === 0 ? 'drachtio.address needs the port of the drachtio-server.' : undefined),

  // A random secret is known to nobody outside this process, so a control port open to others needs one that is set.
  ({ engine, drachtio }) =>
    drachtio.address || engine.secret || isLoopback(engine.control.host)
      ? undefined
      : `engine.control is open beyond this machine (${engine.control.host}), which needs engine.secret to be set.`,

  ({ engine }) =>
    engine.tlsPort === null || (engine.tlsCertificate !== null && engine.tlsKey !== null && engine.secret !== null)
      ? undefined
      : 'engine.tlsPort needs engine.tlsCertificate, engine.tlsKey, and engine.secret, which applications that connect there have to know.',

  ({ engine }) => (engine.tlsPort !== null && engine.tlsPort !== 0 && engine.tlsPort === engine.control.port ? `engine.tlsPort (${engine.tlsPort}) is the port of engine.control: give one of them another.` : undefined),

  ({ engine }) => (engine.tlsPort === null && (engine.tlsCertificate ?? engine.tlsKey ?? engine.tlsAuthorities) !== null ? 'engine.tlsCertificate, engine.tlsKey and engine.tlsAuthorities are for engine.tlsPort, which is not set.' : undefined),

  ({ engine }) =>
    engine.secret === null && engine.handlers.some(isDirect) ? 'engine.handlers names an application that listens (tcp, tls), which needs engine.secret: it has to show it.' : undefined,

  ({ engine }) => {
    const names = engine.handlers.flatMap(({ methods }) => methods);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    return twice === undefined ? undefined : `engine.handlers names ${twice} twice: each method has one request handler.`;
  },

  ({ engine }) =>
    engine.behindBytes <= engine.maxControlBufferBytes ? undefined : `engine.behindBytes (${engine.behindBytes}) must not be above engine.maxControlBufferBytes (${engine.maxControlBufferBytes}), at which an application is cut off.`,

  ({ capture }) => (capture.address?.port === 0 ? 'capture.address needs the port of the collector.' : undefined),

  ({ smtp }) => (smtp.host && !smtp.from ? 'smtp.host needs smtp.from, the address that e-mails are sent from.' : undefined),

  ({ smtp }) => (smtp.user !== null && smtp.password === null ? 'smtp.user needs smtp.password.' : undefined),

  ({ sip }) => {
    // UDP and TCP for `listen`; what else carries SIP runs over TCP, too.
    const seen = new Map<string, string>();
    for (const name of ['listen', 'tls', 'ws', 'wss'] as const) {
      for (const { host, port } of sip[name]) {
        const key = `${host} ${port}`;
        const other = seen.get(key);
        if (port !== 0 && other !== undefined) return other === name ? `sip.${name} names ${host} with port ${port} twice.` : `sip.${other} and sip.${name} both name ${host} with port ${port}: give one of them another.`;
        seen.set(key, name);
      }
    }
    return undefined;
  },

  ({ sip }) => {
    const needs = sip.tls.length > 0 ? 'sip.tls' : sip.wss.length > 0 ? 'sip.wss' : undefined;
    return needs !== undefined && sip.tlsCertificates.length === 0 ? `${needs} needs sip.tlsCertificates and sip.tlsKeys (--cert FILE --key FILE).` : undefined;
  },

  ({ sip: { tlsCertificates: certificates, tlsKeys: keys } }) =>
    certificates.length === keys.length ? undefined : `sip.tlsCertificates names ${files(certificates)} and sip.tlsKeys ${files(keys)}: each certificate needs its key, in the same order.`,

  ({ sip }) => (sip.tlsClients !== 'none' && sip.tlsAuthorities === null ? `sip.tlsClients (${sip.tlsClients}) needs sip.tlsAuthorities, the authorities whose clients are trusted.` : undefined),

  ({ sip }) => {
    const named = sip.dnsServers.find(({ host }) => isIP(host) === 0);
    return named === undefined ? undefined : `sip.dnsServers names ${named.host}, which is not an IP address: somebody would have to be asked for it.`;
  },
];

const files = (names: readonly string[]): string => `${names.length} ${names.length === 1 ? 'file' : 'files'}`;

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
