/**
 * The phone that runs under Node: the core (`client/phone.ts`) with sockets, sound and a sound card.
 *
 *   ┌ NodePhone ───────────────────────────────────────────────┐
 *   │ core ── channel/ ── UDP, TCP, TLS, WS, WSS                 │
 *   │   └──── media/ hub ── RTP of each call                     │
 *   │           └────────── audio/ device (child process)        │
 *   └────────────────────────────────────────────────────────────┘
 */
import { randomInt } from 'node:crypto';
import { systemClock, type Chance, type Clock } from '../clock';
import type { PhoneEvent, PhoneEventName, PhoneEventOf } from '../events';
import { Listeners } from '../listeners';
import { createPhone } from '../phone';
import type { Account, Call, DialOptions, Phone, PhoneOptions } from '../phone-types';
import { loadSip } from '../sip/sip-js';
import { parseBelonging, targetOf, type Transport } from './address';
import type { AudioDevice, DeviceRequest } from './audio/device';
import { openDevice } from './audio/open';
import { channelOpener } from './channel/open';
import { LocalTones } from './local-tones';
import { createHub } from './media/hub';
import type { AudioHub, HubSettings, NodeCallMedia } from './media/hub-types';
import { watchNetwork } from './network-watch';

export type NodeCall = Call<NodeCallMedia>;

export interface NodePhoneOptions extends Omit<PhoneOptions, 'account'>, HubSettings {
  password?: string | undefined;
  displayName?: string | undefined;
  /** Default: the user of the address. */
  authUser?: string | undefined;
  /** Default 'udp'. */
  transport?: Transport | undefined;
  /** Where everything is sent to, when that is not what the address says: HOST:PORT, sip:HOST;transport=tcp, wss://HOST/PATH. */
  proxy?: string | undefined;
  /** Default true. Without, calls go straight to whoever is called, unless there is a proxy. */
  register?: boolean | undefined;
  /** Of the registration, s. Default 300. */
  expiresS?: number | undefined;
  /** The sound card; default none: sound is played, recorded and made by the program. */
  audio?: DeviceRequest | undefined;
  /** TLS and WSS: certificates of a private authority; or none is checked at all. */
  tls?: { caFile?: string | undefined; insecure?: boolean | undefined } | undefined;
  /** Where SIP is sent from; default: the system's choice. */
  localAddress?: string | undefined;
  localPort?: number | undefined;
  /** Hears every SIP message. */
  trace?: ((line: { out: boolean; text: string }) => void) | undefined;
  clock?: Clock | undefined;
  chance?: Chance | undefined;
}

/** Nonces, tags and stream numbers are made of it. */
const unguessable: Chance = () => randomInt(2 ** 32) / 2 ** 32;

export class NodePhone implements Phone<NodeCallMedia> {
  private readonly listeners: Listeners;
  private readonly tones: LocalTones;
  private readonly endWatch: () => void;
  private device: AudioDevice | undefined;
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly core: Phone<NodeCallMedia>,
    /** Between the sound card and the calls: mute, gain, levels. */
    readonly hub: AudioHub,
    clock: Clock,
  ) {
    this.listeners = new Listeners((err) => process.emitWarning(err instanceof Error ? err : String(err)));
    this.tones = new LocalTones((tone) => hub.tone(tone), clock);
    core.on('*', (event) => {
      this.tones.heard(event);
      this.listeners.emit(event);
    });
    this.endWatch = watchNetwork(clock, () => core.networkChanged());
  }

  /**
   * A phone that has not done anything yet: `register()` (or `connect()`, without a server) comes next, so that nobody misses an event.
   * `address`: USER@HOST[:PORT]. Errors: PhoneError 'bad-address'.
   */
  static async create(address: string, options: NodePhoneOptions = {}): Promise<NodePhone> {
    const belonging = parseBelonging(address);
    const { register = true, transport, proxy, clock = systemClock, chance = unguessable } = options;
    const server = register || proxy !== undefined ? targetOf(belonging, transport, proxy) : undefined;
    const { password, displayName, authUser, expiresS } = options;
    const account: Account = { user: belonging.user, domain: belonging.domain, displayName, authUser, password, server, expiresS };
    const sip = await loadSip();
    const hub = createHub(options, { clock, chance });
    const openChannel = channelOpener({ tls: options.tls, localAddress: options.localAddress, localPort: options.localPort });
    const core = createPhone<NodeCallMedia>({ ...options, account }, { sip, openChannel, media: hub, clock, chance, trace: options.trace });
    return new NodePhone(core, hub, clock);
  }

  /** A phone that is registered (and has its sound card, when one was asked for). Errors: PhoneError, AudioDeviceError; nothing is left open then. */
  static async connect(address: string, options: NodePhoneOptions = {}): Promise<NodePhone> {
    const phone = await NodePhone.create(address, options);
    try {
      await Promise.all([
        (options.register ?? true) ? phone.register() : phone.connect(),
        options.audio && phone.openAudio(options.audio),
      ]);
      return phone;
    } catch (err) {
      await phone.close();
      throw err;
    }
  }

  /** Takes these devices into use instead of those before. Errors: AudioDeviceError, and then nothing has changed. */
  async openAudio(request: DeviceRequest): Promise<void> {
    const device = await openDevice(request, {
      problem: (problem, retrying) => this.listeners.emit({ event: 'audio-problem', problem, retrying }),
      recovered: (input, output) => this.listeners.emit({ event: 'audio-recovered', input, output }),
    });
    if (this.closing) return device.close();
    const before = this.device;
    this.device = device;
    this.hub.setDevice(device);
    this.listeners.emit({ event: 'audio', input: device.input, output: device.output, backend: device.backend });
    await before?.close();
  }

  on<N extends PhoneEventName>(name: N, listener: (event: PhoneEventOf<N>) => void): () => void;
  on(name: '*', listener: (event: PhoneEvent) => void): () => void;
  on(name: string, listener: (event: never) => void): () => void {
    return this.listeners.on(name as '*', listener as (event: PhoneEvent) => void);
  }

  /** The call with that id, while there is one. */
  call(id: string): NodeCall | undefined {
    return this.core.calls.find((call) => call.id === id);
  }

  get account(): Account {
    return this.core.account;
  }

  get registered(): boolean {
    return this.core.registered;
  }

  get calls(): readonly NodeCall[] {
    return this.core.calls;
  }

  get active(): NodeCall | undefined {
    return this.core.active;
  }

  get doNotDisturb(): boolean {
    return this.core.doNotDisturb;
  }

  set doNotDisturb(on: boolean) {
    this.core.doNotDisturb = on;
  }

  register(options?: { timeoutMs?: number }): Promise<void> {
    return this.core.register(options);
  }

  connect(): Promise<void> {
    return this.core.connect();
  }

  dial(to: string, options?: DialOptions): Promise<NodeCall> {
    return this.core.dial(to, options);
  }

  message(to: string, text: string): Promise<void> {
    return this.core.message(to, text);
  }

  watch(who: string): void {
    this.core.watch(who);
  }

  unwatch(who: string): void {
    this.core.unwatch(who);
  }

  networkChanged(): void {
    this.core.networkChanged();
  }

  /** Ends calls, unregisters, closes the sound card. Idempotent. */
  close(options?: { graceMs?: number }): Promise<void> {
    return (this.closing ??= this.closeAll(options));
  }

  private async closeAll(options?: { graceMs?: number }): Promise<void> {
    this.endWatch();
    await this.core.close(options);
    this.tones.close();
    this.hub.close();
    await this.device?.close();
  }
}
