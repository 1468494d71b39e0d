/** The certificates of the authorities that a phone is told to trust. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { LastingProblem } from '../../sip/channel';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The file as it is (PEM). Errors: LastingProblem for what cannot be read or holds no certificate, of which Node's TLS would say nothing at all. */
export async function readAuthorities(file: string): Promise<Buffer> {
  const problem = (what: string): LastingProblem => new LastingProblem(`cannot read the certificates in ${file}: ${what}`);
  let pem: Buffer;
  try {
    pem = await readFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw problem(code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : code === 'EACCES' ? 'this user may not read it' : message);
  }
  const found = pem.toString('latin1').match(CERTIFICATE) ?? [];
  if (found.length === 0) throw problem('there is none in it; it must be in PEM, with a line “-----BEGIN CERTIFICATE-----”');
  try {
    for (const one of found) new X509Certificate(one);
  } catch {
    throw problem('one of them is damaged');
  }
  return pem;
}
