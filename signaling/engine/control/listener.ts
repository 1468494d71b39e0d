/** One port applications connect to: plain, or TLS 1.2 and later with a certificate from files that can be read again. */
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type Server as TlsServer, type TLSSocket } from 'node:tls';

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
    const server = await this.create();
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

  /** Reads the certificate again; connections that are there keep theirs. Rejects, and keeps the old one, when it cannot be used. */
  async reload(): Promise<void> {
    const { tls } = this.options;
    if (tls && this.server && 'setSecureContext' in this.server) this.server.setSecureContext(await readCertificate(tls));
  }

  /** Connections have to be ended before. Idempotent. */
  close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    return new Promise((resolve) => (server?.listening ? server.close(() => resolve()) : resolve()));
  }

  private async create(): Promise<Server | TlsServer> {
    const { tls, handshakeMs } = this.options;
    if (!tls) return createServer((socket) => this.events.connection(socket));
    const asked = tls.authorities !== undefined;
    const server = createTlsServer({ ...(await readCertificate(tls)), minVersion: 'TLSv1.2', handshakeTimeout: handshakeMs, requestCert: asked, rejectUnauthorized: asked });
    server.on('secureConnection', (socket: TLSSocket) => this.events.connection(socket));
    server.on('tlsClientError', (error) => this.events.handshakeFailed(error));
    return server;
  }
}

async function readCertificate(files: ControlCertificate): Promise<SecureContextOptions> {
  const [cert, key, ca] = await Promise.all([readFile(files.certificate), readFile(files.key), files.authorities === undefined ? undefined : readFile(files.authorities)]);
  return { cert, key, ...(ca ? { ca } : {}) };
}
