/** One port applications connect to: plain, or TLS 1.2 and later with a certificate from files that can be read again. */
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer, type SecureContextOptions, type Server as TlsServer, type TLSSocket } from 'node:tls';

/** Files, all PEM. */
export interface ControlCertificate {
  certificate: string;
  key: string;
  /** Authorities: an application has to show a certificate that one of them signed. Absent: no certificate is asked for. */
  authorities?: string | undefined;
}

export interface ListenerOptions {
  host: string;
  port: number;
  tls?: ControlCertificate | undefined;
  /** Connections that the kernel hands us at a time, those in their TLS handshake included. */
  maxConnections: number;
  handshakeMs: number;
}

export interface ListenerEvents {
  connection(socket: Socket): void;
  /** One more than `maxConnections`; it is closed already. */
  refused(): void;
  handshakeFailed(error: Error): void;
  failed(error: Error): void;
}

export class ControlListener {
  private server: Server | TlsServer | undefined;

  constructor(
    private readonly options: ListenerOptions,
    private readonly events: ListenerEvents,
  ) {}

  /** Resolves with the address bound; rejects with the system's error (EADDRINUSE, EACCES, ENOENT for a certificate …). */
  async listen(): Promise<{ host: string; port: number }> {
    const server = this.create();
    server.maxConnections = this.options.maxConnections;
    server.on('drop', () => this.events.refused());
    this.server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: this.options.host, port: this.options.port }, () => {
        server.removeListener('error', reject);
        server.on('error', (error) => this.events.failed(error));
        const bound = server.address() as AddressInfo;
        resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  /** Reads the certificate again; connections that are there keep theirs. A text: why the old one is kept. */
  reload(): string | undefined {
    const { tls } = this.options;
    if (!tls || !this.server || !('setSecureContext' in this.server)) return undefined;
    try {
      this.server.setSecureContext(readCertificate(tls));
      return undefined;
    } catch (error) {
      return `The certificate of the control port stays as it was: ${(error as Error).message}`;
    }
  }

  /** Connections have to be ended before. Idempotent. */
  close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    return new Promise((resolve) => (server?.listening ? server.close(() => resolve()) : resolve()));
  }

  private create(): Server | TlsServer {
    const { tls, handshakeMs } = this.options;
    if (!tls) return createServer((socket) => this.events.connection(socket));
    const asked = tls.authorities !== undefined;
    const server = createTlsServer({ ...readCertificate(tls), minVersion: 'TLSv1.2', handshakeTimeout: handshakeMs, requestCert: asked, rejectUnauthorized: asked });
    server.on('secureConnection', (socket: TLSSocket) => this.events.connection(socket));
    server.on('tlsClientError', (error) => this.events.handshakeFailed(error));
    return server;
  }
}

/** @throws the system's error, which names the file; createSecureContext's when it holds something else */
function readCertificate(files: ControlCertificate): SecureContextOptions {
  const options: SecureContextOptions = { cert: readFileSync(files.certificate), key: readFileSync(files.key) };
  if (files.authorities !== undefined) options.ca = readFileSync(files.authorities);
  createSecureContext(options);
  return options;
}
