/**
 * SIPp (sip-tester, from Debian): runs a scenario of test/call/scenarios and hands back what the run came to and every message
 * it sent and received.
 *
 * The scenario files are SIPp's XML with two additions, filled in before SIPp sees them: `{{name}}` is a value given by the test,
 * `{{> part}}` is the text of scenarios/parts/part.xml (the digest dance before every call, say, is written once).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, type Exit } from './child';
import { peerPath } from './peers';
import type { Stage } from './stage';
import { eventually, readIfThere } from './wait';

const SCENARIOS = join(__dirname, '..', 'call', 'scenarios');

export interface SippOptions {
  /** File name in test/call/scenarios without `.xml` */
  scenario: string;
  /** host:port of the server; left out for a party that is only called */
  server?: string;
  transport?: 'udp' | 'tcp';
  /** Digest credentials, also the user part of From and Contact (`{{user}}`). */
  user?: string;
  password?: string;
  /** Number to call (`[service]`). */
  dials?: string;
  /** Own address; 127.0.0.1 */
  address?: string;
  /** Own SIP port; a new one by default. A party that is called listens where it registered from. */
  port?: number;
  /** Calls in all, at once, and begun per second; 1 each by default */
  calls?: number;
  atOnce?: number;
  perSecond?: number;
  /** For `{{name}}` in the scenario; `moreHeaders` are whole lines, each with its end. */
  values?: Record<string, string | number>;
  /** Rows of the injection file, fields by `[field0]` … in the scenario. */
  rows?: string[][];
  /** The run fails when it takes longer; 30 s */
  seconds?: number;
}

export interface SippMessage {
  direction: 'sent' | 'received';
  text: string;
}

export interface SippResult extends Exit {
  successful: number;
  failed: number;
  /** Most calls at once, by SIPp's count once a second */
  peak: number;
  messages: SippMessage[];
}

export class Sipp {
  private constructor(
    private readonly child: Child,
    private readonly folder: string,
    readonly port: number,
    private readonly seconds: number,
    private readonly scenario: string,
  ) {}

  /** Starts a run and returns at once, for a party that waits for calls: resolves when its port is open. */
  static async start(stage: Stage, options: SippOptions): Promise<Sipp> {
    const folder = stage.path(`sipp-${options.scenario}`);
    mkdirSync(folder);
    const port = options.port ?? (await stage.port());
    const transport = options.transport ?? 'udp';
    const { calls = 1, perSecond = 10, seconds = 30 } = options;
    const values = { user: options.user ?? 'sipp', moreHeaders: '', ...options.values };
    writeFileSync(join(folder, 'scenario.xml'), scenarioText(options.scenario, values));
    const args = ['-sf', 'scenario.xml', '-i', options.address ?? '127.0.0.1', '-p', String(port), '-t', transport === 'udp' ? 'u1' : 't1', '-nostdin'];
    args.push('-m', String(calls), '-l', String(options.atOnce ?? calls), '-r', String(perSecond));
    args.push('-trace_msg', '-message_file', 'messages.log', '-trace_err', '-error_file', 'errors.log');
    args.push('-trace_stat', '-stf', 'statistics.csv', '-fd', '1', '-timeout', String(seconds), '-timeout_error', '-skip_rlimit');
    if (options.user !== undefined) args.push('-au', options.user, '-ap', options.password ?? '');
    if (options.dials !== undefined) args.push('-s', options.dials);
    if (options.rows !== undefined) {
      writeFileSync(join(folder, 'rows.csv'), `SEQUENTIAL\n${options.rows.map((row) => `${row.join(';')}\n`).join('')}`);
      args.push('-inf', 'rows.csv');
    }
    if (options.server !== undefined) args.push(options.server);
    const child = new Child(`sipp ${options.scenario}`, peerPath('sipp'), args, { cwd: folder, env: { TERM: 'dumb' } });
    const sipp = stage.own(new Sipp(child, folder, port, seconds, options.scenario));
    await eventually(`sipp ${options.scenario} to listen on port ${port}`, () => !child.running || isListening(port, transport, options.address));
    return sipp;
  }

  /** Runs a scenario to its end. */
  static async run(stage: Stage, options: SippOptions): Promise<SippResult> {
    return (await Sipp.start(stage, options)).finished();
  }

  async finished(): Promise<SippResult> {
    // SIPp's own time-out does not end a call that is being retransmitted, hence the second one.
    const exit = await this.child.waitExit((this.seconds + 10) * 1000);
    return { ...exit, ...counts(readIfThere(join(this.folder, 'statistics.csv'))), messages: this.messages() };
  }

  /** Everything sent and received so far. */
  messages(): SippMessage[] {
    return parseMessages(readIfThere(join(this.folder, 'messages.log')));
  }

  /** Waits until a message received so far matches, while the run goes on. */
  async receives(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    return eventually(`sipp ${this.scenario} to receive ${pattern}`, () => {
      const found = this.messages().filter((message) => message.direction === 'received').map((message) => pattern.exec(message.text));
      return found.find((match) => match !== null) ?? undefined;
    }, timeoutMs);
  }

  report(): string {
    const title = `--- sipp ${this.scenario} on port ${this.port}`;
    if (this.child.end?.code === 0) return `${title}: all went as the scenario says`;
    const errors = readIfThere(join(this.folder, 'errors.log'));
    const last = this.messages().slice(-12).map((message) => `>>> ${message.direction}\n${message.text.trimEnd()}`);
    const printed = this.child.running || errors !== '' ? '' : this.child.tail(30);
    return [title, errors, printed, ...last].filter((text) => text !== '').join('\n');
  }

  async close(): Promise<void> {
    await this.child.stop('SIGKILL');
  }
}

/** The scenario with its parts and values filled in. Throws when a value or a part is missing. */
export function scenarioText(name: string, values: Record<string, string | number>, folder = SCENARIOS): string {
  const withParts = (text: string): string =>
    text.replace(/\{\{> ([\w-]+)\}\}\n?/g, (_all, part: string) => {
      const file = join(folder, 'parts', `${part}.xml`);
      if (!existsSync(file)) throw new Error(`scenario ${name}: there is no part ${part}`);
      return withParts(readFileSync(file, 'utf8'));
    });
  return withParts(readFileSync(join(folder, `${name}.xml`), 'utf8')).replace(/\{\{(\w+)\}\}/g, (_all, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`scenario ${name}: no value for {{${key}}}`);
    return String(value);
  });
}

/** SIPp's message log: a ruler with the time, a line with direction and size, an empty line, the message. */
export function parseMessages(log: string): SippMessage[] {
  return log.split(/^-{20,} \d{4}-\d\d-\d\d.*$/m).flatMap((entry) => {
    const head = /^\s*(?:UDP|TCP) message (sent|received)[^\n]*\n\r?\n?/.exec(entry);
    if (head === null) return [];
    return [{ direction: head[1] === 'sent' ? 'sent' : 'received', text: entry.slice(head[0].length).replace(/^\r?\n/, '') } as const];
  });
}

function counts(csv: string): { successful: number; failed: number; peak: number } {
  const [header = '', ...lines] = csv.trim().split('\n');
  const column = (name: string): number => header.split(';').indexOf(name);
  const values = (name: string): number[] => lines.map((line) => Number(line.split(';')[column(name)] ?? 0));
  return { successful: values('SuccessfulCall(C)').at(-1) ?? 0, failed: values('FailedCall(C)').at(-1) ?? 0, peak: Math.max(0, ...values('CurrentCall')) };
}

/** Asked of the kernel: binding the port ourselves to see would take it away from SIPp. */
export function isListening(port: number, transport: 'udp' | 'tcp', address = ''): boolean {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const table = readFileSync(`/proc/net/${transport}${address.includes(':') ? '6' : ''}`, 'utf8');
  return table.split('\n').some((line) => line.trim().split(/\s+/)[1]?.endsWith(end));
}
