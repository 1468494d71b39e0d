/**
 * A phone played by SIPp: it registers from one port and later waits for calls on that port, as a phone does; it calls from
 * another one, with the same credentials. What it says is in the scenario, what it hears in an RtpParty.
 */
import type { RtpParty } from './rtp-party';
import { audioTarget } from './sdp-text';
import { Sipp, type SippResult } from './sipp';
import type { Stage } from './stage';
import { eventually } from './wait';

export interface ScriptedPhoneOptions {
  /** host:port of the server */
  server: string;
  user: string;
  password: string;
  transport?: 'udp' | 'tcp';
  /** Own address; 127.0.0.1 */
  address?: string;
}

type Values = Record<string, string | number>;
type Extra = Partial<Parameters<typeof Sipp.start>[1]>;

export class ScriptedPhone {
  private constructor(
    private readonly stage: Stage,
    private readonly options: ScriptedPhoneOptions,
    /** Where it registers from and is called. */
    readonly port: number,
  ) {}

  /** A phone that has not registered. */
  static async make(stage: Stage, options: ScriptedPhoneOptions): Promise<ScriptedPhone> {
    return new ScriptedPhone(stage, options, await stage.port());
  }

  static async registered(stage: Stage, options: ScriptedPhoneOptions): Promise<ScriptedPhone> {
    const phone = await ScriptedPhone.make(stage, options);
    const result = await phone.register();
    if (result.code !== 0) throw new Error(`${options.user} could not register`);
    return phone;
  }

  get contact(): string {
    const { user, address = '127.0.0.1' } = this.options;
    return `<sip:${user}@${address.includes(':') ? `[${address}]` : address}:${this.port};transport=${this.transport}>`;
  }

  /** Sends one REGISTER with its digest dance. `final` is the status that has to come after it. */
  register(values: Values = {}, extra: Extra = {}): Promise<SippResult> {
    return Sipp.run(this.stage, {
      ...this.common('register', { contact: this.scenarioContact, expires: 120, final: 200, ...values }),
      port: this.port,
      ...extra,
    });
  }

  /** Any other scenario that registers. */
  runs(scenario: string, values: Values = {}, extra: Extra = {}): Promise<SippResult> {
    return Sipp.run(this.stage, { ...this.common(scenario, { contact: this.scenarioContact, ...values }), port: this.port, ...extra });
  }

  /** Waits for calls with this scenario. */
  expects(scenario: string, values: Values = {}, extra: Extra = {}): Promise<Sipp> {
    const { server: _none, ...common } = this.common(scenario, values);
    return Sipp.start(this.stage, { ...common, port: this.port, ...extra });
  }

  /** Dials with this scenario. */
  calls(number: string, scenario: string, values: Values = {}, extra: Extra = {}): Promise<Sipp> {
    return Sipp.start(this.stage, { ...this.common(scenario, values), dials: number, ...extra });
  }

  /** SIPp takes `[::1]` for a keyword of its own, and has one that means it. */
  private get scenarioContact(): string {
    return this.contact.replace(/\[[\da-f:]+\]/i, '[local_ip]');
  }

  private get transport(): 'udp' | 'tcp' {
    return this.options.transport ?? 'udp';
  }

  private common(scenario: string, values: Values): Parameters<typeof Sipp.start>[1] {
    const { server, user, password, address = '127.0.0.1' } = this.options;
    return { scenario, values, server, user, password, address, transport: this.transport };
  }
}

/** As soon as this run has received where the other side wants audio, the party starts sending there. */
export async function speak(party: RtpParty, run: Sipp): Promise<void> {
  const target = await eventually('a session description', () => {
    const described = run.messages().filter(({ direction, text }) => direction === 'received' && /^m=audio [1-9]/m.test(text));
    const last = described.at(-1);
    return last === undefined ? undefined : audioTarget(last.text);
  }, 10_000);
  party.sendTo(target);
}

/** Status lines and methods in the order this run received them, without repetitions: `['100', '180', '200']`. */
export function received(result: { messages: SippResult['messages'] }): string[] {
  const first = result.messages.filter(({ direction }) => direction === 'received').map(({ text }) => /^SIP\/2\.0 (\d{3})|^([A-Z]+) /.exec(text));
  const names = first.map((match) => match?.[1] ?? match?.[2] ?? '?');
  return names.filter((name, i) => name !== names[i - 1]);
}
