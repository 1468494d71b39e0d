/**
 * A phone without a person: does what the command line asked for, tells what happens on stdout (one JSON event a line, or one sentence),
 * takes commands on stdin.
 *
 *   register ─► dial, or wait for calls ─► answered: play, tone, record, keys, hang up ─► so many calls have ended ─► exit code
 */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Clock } from '../clock';
import type { PhoneEventOf } from '../events';
import type { NodePhoneOptions } from '../node/phone';
import { PhoneError } from '../phone-types';
import { checkScript, follow, type CallScript } from './call-script';
import { parseCommand, perform, type AnyEvent } from './commands';
import type { CliPhone, MakePhone } from './phone';
import { exitCodeOf, problemOf } from './problem';
import { sentence } from './plain';

export interface HeadlessOptions {
  address: string;
  phone: NodePhoneOptions;
  dial?: string | undefined;
  script: CallScript;
  /** The end comes with the end of so many calls; default: of one with `dial`, else never. */
  calls?: number | undefined;
  json: boolean;
}

export interface HeadlessIo {
  out(text: string): void;
  err(text: string): void;
  /** Commands; undefined: none are taken. */
  input: Readable | undefined;
  clock: Clock;
  makePhone: MakePhone;
  /** Aborted: the phone is to end (SIGINT, SIGTERM, nobody reads the output any more). */
  signal: AbortSignal;
}

/** Resolves with the exit code: 0 only when what was asked for happened. Errors: PhoneError 'bad-command', before anything was begun. */
export async function runHeadless(options: HeadlessOptions, io: HeadlessIo): Promise<number> {
  checkScript(options.script);
  return new Headless(options, io).run();
}

class Headless {
  private phone: CliPhone | undefined;
  private readonly failures: string[] = [];
  private exitCode: 0 | 1 | 2 = 0;
  /** Told to by a command: so it was asked for. */
  private toldToQuit = false;
  private readonly limit: number;
  private ended = 0;
  private answered = 0;
  private readonly works: Array<Promise<void>> = [];
  private over!: () => void;
  private readonly done = new Promise<void>((resolve) => (this.over = resolve));

  constructor(
    private readonly options: HeadlessOptions,
    private readonly io: HeadlessIo,
  ) {
    this.limit = options.calls ?? (options.dial === undefined ? Infinity : 1);
  }

  async run(): Promise<number> {
    const { options, io } = this;
    io.signal.addEventListener('abort', () => this.over(), { once: true });
    if (io.signal.aborted) return 1;
    try {
      const phone = await io.makePhone(options.address, options.phone);
      this.phone = phone;
      phone.on('*', (event) => this.tell(event));
      phone.on('answered', ({ call }) => this.play(phone, call));
      phone.on('ended', (event) => this.onEnded(event));
      await this.begin(phone);
      const lines = io.input && createInterface({ input: io.input, crlfDelay: Infinity });
      lines?.on('line', (line) => void this.onLine(phone, line));
      await this.done;
      lines?.close();
      const { calls } = options;
      if (calls !== undefined && this.ended < calls && !this.toldToQuit) this.fail(new PhoneError('closed', `ended after ${this.ended} of ${calls} calls`));
    } catch (err) {
      this.fail(err);
    }
    await this.phone?.close();
    await Promise.all(this.works);
    for (const failure of this.failures) io.err(`offhook: ${failure}\n`);
    return this.exitCode;
  }

  private async begin(phone: CliPhone): Promise<void> {
    const { register = true, audio } = this.options.phone;
    // Whoever is told to end while it registers does not wait for that.
    const ready = Promise.all([register ? phone.register() : phone.connect(), audio && phone.openAudio(audio)]);
    ready.catch(() => undefined);
    await Promise.race([ready, this.done]);
    if (this.io.signal.aborted) throw new PhoneError('closed', 'ended before it was registered');
    if (this.options.dial === undefined) return;
    const call = await phone.dial(this.options.dial);
    call.answered.catch((err: unknown) => this.fail(err, `${this.options.dial}: `));
  }

  private tell(event: AnyEvent | { event: 'error'; do?: string; problem: string }): void {
    if (this.options.json) this.io.out(`${JSON.stringify({ ...event, at: this.io.clock.wall().toISOString() })}\n`);
    else if (event.event === 'error') this.io.err(`offhook: ${event.problem}\n`);
    else {
      const text = sentence(event);
      if (text !== undefined) this.io.out(`${text}\n`);
    }
  }

  private quit(): void {
    this.toldToQuit = true;
    this.over();
  }

  private fail(err: unknown, about = ''): void {
    const problem = `${about}${problemOf(err)}`;
    this.exitCode = this.exitCode === 1 ? 1 : exitCodeOf(err);
    this.failures.push(problem);
    if (this.options.json) this.tell({ event: 'error', problem });
  }

  private async onLine(phone: CliPhone, line: string): Promise<void> {
    if (line.trim() === '') return;
    let name: string | undefined;
    try {
      const command = parseCommand(line);
      name = command.do;
      await perform(command, { phone, clock: this.io.clock, tell: (event) => this.tell(event), quit: () => this.quit() });
    } catch (err) {
      this.tell({ event: 'error', ...(name !== undefined && { do: name }), problem: problemOf(err) });
    }
  }

  private onEnded({ call }: PhoneEventOf<'ended'>): void {
    this.ended++;
    const others = this.phone?.calls.some(({ id, info }) => id !== call && info.state !== 'ended');
    if (this.ended >= this.limit && !others) this.over();
  }

  /** Whatever goes wrong is told at the end, and the call goes on. */
  private play(phone: CliPhone, id: string): void {
    const call = phone.call(id);
    if (!call) return;
    const { clock } = this.io;
    for (const work of follow(this.options.script, call, ++this.answered, { phone, clock, tell: (event) => this.tell(event) })) {
      this.works.push(work.catch((err: unknown) => this.fail(err, `call ${id}: `)));
    }
  }
}
