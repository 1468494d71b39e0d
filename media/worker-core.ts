/**
 * What a media worker does, whatever thread it is in: endpoints by id, the nodes that join them, commands from the plane.
 * Further nodes (mixer, recorder, transcoder) are joined to endpoints here, as the relay is.
 */
import { getHeapStatistics } from 'node:v8';
import type { AudioFormat, DigitEvent, RecordTarget, SimpleEvent, TalkingEvent } from './audio-types';
import { ComplexityGovernor } from './complexity';
import { MediaError } from './errors';
import type { CodecName } from './frame';
import { Metronome } from './metronome';
import { Endpoint, type EndpointStats } from './net/endpoint';
import { faultText, UdpError, type UdpNet } from './net/udp';
import { Relay, StreamPosition, type RelayDirection } from './node/relay';
import { mosOf } from './rtp/e-model';
import { TelephoneEventReceiver } from './rtp/telephone-event';
import { WorkerError } from './worker-error';
import type { Answer, Command, Commands, PlayTarget, SilentNotice, WorkerCounters } from './worker-protocol';
import type { Sound } from './worker-sound';

export interface WorkerCoreOptions {
  bind4: string;
  bind6: string | null;
  /** 0: silence is not watched. */
  silenceMs: number;
  toneCountry: string;
}

/** Time and chance, and whom to tell. */
export interface WorkerCoreDeps {
  /** Milliseconds that never go back. */
  now: () => number;
  /** Unix milliseconds. */
  wallMs: () => number;
  /** 0 to 1, unpredictable. */
  random: () => number;
  onDigit: (event: DigitEvent) => void;
  onTalking: (event: TalkingEvent) => void;
  onSimple: (event: SimpleEvent) => void;
}

/** A relayed packet waits no longer than this to be read with others, ms; one that is decoded waits for its tick anyway. */
const RELAY_PATIENCE_MS = 0.5;
const SOUND_PATIENCE_MS = 2;
const NO_FORMATS: readonly AudioFormat[] = [];

export class WorkerCore {
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly relays = new Map<Endpoint, Relay>();
  /** What the payload types of a relayed endpoint mean, for whoever records it. */
  private readonly formats = new Map<Endpoint, readonly AudioFormat[]>();
  /** Whose key presses are heard; what was relayed to whom. Both outlive the relays and ports that an endpoint comes to have. */
  private readonly keys = new Map<Endpoint, TelephoneEventReceiver>();
  private readonly positions = new WeakMap<Endpoint, StreamPosition>();
  private readonly metronome: Metronome;
  private made: Sound | undefined;
  private readonly now: () => number;
  private readonly governor = new ComplexityGovernor();
  private looked: { at: number; busyMs: number } | undefined;
  private worstLateMs = 0;
  private faults = 0;
  private lastFault: string | null = null;

  constructor(
    private readonly net: UdpNet,
    private readonly options: WorkerCoreOptions,
    private readonly deps: WorkerCoreDeps,
  ) {
    this.now = deps.now;
    this.metronome = new Metronome(deps.now(), (err) => {
      this.faults++;
      this.lastFault = faultText(err);
    });
    net.setPatience(SOUND_PATIENCE_MS);
  }

  /**
   * What makes sound is loaded with the first endpoint and not with the worker: codecs and RTCP take 20 MB, which a worker that waits does
   * not need; with the first call up, loading would be heard.
   */
  private get sound(): Sound {
    return (this.made ??= this.makeSound());
  }

  private makeSound(): Sound {
    const { Sound } = require('./worker-sound') as typeof import('./worker-sound');
    return new Sound({
      metronome: this.metronome,
      now: this.deps.now,
      wallMs: this.deps.wallMs,
      random: this.deps.random,
      toneCountry: this.options.toneCountry,
      onDigit: this.deps.onDigit,
      onTalking: this.deps.onTalking,
      onSimple: this.deps.onSimple,
      keysOf: this.keysOf,
      net: this.net,
      onBeat: () => this.net.setBeat(this.metronome),
    });
  }

  /** Loads what makes sound, and tries what it needs. Returns what there is. */
  warm(): { codecs: CodecName[]; opusRecovers: boolean } {
    return this.sound.abilities();
  }

  /** Commands take effect in the order they are handed over; some are answered after later ones. Never fails. */
  async answer(command: Command): Promise<Answer> {
    try {
      return { n: command.n, value: await this.run(command) };
    } catch (err) {
      const code = err instanceof WorkerError ? err.code : 'system';
      return { n: command.n, error: { code, message: err instanceof Error ? err.message : String(err) } };
    }
  }

  private run(command: Command): unknown {
    switch (command.op) {
      case 'allocate':
        return this.allocate(command);
      case 'setRemote':
        if (this.endpoint(command.id).setRemote(command.remote, command.relatch)) return null;
        throw new WorkerError('bad-address', `${command.remote?.address ?? ''} port ${command.remote?.port ?? ''} is not an address that ${command.id} can send to`);
      case 'connect':
        return this.connect(command);
      case 'setCrypto':
        return this.setCrypto(command);
      case 'setAudio':
        return this.setAudio(command);
      case 'join':
        this.sound.join(this.endpoint(command.id), command.room, command.settings);
        return null;
      case 'leave':
        this.sound.leave(this.endpoint(command.id));
        return null;
      case 'play':
        return this.sound.play(this.playTarget(command.target), command.what, command.options);
      case 'stopPlaying':
        this.sound.stopPlaying(this.playTarget(command.target));
        return null;
      case 'record':
        return this.sound.record(command.target, this.recorded(command.target), this.formatsOf, command.options);
      case 'stopRecording':
        return this.sound.stopRecording(command.file).then(() => null);
      case 'sendDigits':
        return this.sendDigits(command);
      case 'detectTones':
        this.sound.detectTones(this.endpoint(command.id), command.on);
        return null;
      case 'openSimple':
        return this.openSimple(command);
      case 'closeSimple':
        this.sound.simple.close();
        return null;
      case 'setSimple':
        return this.sound.setSimple(command.id, command.settings);
      case 'simpleStats':
        return this.sound.simple.stats();
      case 'roomStats':
        return this.sound.roomStats(command.room);
      case 'stats':
        return this.stats(this.endpoint(command.id));
      case 'describe':
        return this.describe(this.endpoint(command.id));
      case 'release':
        return this.release(this.endpoint(command.id));
      case 'load':
        return this.counters();
      case 'close':
        return this.close().then(() => null);
    }
  }

  private playTarget(target: PlayTarget): Endpoint | string {
    return 'room' in target ? target.room : this.endpoint(target.endpoint);
  }

  private recorded(target: RecordTarget): Endpoint[] {
    if ('room' in target) return [];
    return ('endpoint' in target ? [target.endpoint] : target.between).map((id) => this.endpoint(id));
  }

  private readonly keysOf = (endpoint: Endpoint): TelephoneEventReceiver => {
    let keys = this.keys.get(endpoint);
    if (!keys) {
      keys = new TelephoneEventReceiver(8000, (digit, durationMs) => this.pressed(endpoint, digit, durationMs));
      this.keys.set(endpoint, keys);
    }
    return keys;
  };

  private pressed(endpoint: Endpoint, digit: string, durationMs: number): void {
    this.made?.passOn(endpoint, digit, durationMs);
    this.deps.onDigit({ id: endpoint.id, session: endpoint.session, digit, durationMs, by: 'rfc4733' });
  }

  private readonly positionOf = (endpoint: Endpoint): StreamPosition => {
    let position = this.positions.get(endpoint);
    if (!position) this.positions.set(endpoint, (position = new StreamPosition()));
    return position;
  };

  private readonly formatsOf = (endpoint: Endpoint): readonly AudioFormat[] => this.formats.get(endpoint) ?? NO_FORMATS;

  private setCrypto({ id, keys }: Commands['setCrypto']['ask']): null {
    const endpoint = this.endpoint(id);
    try {
      endpoint.setCrypto(keys);
    } catch (err) {
      throw new WorkerError('bad-key', err instanceof Error ? err.message : String(err));
    }
    return null;
  }

  private setAudio({ id, audio }: Commands['setAudio']['ask']): null {
    const endpoint = this.endpoint(id);
    if (!this.sound.portOf(endpoint)) this.disconnect(endpoint);
    this.sound.setAudio(endpoint, audio);
    return null;
  }

  private async openSimple({ options }: Commands['openSimple']['ask']): Promise<number> {
    try {
      return await this.sound.simple.open(options);
    } catch (err) {
      if (err instanceof MediaError) throw new WorkerError('setting', err.message);
      throw new WorkerError('setting', `the port of the simple packet format cannot be opened: ${err instanceof Error ? err.message : String(err)}`);
    }
  }

  private sendDigits({ id, digits, ms }: Commands['sendDigits']['ask']): null {
    const endpoint = this.endpoint(id);
    if (this.sound.sendDigits(endpoint, digits, ms)) return null;
    const relay = this.relays.get(endpoint);
    if (!relay) throw new WorkerError('no-audio', `nothing is sent to ${id} that key presses could be put into`);
    if (!relay.sendDigits(endpoint, digits, ms, this.metronome, this.now())) throw new WorkerError('no-audio', `${id} takes no telephone-events, and its sound is not made here`);
    this.net.setBeat(this.metronome);
    return null;
  }

  private stats(endpoint: Endpoint): unknown {
    const stats = endpoint.stats();
    const audio = this.made?.portOf(endpoint)?.stats();
    return audio ? { ...stats, audio, mos: audio.mosHeard } : { ...stats, mos: this.relayedMos(endpoint, stats) };
  }

  /** Of what comes from a relayed party: whoever hears it is taken to buffer as much as its jitter needs. */
  private relayedMos(endpoint: Endpoint, { received, lost, jitterMs, rtcp }: EndpointStats): number | null {
    const codec = this.formatsOf(endpoint)[0]?.codec;
    if (codec === undefined || received.packets === 0 || jitterMs === null) return null;
    return mosOf({ codec, lost, received: received.packets, rttMs: rtcp.lastReport?.rttMs ?? null, playoutDelayMs: 20 + 2 * jitterMs });
  }

  private endpoint(id: string): Endpoint {
    const endpoint = this.endpoints.get(id);
    if (!endpoint) throw new WorkerError('unknown-endpoint', `there is no endpoint ${id}`);
    return endpoint;
  }

  /** Binds a socket on each configured address and closes it again: a wrong address is to be heard of before the first call. */
  async tryAddresses(): Promise<void> {
    const ignore = (): void => undefined;
    try {
      (await this.net.bind(4, this.options.bind4, 0, ignore)).close();
      if (this.options.bind6 !== null) (await this.net.bind(6, this.options.bind6, 0, ignore)).close();
    } catch (err) {
      throw new WorkerError(err instanceof UdpError && err.code === 'address' ? 'bind-address' : 'system', err instanceof Error ? err.message : String(err));
    }
  }

  private async allocate(request: Commands['allocate']['ask']): Promise<null> {
    const address = request.family === 4 ? this.options.bind4 : this.options.bind6;
    if (address === null) throw new WorkerError('bad-address', 'IPv6 is switched off for media');
    if (!this.made) this.warm();
    const endpoint = new Endpoint(request.id, request.session, request.family, request.label, this.now);
    try {
      await endpoint.open(this.net, address, request.port);
    } catch (err) {
      throw new WorkerError(err instanceof UdpError && err.code === 'in-use' ? 'port-taken' : 'system', err instanceof Error ? err.message : String(err));
    }
    this.endpoints.set(request.id, endpoint);
    return null;
  }

  private connect({ a, b, aToB, bToA }: Commands['connect']['ask']): null {
    const [from, to] = [this.endpoint(a), this.endpoint(b)];
    for (const endpoint of [from, to]) this.made?.drop(endpoint);
    this.note(from, aToB);
    this.note(to, bToA);
    const present = this.relays.get(from);
    if (present?.joins(from, to)) present.connect(aToB, bToA, this.now());
    else if (present?.joins(to, from)) present.connect(bToA, aToB, this.now());
    else {
      this.disconnect(from);
      this.disconnect(to);
      const relay = new Relay(from, to, {
        keysOf: this.keysOf,
        positionOf: this.positionOf,
        random32: () => Math.floor(this.deps.random() * 0x100000000),
      });
      relay.connect(aToB, bToA, this.now());
      this.relays.set(from, relay);
      this.relays.set(to, relay);
      this.net.setPatience(RELAY_PATIENCE_MS);
    }
    return null;
  }

  private note(endpoint: Endpoint, { formats }: RelayDirection): void {
    const before = this.formats.get(endpoint);
    if (JSON.stringify(before) !== JSON.stringify(formats ?? NO_FORMATS)) this.formats.set(endpoint, formats ?? NO_FORMATS);
  }

  private disconnect(endpoint: Endpoint): void {
    const relay = this.relays.get(endpoint);
    if (!relay) return;
    relay.close();
    this.relays.delete(relay.a);
    this.relays.delete(relay.b);
    if (this.relays.size === 0) this.net.setPatience(SOUND_PATIENCE_MS);
  }

  private describe(endpoint: Endpoint): string {
    const port = this.made?.portOf(endpoint);
    return port ? this.sound.describe(port) : (this.relays.get(endpoint)?.describe() ?? endpoint.describe());
  }

  private release(endpoint: Endpoint): unknown {
    const stats = this.stats(endpoint);
    this.disconnect(endpoint);
    this.made?.release(endpoint);
    this.formats.delete(endpoint);
    this.keys.delete(endpoint);
    endpoint.close();
    this.endpoints.delete(endpoint.id);
    return stats;
  }

  /** To be called about twice a second: Opus works as hard as there is time for. */
  adapt(): void {
    const at = this.now();
    const busyMs = this.net.busyMs ?? 0;
    const lateMs = this.metronome.takeWorst();
    if (lateMs > this.worstLateMs) this.worstLateMs = lateMs;
    if (this.looked && at > this.looked.at && this.made && this.made.size > 0) {
      const busy = this.net.busyMs === undefined ? null : (busyMs - this.looked.busyMs) / (at - this.looked.at);
      this.made.setComplexity(this.governor.look(busy, lateMs));
    }
    this.looked = { at, busyMs };
  }

  /** Peers that fell silent since the last look. */
  silences(): SilentNotice[] {
    const now = this.now();
    const silences: SilentNotice[] = [];
    this.made?.simple.sweep(now);
    for (const keys of this.keys.values()) if (keys.pending) keys.expire(now);
    if (this.options.silenceMs <= 0) return silences;
    for (const [endpoint, relay] of this.relays) {
      if (endpoint !== relay.a) continue; // each is in the map twice
      for (const { endpoint: silent, silentMs } of relay.silences(this.options.silenceMs, now)) silences.push({ id: silent.id, session: silent.session, label: silent.label, silentMs });
    }
    this.made?.silences(this.options.silenceMs, now, (silent, silentMs) => silences.push({ id: silent.id, session: silent.session, label: silent.label, silentMs }));
    return silences;
  }

  private counters(): WorkerCounters {
    return {
      endpoints: this.endpoints.size,
      packets: this.net.packets,
      faults: this.net.faults + this.faults,
      lastFault: this.lastFault ?? this.net.lastFault ?? null,
      busyMs: this.net.busyMs ?? null,
      heapBytes: getHeapStatistics().used_heap_size,
      sound: {
        ports: this.made?.size ?? 0,
        ticks: this.metronome.ticks,
        late: this.metronome.late,
        skipped: this.metronome.skipped,
        worstLateMs: this.takeWorst(),
        opusComplexity: this.governor.complexity,
      },
    };
  }

  private takeWorst(): number {
    const worst = Math.max(this.worstLateMs, this.metronome.takeWorst());
    this.worstLateMs = 0;
    return worst;
  }

  /** What was recorded is written when this resolves. */
  async close(): Promise<void> {
    await this.made?.close();
    for (const relay of this.relays.values()) relay.close();
    for (const endpoint of this.endpoints.values()) endpoint.close();
    this.relays.clear();
    this.endpoints.clear();
    this.net.close();
  }
}
