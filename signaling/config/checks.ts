/** What must hold between settings. Each check answers with one sentence that names them, or with nothing. */
import { isIP } from 'node:net';
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

  ({ smtp }) => (smtp.host && !smtp.from ? 'smtp.host needs smtp.from, the address that e-mails are sent from.' : undefined),

  ({ smtp }) => (smtp.user !== null && smtp.password === null ? 'smtp.user needs smtp.password.' : undefined),

  ({ sip }) => {
    const seen = new Set<string>();
    for (const { host, port } of sip.listen) {
      if (port !== 0 && seen.has(`${host} ${port}`)) return `sip.listen names ${host} with port ${port} twice.`;
      seen.add(`${host} ${port}`);
    }
    return undefined;
  },
];

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
