/**
 * Certificates that live as long as one test: an authority of the test's own, and a server certificate signed by it. Made with openssl, since
 * Node signs none. Keys are P-256, which takes milliseconds where RSA takes seconds.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { run } from './child';
import { peerPath } from './peers';
import type { Stage } from './stage';

/** Files, all PEM. */
export interface Certificate {
  /** Of the authority: what a phone must trust. */
  ca: string;
  certificate: string;
  key: string;
}

export interface CertificateOptions {
  /** Names and addresses that it is for; 127.0.0.1 and localhost */
  names?: string[];
  /** Already over: of yesterday. */
  expired?: boolean;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export async function makeCertificate(stage: Stage, { names = ['127.0.0.1', 'localhost'], expired = false }: CertificateOptions = {}): Promise<Certificate> {
  const folder = stage.path('certificates');
  mkdirSync(folder);
  const at = (name: string): string => join(folder, name);
  const alternatives = names.map((name) => `${isIP(name) ? 'IP' : 'DNS'}:${name}`).join(',');
  writeFileSync(at('server.ext'), `subjectAltName=${alternatives}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n`);
  await openssl(['req', '-x509', ...NEW_KEY, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=authority of a test', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']);
  await openssl(['req', ...NEW_KEY, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', `/CN=${names[0] ?? 'server'}`]);
  await openssl(['x509', '-req', '-in', at('server.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', expired ? '-1' : '2', '-extfile', at('server.ext'), '-out', at('server.pem')]);
  return { ca: at('ca.pem'), certificate: at('server.pem'), key: at('server.key') };
}

async function openssl(args: string[]): Promise<void> {
  const result = await run(peerPath('openssl'), args, { timeoutMs: 20_000 });
  if (result.code !== 0) throw new Error(`openssl ${args[0]}: ${result.output.trim()}`);
}
