/**
 * The phone of a person: events and keys change the view, the view is drawn, commands go to the phone.
 *
 *   phone ── events ──┐                          ┌─► terminal
 *   keys ─────────────┴─► reduce ─► view ─► render┘
 *     └── commands ─► phone
 */
import type { ReadStream, WriteStream } from 'node:tty';
import type { Clock, Timer } from '../clock';
import type { PhoneEvent } from '../events';
import type { NodePhoneOptions } from '../node/phone';
import { PhoneError } from '../phone-types';
import { checkScript, follow, type CallScript } from './call-script';
import { perform } from './commands';
import { Contacts } from './contacts';
import { History } from './history';
import type { CliPhone, MakePhone } from './phone';
import { problemOf } from './problem';
import { cursorOf, KeyReader, render, Terminal, type UserCommand } from './screen';
import { historyEntry, initialView, reduce, type PhoneView, type UiEvent } from './state';

export interface InteractiveOptions {
  address: string;
  phone: NodePhoneOptions;
  dial?: string | undefined;
  script: CallScript;
  /** Where history and contacts are kept. */
  dataFolder: string;
  colour: boolean;
  unicode: boolean;
}

export interface InteractiveIo {
  input: ReadStream;
  output: WriteStream;
  clock: Clock;
  makePhone: MakePhone;
  /** Aborted: the phone is to end. */
  signal: AbortSignal;
}

/** A clock of seconds that is looked at once a second shows one for two seconds and leaves out the next. */
const TICK_MS = 200;
const LEVELS_MS = 100;
const BELL = '\u0007';

/** Resolves with the exit code when the person has quit. Errors: PhoneError for what no phone can be made of. */
export async function runInteractive(options: InteractiveOptions, io: InteractiveIo): Promise<number> {
  await checkScript(options.script);
  const phone = await io.makePhone(options.address, options.phone);
  const session = new Session(phone, options, io);
  await session.run();
  return 0;
}

class Session {
  private view: PhoneView;
  private readonly terminal: Terminal;
  private readonly keys: KeyReader;
  private readonly history: History;
  private readonly contacts: Contacts;
  private readonly timers: Timer[] = [];
  private drawing = false;
  private answered = 0;
  private over!: () => void;
  private readonly done = new Promise<void>((resolve) => (this.over = resolve));

  constructor(
    private readonly phone: CliPhone,
    private readonly options: InteractiveOptions,
    private readonly io: InteractiveIo,
  ) {
    const { clock } = io;
    const { register, inputGainDb, outputGainDb, noiseSuppression, doNotDisturb } = options.phone;
    const now = clock.now();
    this.view = initialView({
      address: options.address,
      register: register ?? true,
      nowMs: now,
      wallOffsetMs: clock.wall().getTime() - now,
      inputDb: inputGainDb ?? 0,
      outputDb: outputGainDb ?? 0,
      noiseSuppression: noiseSuppression ?? false,
      doNotDisturb: doNotDisturb ?? false,
    });
    const notice = (text: string): void => this.apply({ event: 'ui-notice', kind: 'problem', text });
    this.history = new History(options.dataFolder, { notice, clock });
    this.contacts = new Contacts(options.dataFolder, { notice, clock });
    this.keys = new KeyReader({ view: () => this.view, apply: (event) => this.apply(event), command: (command) => void this.obey(command) });
    this.terminal = new Terminal({
      input: io.input,
      output: io.output,
      onKey: (key) => this.keys.press(key, clock.now()),
      onResize: () => this.draw(),
      onEnd: () => this.over(),
    });
  }

  async run(): Promise<void> {
    const { phone, io } = this;
    io.signal.addEventListener('abort', () => this.over(), { once: true });
    if (io.signal.aborted) return phone.close();
    this.terminal.open();
    // Node would write them over the screen.
    const usual = process.listeners('warning');
    process.removeAllListeners('warning');
    const warned = (warning: Error): void => this.complain(warning);
    process.on('warning', warned);
    void this.history.load().then(() => this.showHistory());
    void this.contacts.load().then(() => this.showContacts());
    phone.on('*', (event) => this.heard(event));
    this.every(TICK_MS, () => this.apply({ event: 'ui-tick' }));
    this.every(LEVELS_MS, () => this.apply({ event: 'ui-levels', ...phone.hub.levels() }));
    try {
      void this.begin();
      await this.done;
    } finally {
      for (const timer of this.timers) timer.cancel();
      this.terminal.close();
      process.off('warning', warned);
      for (const listener of usual) process.on('warning', listener);
      await phone.close();
      await Promise.all([this.history.settled(), this.contacts.settled()]);
    }
  }

  /** A sound card that cannot be had, or a server that refuses, is told on the screen: calls without sound, or a look at the history, are still possible. */
  private async begin(): Promise<void> {
    const { phone, options } = this;
    const { register = true, audio } = options.phone;
    if (audio) phone.openAudio(audio).catch((err: unknown) => this.apply({ event: 'audio-problem', problem: problemOf(err), retrying: false }));
    try {
      await (register ? phone.register() : phone.connect());
      if (options.dial !== undefined) await phone.dial(options.dial);
    } catch (err) {
      this.complain(err);
    }
  }

  private heard(event: PhoneEvent): void {
    const entry = event.event === 'ended' ? historyEntry(this.view, event) : undefined;
    this.apply(event);
    if (entry) {
      void this.history.add(entry).then(() => this.showHistory());
      this.showHistory();
    }
    if (event.event === 'incoming' && this.view.audio.output === null) this.io.output.write(BELL);
    if (event.event === 'answered') this.play(event.call);
  }

  private play(id: string): void {
    const call = this.phone.call(id);
    if (!call) return;
    const { phone, io, options } = this;
    for (const work of follow(options.script, call, ++this.answered, { phone, clock: io.clock, tell: () => undefined })) work.catch((err: unknown) => this.complain(err));
  }

  private async obey(command: UserCommand): Promise<void> {
    try {
      switch (command.do) {
        case 'redraw':
          this.terminal.forget();
          return this.draw();
        case 'suspend':
          return this.terminal.suspend();
        case 'contact-add':
          await this.contacts.add({ name: command.name, address: command.address });
          return this.showContacts();
        case 'contact-remove':
          await this.contacts.remove(command.address);
          return this.showContacts();
        default:
          await perform(command, { phone: this.phone, clock: this.io.clock, tell: () => undefined, quit: this.over });
          return this.settings();
      }
    } catch (err) {
      // that a message was refused is told by an event
      if (command.do !== 'message') this.complain(err);
      else if (!(err instanceof PhoneError && err.code === 'refused')) this.apply({ event: 'ui-message-failed', to: command.to, problem: problemOf(err) });
      this.settings();
    }
  }

  private showHistory(): void {
    this.apply({ event: 'ui-history', entries: this.history.entries() });
  }

  private showContacts(): void {
    this.apply({ event: 'ui-contacts', contacts: this.contacts.entries() });
  }

  /** As they really are, whether a command has worked or not. */
  private settings(): void {
    const { hub, doNotDisturb } = this.phone;
    const { muted, noiseSuppression, inputGainDb, outputGainDb } = hub;
    this.apply({ event: 'ui-settings', muted, noiseSuppression, doNotDisturb, inputDb: inputGainDb, outputDb: outputGainDb });
  }

  private complain(err: unknown): void {
    this.apply({ event: 'ui-notice', kind: 'problem', text: problemOf(err) });
  }

  private apply(event: PhoneEvent | UiEvent): void {
    const before = this.view;
    this.view = reduce(before, event, this.io.clock.now());
    if (this.view !== before) this.draw();
  }

  /** Once for all that changed in this turn. */
  private draw(): void {
    if (this.drawing) return;
    this.drawing = true;
    setImmediate(() => {
      this.drawing = false;
      const { columns, rows } = this.terminal;
      const look = { columns, rows, colour: this.options.colour, unicode: this.options.unicode };
      this.terminal.draw(render(this.view, look), cursorOf(this.view, look));
    });
  }

  private every(ms: number, work: () => void): void {
    const index = this.timers.length;
    const again = (): void => {
      this.timers[index] = this.io.clock.after(ms, () => {
        work();
        again();
      });
    };
    again();
  }
}
