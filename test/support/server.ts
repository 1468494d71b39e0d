/**
 * The product itself, as a user runs it: the built `offhook serve` in a process of its own with a data folder and ports of its
 * own, extensions added through the command line. Closing it means SIGTERM and exit code 0; anything else fails the test.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Child, describeExit, run, type Exit } from './child';
import type { Stage } from './stage';

const ROOT = join(__dirname, '..', '..');
/** DIST_UNDER_TEST: a build in another place (an installed package, say). */
const COMMAND = join(process.env['DIST_UNDER_TEST'] ?? join(ROOT, 'dist'), 'signaling', 'cli', 'offhook.js');

/** What the person who runs the tests has set for a server of their own is not for these. */
export const WITHOUT_SETTINGS = Object.fromEntries(Object.keys(process.env).filter((name) => name.startsWith('OFFHOOK_')).map((name) => [name, undefined]));

/** RTP ports of one server: four for a call, and they rest for a while after use. Suites run side by side in one range. */
const MEDIA_PORTS = 100;

export interface ServerOptions {
  /** Extensions that exist from the start (with `passwordOf`); 1001 and 1002 by default. None: the server makes its own. */
  extensions?: string[];
  /** Of those extensions; 'optional' */
  srtp?: Record<string, 'off' | 'optional' | 'required'>;
  settings?: Record<string, string | number>;
  /** Address to listen on (the first of several is the one in `address`); 127.0.0.1 */
  host?: string;
  moreHosts?: string[];
  netns?: string;
  /** Data folder and port of an earlier server, to go on where it stopped. */
  successorOf?: Server;
  /** RTP ports (two per phone in a call); 100 */
  mediaPorts?: number;
}

export interface Account {
  user: string;
  password: string;
}

export class Server {
  private stopped = false;

  private constructor(
    private readonly child: Child,
    readonly host: string,
    readonly port: number,
    readonly data: string,
    /** The JSON behind `ready` on stdout. */
    readonly ready: Record<string, unknown>,
  ) {}

  static async start(stage: Stage, options: ServerOptions = {}): Promise<Server> {
    const { successorOf: before, host = '127.0.0.1' } = options;
    const data = before?.data ?? stage.path('data');
    if (before === undefined) for (const number of options.extensions ?? ['1001', '1002']) await addExtension(data, number, options.srtp?.[number]);
    const port = before?.port ?? (await stage.port());
    const media = await stage.ports(options.mediaPorts ?? MEDIA_PORTS);
    // Calls that nobody takes end as they did before there were mailboxes, unless a suite is about those.
    const settings = { 'voicemail.enabled': 'off', 'media.portMin': media.first, 'media.portMax': media.last, ...options.settings };
    const listen = [host, ...(options.moreHosts ?? [])].map((one) => `${one}:${port}`).join(',');
    const args = ['serve', '--data', data, '--sip', listen, ...Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])];
    const child = new Child('offhook serve', process.execPath, [builtCommand(), ...args], { cwd: stage.folder, env: WITHOUT_SETTINGS, netns: options.netns });
    // Ends it also when it never gets ready, and keeps its output for the failure message.
    stage.own({ close: () => child.stop('SIGKILL').then(() => undefined), report: () => child.tail(80) });
    const [, json = ''] = await child.waitFor(/^ready (\{.*\})$/m, 20_000);
    const server = new Server(child, host, port, data, JSON.parse(json) as Record<string, unknown>);
    return stage.own(server);
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  account(number: string): Account {
    return { user: number, password: passwordOf(number) };
  }

  /** Adds an extension while the server runs. */
  async add(number: string, srtp: 'off' | 'optional' | 'required' = 'optional'): Promise<Account> {
    await addExtension(this.data, number, srtp);
    return this.account(number);
  }

  /** Everything printed so far. */
  get output(): string {
    return this.child.output;
  }

  /** SIGTERM, then the exit; the caller judges it. */
  async stop(): Promise<Exit> {
    this.stopped = true;
    return this.child.stop('SIGTERM', 15_000);
  }

  /** SIGKILL: it has no say in it. */
  async kill(): Promise<void> {
    this.stopped = true;
    await this.child.stop('SIGKILL');
  }

  async close(): Promise<void> {
    if (this.stopped) return;
    if (!this.child.running) throw new Error(`the server ended by itself: ${describeExit(await this.child.exited)}\n${this.child.tail(80)}`);
    const exit = await this.stop();
    if (exit.code !== 0) throw new Error(`the server did not end well on SIGTERM: ${describeExit(exit)}\n${this.child.tail(80)}`);
  }
}

/** Runs `offhook …` to its end. */
export function offhook(args: string[], options: { cwd?: string; timeoutMs?: number } = {}): Promise<Exit & { output: string }> {
  return run(process.execPath, [builtCommand(), ...args], { timeoutMs: 20_000, env: WITHOUT_SETTINGS, ...options });
}

export function passwordOf(number: string): string {
  return `secret-of-${number}`;
}

async function addExtension(data: string, number: string, srtp: 'off' | 'optional' | 'required' = 'optional'): Promise<void> {
  const result = await offhook(['extension', 'add', number, '--password', passwordOf(number), '--srtp', srtp, '--data', data]);
  if (result.code !== 0) throw new Error(`offhook extension add ${number}: ${describeExit(result)}\n${result.output}`);
}

export function builtCommand(): string {
  if (!existsSync(COMMAND)) throw new Error(`${COMMAND} does not exist: build first (npm run build)`);
  return COMMAND;
}
