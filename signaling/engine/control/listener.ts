/** One port applications connect to: plain, or TLS with a certificate that is read again when its files change. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import type { Clock } from '../../clock';
import type { Log } from '../log';
import { CertificateWatch } from '../transport/certificate-watch';
import { Certificates, MIN_VERSION } from '../transport/certificates';

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

export interface ListenerDeps {
  clock: Clock;
  log: Log;
  counters: { certificateReloads: number; certificateReloadsFailed: number };
}

const names = { watched: 'The certificate of the control port and its key', peers: 'applications' };

export class ControlListener {
  private server: Server | TlsServer | undefined;
  private watch: CertificateWatch | undefined;

  constructor(
    private readonly options: ListenerOptions,
    private readonly events: ListenerEvents,
    private readonly deps: ListenerDeps,
  ) {}

  /** Resolves with the address bound; rejects with the system's error (EADDRINUSE, EACCES …), or `CertificateError`. */
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
    return this.watch?.reload();
  }

  /** Connections have to be ended before. Idempotent. */
  close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    this.watch?.close();
    this.watch = undefined;
    return new Promise((resolve) => (server?.listening ? server.close(() => resolve()) : resolve()));
  }

  private create(): Server | TlsServer {
    const { tls, handshakeMs } = this.options;
    if (!tls) return createServer((socket) => this.events.connection(socket));
    const asked = tls.authorities !== undefined;
    const certificates = new Certificates({ certificates: [tls], clients: asked ? 'require' : 'none', authorities: tls.authorities });
    const server = createTlsServer({ minVersion: MIN_VERSION, handshakeTimeout: handshakeMs, requestCert: asked, rejectUnauthorized: asked });
    certificates.follow((options) => server.setSecureContext(options));
    this.watch = new CertificateWatch(certificates, { ...this.deps, names });
    server.on('secureConnection', (socket: TLSSocket) => this.events.connection(socket));
    server.on('tlsClientError', (error) => this.events.handshakeFailed(error));
    return server;
  }
}
