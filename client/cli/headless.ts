/**
 * A phone without a person: does what the command line asked for, tells what happens on stdout (one JSON event a line, or one sentence),
 * takes commands on stdin.
 *
 *   register ─► dial, or wait for calls ─► answered: play, tone, record, keys, hang up ─► so many calls have ended ─► exit code
 *
 * Commands are obeyed from the start: those that need the server (dial, message) wait until it has let the phone in.
 */
import type { Readable } from 'node:stream';
import type { Clock } from '../clock';
import type { PhoneEventOf } from '../events';
import type { NodePhoneOptions } from '../node/phone';
import { PhoneError } from '../phone-types';
import { checkScript, follow, type CallScript } from './call-script';
import { parseCommand, perform, type AnyEvent, type PhoneCommand } from './commands';
import { EarlyOrders } from './early-orders';
import { LONGEST_LINE, readLines } from './lines';
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
  await checkScript(options.script);
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
  private readonly early = new EarlyOrders();
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
    let lines: { close(): void } | undefined;
    try {
      const phone = await io.makePhone(options.address, options.phone);
      this.phone = phone;
      phone.on('*', (event) => this.tell(event));
      phone.on('answered', ({ call }) => this.play(phone, call));
      phone.on('ended', (event) => this.onEnded(event));
      this.orderCall(phone);
      lines = io.input && readLines(io.input, { line: (line) => void this.onLine(phone, line), tooLong: () => this.tell({ event: 'error', problem: `a command has at most ${LONGEST_LINE} characters` }) });
      await this.begin(phone);
      await this.done;
      const { calls } = options;
      if (calls !== undefined && this.ended < calls && !this.toldToQuit) this.fail(new PhoneError('closed', `ended after ${this.ended} of ${calls} calls`));
    } catch (err) {
      this.fail(err);
    }
    lines?.close();
    this.early.refuse('the phone ended before it was registered');
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
    let isReady = false;
    await Promise.race([ready.then(() => (isReady = true)), this.done]);
    if (isReady) return this.early.release();
    if (this.io.signal.aborted) throw new PhoneError('closed', 'ended before it was registered');
  }

  /** The call that the command line asks for. Without it there is nothing to wait for. */
  private orderCall(phone: CliPhone): void {
    const { dial } = this.options;
    if (dial === undefined) return;
    const failed = (err: unknown): void => {
      this.fail(err);
      this.over();
    };
    const work = async (): Promise<void> => {
      try {
        const call = await phone.dial(dial);
        call.answered.catch((err: unknown) => this.fail(err, `${dial}: `));
      } catch (err) {
        failed(err);
      }
    };
    void this.early.add({ isCall: true, work, refused: (why) => this.failures.length === 0 && failed(new PhoneError('closed', `${dial} was not called: ${why}`)) });
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
      await this.obey(phone, command);
    } catch (err) {
      this.refused(name, problemOf(err));
    }
  }

  /** Errors: PhoneError. */
  private async obey(phone: CliPhone, command: PhoneCommand): Promise<void> {
    const { do: name } = command;
    const done = (): Promise<void> => perform(command, { phone, clock: this.io.clock, tell: (event) => this.tell(event), quit: () => this.quit() });
    if (name === 'hangup' && command.call === undefined && phone.calls.length === 0 && this.early.hangUp('it was hung up before the phone was registered')) return;
    if (name !== 'dial' && name !== 'message') return done();
    const refused = (why: string): void => this.refused(name, why);
    const work = async (): Promise<void> => {
      const over = done().catch((err: unknown) => refused(problemOf(err)));
      // A call is sent off before what comes after it; an answer to a message keeps nobody waiting.
      if (name === 'dial') await over;
    };
    await this.early.add({ isCall: name === 'dial', work, refused });
  }

  private refused(name: string | undefined, problem: string): void {
    this.tell({ event: 'error', ...(name !== undefined && { do: name }), problem });
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
