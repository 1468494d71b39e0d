/** A phone without a network, for tests of the command: what it is told is noted, what it tells is up to the test. */
import type { CliPhone, MakePhone } from '../../../../client/cli/phone';
import type { PhoneEvent, PhoneEventOf } from '../../../../client/events';
import { Listeners } from '../../../../client/listeners';
import type { NodeCall, NodePhoneOptions } from '../../../../client/node/phone';
import type { CallInfo } from '../../../../client/phone-types';

export const BOB = { uri: 'sip:1002@pbx.test', user: '1002', name: 'Bob' };

interface Waiting {
  resolve(): void;
  reject(err: Error): void;
}

/** By a phone that a test makes, what fails is said beforehand: `failures.register = new PhoneError(…)`. */
export class FakePhone {
  readonly done: string[] = [];
  readonly failures: Partial<Record<'register' | 'dial' | 'message' | 'hold' | 'play', Error>> = {};
  readonly made: Array<{ address: string; options: NodePhoneOptions }> = [];
  readonly calls: FakeCall[] = [];
  closed = false;
  /** The server takes its time: until this, nothing is registered. */
  letIn: Promise<void> | undefined;
  doNotDisturb = false;
  readonly hub = {
    muted: false,
    noiseSuppression: false,
    inputGainDb: 0,
    outputGainDb: 0,
    levels: () => ({ input: -127, output: -127 }),
    setMuted: (on: boolean) => void (this.hub.muted = on),
    setOutputGain: (db: number) => void (this.hub.outputGainDb = db),
  };
  private readonly listeners = new Listeners((err) => {
    throw err;
  });

  readonly make: MakePhone = async (address, options) => {
    this.made.push({ address, options });
    return this as unknown as CliPhone;
  };

  on(name: '*', listener: (event: PhoneEvent) => void): () => void {
    return this.listeners.on(name, listener);
  }

  emit(event: PhoneEvent): void {
    this.listeners.emit(event);
  }

  call(id: string): NodeCall | undefined {
    return this.calls.find((call) => call.id === id) as unknown as NodeCall | undefined;
  }

  get active(): FakeCall | undefined {
    return this.calls.find(({ info }) => info.state === 'up');
  }

  async register(): Promise<void> {
    this.note('register');
    if (this.letIn) await this.letIn;
    this.emit({ event: 'connected', protocol: 'UDP', local: '127.0.0.1:1', remote: '127.0.0.1:5060' });
    this.emit({ event: 'registered', aor: 'sip:1001@pbx.test', expiresS: 300, tookMs: 1 });
  }

  async connect(): Promise<void> {
    this.note('connect');
  }

  async dial(to: string): Promise<FakeCall> {
    this.note('dial', to);
    const call = this.begin('out');
    this.emit({ event: 'calling', call: call.id, to: BOB });
    return call;
  }

  async message(to: string, text: string): Promise<void> {
    this.note('message', to, text);
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const call of this.calls) if (call.info.state !== 'ended') call.end('local');
  }

  /** Somebody calls. */
  rings(): FakeCall {
    const call = this.begin('in');
    this.emit({ event: 'incoming', call: call.id, from: BOB, waiting: false });
    return call;
  }

  note(what: string, ...details: unknown[]): void {
    this.done.push([what, ...details].join(' '));
    const failure = this.failures[what as 'register'];
    if (failure) throw failure;
  }

  private begin(direction: 'in' | 'out'): FakeCall {
    const call = new FakeCall(this, String(this.calls.length + 1), direction);
    this.calls.push(call);
    return call;
  }
}

export class FakeCall {
  readonly info: Pick<CallInfo, 'direction' | 'party' | 'codec'> & { state: CallInfo['state'] };
  private settle!: Waiting;
  private over!: (event: PhoneEventOf<'ended'>) => void;
  readonly answered = new Promise<void>((resolve, reject) => (this.settle = { resolve, reject }));
  readonly ended = new Promise<PhoneEventOf<'ended'>>((resolve) => (this.over = resolve));
  readonly media = {
    play: async (what: unknown) => {
      this.phone.note('play', JSON.stringify(what));
      return { why: 'ended', playedMs: 20 };
    },
    record: async (file: string) => {
      this.phone.note('record', file);
      await this.ended;
      return { why: 'released', durationMs: 20, file };
    },
    describe: () => 'nothing',
  };

  constructor(
    private readonly phone: FakePhone,
    readonly id: string,
    direction: 'in' | 'out',
  ) {
    this.info = { direction, state: direction === 'in' ? 'incoming' : 'calling', party: BOB, codec: null };
    this.answered.catch(() => undefined);
  }

  isAnswered(): void {
    this.info.state = 'up';
    this.settle.resolve();
    this.phone.emit({ event: 'answered', call: this.id, with: BOB, codec: 'opus', encrypted: true, afterMs: 10 });
  }

  end(by: 'local' | 'remote', problem: Error | null = null): void {
    if (this.info.state === 'ended') return;
    const answered = this.info.state === 'up' || this.info.state === 'held';
    this.info.state = 'ended';
    const event = { event: 'ended', call: this.id, by, answered, status: null, reason: '', problem: problem?.message ?? null, durationMs: answered ? 3000 : 0, quality: null } as const;
    this.phone.emit(event);
    this.over(event);
    if (!answered) this.settle.reject(problem ?? new Error('it ended'));
  }

  async answer(): Promise<void> {
    this.phone.note('answer', this.id);
    this.isAnswered();
  }

  async hangUp(): Promise<void> {
    this.phone.note('hangup', this.id);
    this.end('local');
  }

  async hold(): Promise<void> {
    this.phone.note('hold', this.id);
    this.info.state = 'held';
    this.phone.emit({ event: 'held', call: this.id, by: 'local' });
  }

  async sendDigits(digits: string, way?: string): Promise<void> {
    this.phone.note('digits', digits, way ?? 'auto');
  }
}
