/**
 * Kamailio as a registrar and proxy: the other server that every phone driver here works against, so that a test of a
 * driver (and the "peer" side of a benchmark) does not depend on our own server. Any user is let in with the password
 * `pw<user>`; media goes directly between the phones.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { makeCertificate, type Certificate } from './certificate';
import { Child } from './child';
import { KAMAILIO_REALM, kamailioConfiguration, type KamailioPorts } from './kamailio-config';
import type { Stage } from './stage';
import { eventually, readIfThere } from './wait';

export { KAMAILIO_REALM };

/** Where Debian keeps empty tables for its text data base. */
const TABLES = '/usr/share/kamailio/dbtext/kamailio';

export interface KamailioOptions {
  /** Also over TLS (kamailio-tls-modules, openssl). */
  tls?: boolean;
  /** Also over WebSockets (kamailio-websocket-modules); with `tls` secure ones too. */
  web?: boolean;
  /** PUBLISH and SUBSCRIBE are for the server itself, which notifies (kamailio-presence-modules). Without, they are passed on to phones. */
  presence?: boolean;
  /** Of the digest; MD5 */
  algorithm?: 'MD5' | 'SHA-256';
  /** Address to listen on; 127.0.0.1 */
  address?: string;
  /** Ports and certificate of an earlier one, in whose place it comes. It remembers nothing of it. */
  successorOf?: Kamailio;
}

export type KamailioTransport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

export interface RegistrarAccount {
  user: string;
  password: string;
}

export class Kamailio {
  private constructor(
    readonly address: string,
    readonly ports: KamailioPorts,
    /** With `tls`: `ca` is what a phone has to trust. */
    readonly certificate: Certificate | undefined,
    private readonly child: Child,
  ) {}

  static async start(stage: Stage, options: KamailioOptions = {}): Promise<Kamailio> {
    const { address = '127.0.0.1', web = false, algorithm = 'MD5' } = options;
    const folder = stage.path('kamailio');
    mkdirSync(folder);
    const before = options.successorOf;
    const ports = before?.ports ?? (await newPorts(stage));
    const certificate = before ? before.certificate : options.tls ? await makeCertificate(stage, { names: [address, 'localhost', KAMAILIO_REALM] }) : undefined;
    const presenceTables = options.presence ? join(folder, 'tables') : undefined;
    if (presenceTables !== undefined) cpSync(TABLES, presenceTables, { recursive: true });
    const config = join(folder, 'kamailio.cfg');
    writeFileSync(config, kamailioConfiguration({ address, ports, modules: modulePath(), certificate, web, presenceTables, algorithm }));
    const child = new Child('kamailio', 'kamailio', ['-f', config, '-DD', '-E', '-Y', folder, '-P', join(folder, 'kamailio.pid'), '-m', '64', '-M', '8']);
    const kamailio = stage.own(new Kamailio(address, ports, certificate, child));
    await eventually(`kamailio on port ${ports.sip}\n${child.tail()}`, () => kamailio.listens(options), 10_000);
    return kamailio;
  }

  /** UDP and TCP */
  get port(): number {
    return this.ports.sip;
  }

  /** Where a phone with this transport goes: `127.0.0.1:26002` */
  server(transport: KamailioTransport): string {
    return `${this.address}:${transport === 'udp' || transport === 'tcp' ? this.ports.sip : this.ports[transport]}`;
  }

  get realm(): string {
    return KAMAILIO_REALM;
  }

  account(user: string): RegistrarAccount {
    return { user, password: `pw${user}` };
  }

  report(): string {
    return this.child.tail();
  }

  async close(): Promise<void> {
    await this.child.stop('SIGTERM', 5000);
  }

  /** SIGKILL, all of its processes at once: nobody is told anything. */
  async kill(): Promise<void> {
    const { pid } = this.child;
    if (pid !== undefined) for (const one of [pid, ...childrenOf(pid)]) endNow(one);
    await this.child.stop('SIGKILL');
  }

  private async listens({ tls, web }: KamailioOptions): Promise<boolean> {
    if (!this.child.running) throw new Error(`kamailio has ended\n${this.child.tail()}`);
    const { sip, tls: secure, ws, wss } = this.ports;
    const wanted = [sip, ...(tls ? [secure] : []), ...(web ? [ws] : []), ...(tls && web ? [wss] : [])];
    return (await Promise.all(wanted.map((port) => accepts(port, this.address)))).every(Boolean);
  }
}

async function newPorts(stage: Stage): Promise<KamailioPorts> {
  const { first } = await stage.ports(4);
  return { sip: first, tls: first + 1, ws: first + 2, wss: first + 3 };
}

/** The processes that it has forked, which outlive it otherwise. */
function childrenOf(pid: number): number[] {
  return readIfThere(`/proc/${pid}/task/${pid}/children`).trim().split(/\s+/).filter(Boolean).map(Number);
}

/** Some end by themselves when the first one is gone. */
function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Debian puts modules under the machine's multiarch folder. */
function modulePath(): string {
  const machine = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  return `/usr/lib/${machine}/kamailio/modules/`;
}

function accepts(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
