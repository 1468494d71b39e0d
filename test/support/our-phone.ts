/**
 * `offhook phone --json`, as a person or a program runs it: the built command in a process of its own, events read line by line from stdout,
 * commands written to stdin. Without a sound card, unless it is given one: it says a tone, and what it hears goes to a file.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyEvent, PhoneCommand } from '../../client/cli/commands';
import { Child, describeExit, type Exit } from './child';
import type { Listener } from './ears';
import type { Phone, PhoneOptions } from './phone';
import { builtCommand, WITHOUT_SETTINGS } from './server';
import type { Stage } from './stage';
import { readIfThere } from './wait';
import { joined, readWav, type Recording } from './wav';

export interface OurPhoneOptions extends Omit<PhoneOptions, 'transport' | 'srtp' | 'mwi' | 'contact'> {
  transport?: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
  /** Default: as the product has it, 'optional'. */
  srtp?: 'off' | 'optional' | 'required';
  /** File of the authority to trust over TLS. */
  ca?: string;
  /** Answers by itself. */
  answers?: boolean;
  /** Does not register; `server` is then only who it says it belongs to. */
  alone?: boolean;
  /** SIP port of its own: '127.0.0.1:26010'. */
  local?: string;
  /** UDP ports of its sound, first and last; default some of the stage. */
  rtpPorts?: [number, number];
  /** A person at a sound card instead of a tone and a recording; `variables`: where the card is (see pulse.ts). */
  card?: { backend: 'portaudio' | 'pulse' | 'alsa'; input: string; output: string; variables: Readonly<Record<string, string>> };
  /** More words for the command line. */
  more?: string[];
}

/** What is printed besides the phone's own events. */
type Printed = AnyEvent | { event: 'error'; do?: string; problem: string };
type Name = Printed['event'];
export type PrintedEvent<N extends Name> = Extract<Printed, { event: N }> & { /** Time of day, ISO 8601. */ at: string };

/** A call at a time needs two ports, and they rest for a while. */
const RTP_PORTS = 16;

const WAV_HEADER_BYTES = 44;

export class OurPhone implements Phone {
  readonly name: string;
  private readonly events: Array<PrintedEvent<Name>> = [];
  /** Printed on stdout, and no event: a defect. */
  private readonly strays: string[] = [];
  /** The first event that a wait may take. */
  private mark = 0;
  private pending = '';
  private readonly waiters = new Set<() => void>();
  private readonly child: Child;

  private constructor(
    readonly options: OurPhoneOptions,
    private readonly folder: string,
    args: string[],
  ) {
    this.name = `our phone ${options.user}`;
    this.child = new Child(this.name, process.execPath, [builtCommand(), ...args], {
      cwd: folder,
      env: { ...WITHOUT_SETTINGS, ...options.card?.variables, HOME: folder, TMPDIR: folder },
      netns: options.netns,
      onStdout: (chunk) => this.take(chunk.toString('utf8')),
    });
    void this.child.exited.then(() => this.wake());
  }

  static async start(stage: Stage, options: OurPhoneOptions): Promise<OurPhone> {
    const folder = stage.path(`ours-${options.user}`);
    mkdirSync(folder, { recursive: true });
    const { first, last } = options.rtpPorts ? { first: options.rtpPorts[0], last: options.rtpPorts[1] } : await stage.ports(RTP_PORTS);
    return stage.own(new OurPhone(options, folder, commandLine(options, join(folder, 'heard.wav'), join(folder, 'sip.txt'), `${first}-${last}`)));
  }

  /** Sends a command; what comes of it is told by events. */
  command(command: PhoneCommand): void {
    this.child.write(`${JSON.stringify(command)}\n`);
  }

  /** From now on, `event` only takes what is still to come. */
  remember(): void {
    this.mark = this.events.length;
  }

  /** Waits for an event since the last `remember` (which dial, ringing and ended do too). An event of an error ends the wait, as does the end of the phone. */
  async event<N extends Name>(name: N, fits: (event: PrintedEvent<N>) => boolean = () => true, timeoutMs = 15_000): Promise<PrintedEvent<N>> {
    const look = (): PrintedEvent<N> | undefined => this.since().find((event): event is PrintedEvent<N> => event.event === name && fits(event as PrintedEvent<N>));
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.waiters.delete(check);
        settle();
      };
      const check = (): void => {
        const found = look();
        if (found !== undefined) return finish(() => resolve(found));
        const error = this.since().find((event): event is PrintedEvent<'error'> => event.event === 'error');
        if (error !== undefined) finish(() => reject(new Error(`${this.name}, waiting for “${name}”: ${error.do ?? 'it'} failed: ${error.problem}`)));
        else if (this.child.end !== undefined) finish(() => reject(new Error(`${this.name} ended while “${name}” was waited for: ${this.child.tail(20)}`)));
      };
      const timer = setTimeout(() => finish(() => reject(new Error(`${this.name}: no “${name}” within ${timeoutMs} ms`))), timeoutMs).unref();
      this.waiters.add(check);
      check();
    });
  }

  /** All events of this kind so far. */
  all<N extends Name>(name: N): Array<PrintedEvent<N>> {
    return this.events.filter((event): event is PrintedEvent<N> => event.event === name);
  }

  async registered(): Promise<void> {
    const refused = this.event('registration-failed', ({ final }) => final, 25_000).then(({ problem }) => {
      throw new Error(`${this.name} could not register: ${problem}`);
    });
    refused.catch(() => undefined);
    await Promise.race([this.event('registered', () => true, 20_000), refused]);
  }

  async dial(to: string): Promise<void> {
    this.remember();
    this.command({ do: 'dial', to });
    await this.event('calling');
  }

  async ringing(): Promise<void> {
    const incoming = await this.event('incoming');
    this.mark = this.events.indexOf(incoming) + 1;
  }

  async answer(): Promise<void> {
    this.command({ do: 'answer' });
  }

  async inCall(): Promise<void> {
    await this.event('answered');
  }

  async hold(call?: string): Promise<void> {
    this.remember();
    this.command({ do: 'hold', call });
    await this.event('held', ({ by }) => by === 'local');
  }

  async resume(call?: string): Promise<void> {
    this.remember();
    this.command({ do: 'resume', call });
    await this.event('resumed', ({ by }) => by === 'local');
  }

  async press(key: string, way?: 'rfc4733' | 'info' | 'in-band'): Promise<void> {
    this.command({ do: 'digits', digits: key, way });
    await this.event('digits-sent');
  }

  async pressed(key: string, by?: 'rfc4733' | 'info' | 'in-band'): Promise<void> {
    await this.event('digit', (event) => event.digit === key && (by === undefined || event.by === by));
  }

  async hangUp(call?: string): Promise<void> {
    this.command({ do: 'hangup', call });
  }

  async ended(): Promise<void> {
    const over = await this.event('ended');
    // What it heard last is in its file only then; without that, it would be taken for the beginning of the next call.
    if (over.answered && !this.options.card) await this.event('recorded', ({ call }) => call === over.call);
    this.mark = this.events.indexOf(over) + 1;
  }

  /** The id of the call that was begun, or rang, last. */
  get lastCall(): string {
    const last = this.events.filter((event) => event.event === 'calling' || event.event === 'incoming').at(-1);
    if (last === undefined || !('call' in last)) throw new Error(`${this.name} has had no call`);
    return last.call;
  }

  /** In all calls that were answered, one behind the other. While two are up at once, ask `ear`. */
  heard(): Recording {
    const parts = this.all('answered').map((_event, i) => this.heardIn(i + 1)).filter(({ samples }) => samples.length > 0);
    const rate = parts.at(-1)?.rate ?? 48_000;
    return { samples: joined(parts.filter((part) => part.rate === rate).map(({ samples }) => samples)), rate };
  }

  /** For `hears`: always the call that was answered last. Recordings have the rate of their call, so what several heard cannot be counted in one go. */
  readonly latest: Listener = { heard: () => this.heardIn(this.all('answered').length) };

  /** For `hears`: the n-th call that was answered, from 1. */
  ear(number: number): Listener {
    return { name: `${this.name}, call ${number}`, heard: () => this.heardIn(number) };
  }

  private heardIn(number: number): Recording {
    const file = join(this.folder, `heard${number === 1 ? '' : `-${number}`}.wav`);
    // Between the creation of the file and its header there is nothing to read.
    if (!existsSync(file) || statSync(file).size < WAV_HEADER_BYTES) return { samples: new Float32Array(0), rate: 48_000 };
    return readWav(file, 48_000);
  }

  /** Every SIP message, as text, in order. */
  trace(): string {
    return readIfThere(join(this.folder, 'sip.txt'));
  }

  /** What it wrote past its events: on a person's screen it would be in the way. */
  get complaints(): string {
    return this.child.output;
  }

  /** A crash handler has been at work. */
  get crashed(): boolean {
    return existsSync(join(this.folder, 'crash.log'));
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Waits for it to end by itself. */
  finished(timeoutMs = 15_000): Promise<Exit> {
    return this.child.waitExit(timeoutMs);
  }

  /** SIGTERM, whatever it is doing. */
  terminated(): Promise<Exit> {
    return this.child.stop('SIGTERM', 8000);
  }

  report(): string {
    const events = this.events.filter(({ event }) => event !== 'quality').slice(-30).map((event) => JSON.stringify(event));
    return `${this.child.tail(20)}\n--- ${this.name}: last events\n${events.join('\n')}\n--- ${this.name}: last of its SIP\n${this.trace().slice(-4000)}`;
  }

  /** Tells it to quit, which it must do by itself and soon, whatever state its calls and its server are in. */
  async close(): Promise<void> {
    if (this.child.running) this.command({ do: 'quit' });
    const exit = await this.child.waitExit(8000);
    if (exit.code !== 0 && exit.code !== 1) throw new Error(`${this.name} did not end well: ${describeExit(exit)}\n${this.child.tail(40)}`);
    if (this.strays.length > 0) throw new Error(`${this.name} printed on stdout what is no event: ${this.strays.slice(0, 5).join(' | ')}`);
  }

  private since(): Array<PrintedEvent<Name>> {
    return this.events.slice(this.mark);
  }

  private take(text: string): void {
    const lines = (this.pending + text).split('\n');
    this.pending = lines.pop() ?? '';
    for (const line of lines) {
      try {
        this.events.push(JSON.parse(line) as PrintedEvent<Name>);
      } catch {
        this.strays.push(line);
      }
    }
    this.wake();
  }

  private wake(): void {
    for (const waiter of [...this.waiters]) waiter();
  }
}

function commandLine(options: OurPhoneOptions, recording: string, trace: string, rtpPorts: string): string[] {
  const { user, password, server, domain, transport, codecs, srtp, ca, tone, card } = options;
  const sound = card ? ['--audio', card.backend, '--input', card.input, '--output', card.output] : ['--audio', 'none', '--tone', String(tone), '--record', recording];
  const args = ['phone', `${user}@${domain ?? server}`, '--json', ...sound, '--password', password, '--trace', trace, '--rtp-ports', rtpPorts];
  if (options.alone) args.push('--no-register');
  else if (domain !== undefined) args.push('--proxy', server);
  if (transport !== undefined) args.push('--transport', transport);
  if (codecs !== undefined) args.push('--codecs', codecs.join(','));
  if (srtp !== undefined) args.push('--srtp', srtp);
  if (ca !== undefined) args.push('--ca', ca);
  if (options.answers) args.push('--answer');
  const local = options.local ?? options.address;
  if (local !== undefined) args.push('--local', local);
  return [...args, ...(options.more ?? [])];
}
