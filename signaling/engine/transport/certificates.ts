/**
 * The certificates of TLS and WSS: read from files and checked as a person would have it said, chosen by the name a peer asks for
 * (SNI, RFC 6066 §3), and read again when the files change. What is bad when it is read again changes nothing.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext, type SecureContextOptions } from 'node:tls';
import { TransportError, type TlsOptions } from './types';

/** TLS 1.0 and 1.1 are not to be used any more (RFC 8996). */
export const MIN_VERSION = 'TLSv1.2';

/** A file that cannot be used; the message names it. */
export class CertificateError extends TransportError {
  constructor(
    readonly about: 'certificates' | 'key' | 'authorities' | 'handlers',
    message: string,
  ) {
    super('certificate', message);
  }
}

interface Entry {
  certificate: X509Certificate;
  context: SecureContext;
  /** What the context was made from, for servers that have their default replaced. */
  options: SecureContextOptions;
}

interface Loaded {
  entries: readonly Entry[];
  authorities: string | undefined;
  stamp: string;
}

export class Certificates {
  private loaded: Loaded;
  private dialling: SecureContext | undefined;
  private readonly followers: Array<(options: SecureContextOptions) => void> = [];

  /** @throws CertificateError */
  constructor(private readonly options: TlsOptions) {
    this.loaded = load(options);
  }

  get askClients(): boolean {
    return (this.options.clients ?? 'none') !== 'none';
  }

  get needClients(): boolean {
    return this.options.clients === 'require';
  }

  get verify(): boolean {
    return this.options.verify ?? true;
  }

  /** Whether we have one to show. */
  get present(): boolean {
    return this.loaded.entries.length > 0;
  }

  /** Hears of the default certificate, now and whenever it is another. */
  follow(fn: (options: SecureContextOptions) => void): void {
    this.followers.push(fn);
    fn(this.default());
  }

  /** For a peer that asks for this name: the first certificate that is for it, else the first of all. */
  contextFor(name: string): SecureContext | undefined {
    const { entries } = this.loaded;
    return (entries.find(({ certificate }) => certificate.checkHost(name) !== undefined) ?? entries[0])?.context;
  }

  /** For connections that we open. */
  contextForDialling(): SecureContext {
    const { authorities } = this.loaded;
    this.dialling ??= createSecureContext({ ...this.default(), ca: authorities === undefined ? undefined : [...rootCertificates, authorities] });
    return this.dialling;
  }

  /** The earliest end among our certificates (ms since 1970); undefined without any. */
  expires(): number | undefined {
    const ends = this.loaded.entries.map(({ certificate }) => Date.parse(certificate.validTo));
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Whether a file is not the one that was read. */
  changed(): boolean {
    return stampOf(this.options) !== this.loaded.stamp;
  }

  /** Reads all files again. Connections that are up keep what they have. @throws CertificateError; then nothing has changed */
  reload(): void {
    try {
      this.loaded = load(this.options);
    } catch (error) {
      // Said once, not at each look at the same bad files.
      this.loaded = { ...this.loaded, stamp: stampOf(this.options) };
      throw error;
    }
    this.dialling = undefined;
    for (const tell of this.followers) tell(this.default());
  }

  private default(): SecureContextOptions {
    return this.loaded.entries[0]?.options ?? { minVersion: MIN_VERSION };
  }
}

function load(options: TlsOptions): Loaded {
  const stamp = stampOf(options);
  const authorities = options.authorities === undefined ? undefined : readAuthorities(options.authorities);
  const entries = options.certificates.map(({ certificate, key }) => readPair(certificate, key, options.clients === undefined || options.clients === 'none' ? undefined : authorities));
  return { entries, authorities, stamp };
}

function readPair(certificateFile: string, keyFile: string, ca: string | undefined): Entry {
  const cert = read('certificates', 'certificate', certificateFile);
  const certificate = parse('certificates', certificateFile, cert);
  const key = read('key', 'key', keyFile);
  let known;
  try {
    known = createPrivateKey(key);
  } catch {
    const encrypted = /ENCRYPTED/.test(key);
    throw new CertificateError('key', encrypted ? `The key in ${keyFile} is encrypted: write it without a passphrase (openssl pkey -in … -out …).` : `There is no private key in PEM in ${keyFile}.`);
  }
  if (!certificate.checkPrivateKey(known)) throw new CertificateError('key', `The key in ${keyFile} does not belong to the certificate in ${certificateFile}.`);
  const options: SecureContextOptions = { cert, key, ca, minVersion: MIN_VERSION };
  try {
    return { certificate, options, context: createSecureContext(options) };
  } catch (error) {
    throw new CertificateError('certificates', `The certificate in ${certificateFile} cannot be used: ${(error as Error).message}.`);
  }
}

/** PEM. @throws CertificateError */
export function readAuthorities(file: string, about: 'authorities' | 'handlers' = 'authorities'): string {
  const text = read(about, 'certificates of authorities', file);
  for (const one of text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?(?:-----END CERTIFICATE-----|$)/g) ?? ['']) parse(about, file, one);
  return text;
}

function parse(about: CertificateError['about'], file: string, text: string): X509Certificate {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new CertificateError(about, `There is no certificate in PEM in ${file} (a line “-----BEGIN CERTIFICATE-----”).`);
  try {
    return new X509Certificate(text);
  } catch {
    throw new CertificateError(about, `The certificate in ${file} is damaged.`);
  }
}

function read(about: CertificateError['about'], what: string, file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : code === 'EACCES' ? 'this user may not read it' : message;
    throw new CertificateError(about, `The ${what} cannot be read from ${file}: ${why}.`);
  }
}

/** Symbolic links are followed: that is how certbot renews. */
function stampOf({ certificates, authorities }: TlsOptions): string {
  const files = [...certificates.flatMap(({ certificate, key }) => [certificate, key]), ...(authorities === undefined ? [] : [authorities])];
  return files
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found ? `${found.ino} ${found.size} ${found.mtimeMs}` : 'none';
    })
    .join('\n');
}
