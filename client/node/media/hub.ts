/**
 * Between one sound card and any number of calls. Every 20 ms, reckoned from one start on the monotonic clock:
 *
 *   microphone ─┐                         ┌─► speaker (with local tones)
 *   call A ─────┼─► mix (each the others) ─┼─► call A          calls that are active: several of them are a conference of three or more
 *   call B ─────┘                         └─► call B
 *   call C ─► used up, silence or what is played ─► call C     calls that are not
 *
 * What is captured at a tick is encoded and sent in that tick, what was received is played in it. From mouth to ear that leaves, per way: the
 * sound card's queue, up to 20 ms until the tick, 2.75 ms per change of rate, the network, the jitter buffer, up to 20 ms until the far tick.
 *
 * Nothing ticks while there is neither a call nor a device: the process may end.
 */
import { randomBytes } from 'node:crypto';
import { codecNamed } from '../../../media/codecs';
import { ClipCache } from '../../../media/clip-cache';
import type { CodecName } from '../../../media/frame';
import { Metronome, type Ticking } from '../../../media/metronome';
import { DgramNet } from '../../../media/net/udp-dgram';
import type { UdpNet } from '../../../media/net/udp';
import { defaultPartySettings, Mixer } from '../../../media/node/mixer';
import type { Chance, Clock } from '../../clock';
import { MediaFault, type CallMediaEvents } from '../../media';
import type { AudioDevice, DeviceStats } from '../audio/device';
import { HubCall, type CallHome } from './call-media';
import { Endpoints, type EndpointsDeps } from './endpoints';
import type { AudioHub, HubSettings, Levels, LocalTone, NodeCallMedia } from './hub-types';
import { Microphone } from './microphone/microphone';
import { Negotiation } from './negotiation';
import { Person } from './person';

export interface HubDeps {
  clock: Clock;
  chance: Chance;
  /** Default: Node's own sockets. Those of the server's (`udp-native`) would keep Node's event loop waiting. */
  net?: UdpNet | undefined;
  /** Octets that nobody can guess, for keys; default: the system's. */
  random?: ((length: number) => Buffer) | undefined;
  towards?: EndpointsDeps['towards'];
  /** Hears of what went wrong in a tick; it costs the frame. Default: a warning of the process, once. */
  onFault?: ((err: unknown) => void) | undefined;
}

const DEFAULT_CODECS: readonly CodecName[] = ['opus', 'G722', 'PCMU', 'PCMA'];
const DEFAULT_SILENCE_MS = 5000;
/** dB */
const WIDEST_GAIN = 40;

const linear = (db: number): number => 10 ** (db / 20);
const held = (db: number): number => Math.max(-WIDEST_GAIN, Math.min(WIDEST_GAIN, Number.isFinite(db) ? db : 0));

class Hub implements AudioHub, Ticking {
  muted = false;
  private readonly net: UdpNet;
  private readonly metronome: Metronome;
  private readonly endpoints: Endpoints;
  private readonly mixer = new Mixer();
  private readonly microphone: Microphone;
  private readonly person: Person;
  private readonly clips = new ClipCache();
  private calls: readonly HubCall[] = [];
  /** For calls beside the mix; as long as the longest frame. */
  private readonly aside = { 8000: new Int16Array(160), 16000: new Int16Array(320), 48000: new Int16Array(960) } as const;
  private readonly home: CallHome;
  private readonly random: (length: number) => Buffer;
  private inputDb: number;
  private outputDb: number;
  private closed = false;

  constructor(
    private readonly settings: HubSettings,
    private readonly deps: HubDeps,
  ) {
    const { clock } = deps;
    const now = (): number => clock.now();
    this.random = deps.random ?? randomBytes;
    this.net = deps.net ?? new DgramNet(now);
    this.metronome = new Metronome(now(), deps.onFault ?? warnOnce());
    this.endpoints = new Endpoints(settings, { net: this.net, now, random: this.random, towards: deps.towards });
    this.inputDb = held(settings.inputGainDb ?? 0);
    this.outputDb = held(settings.outputGainDb ?? 0);
    this.microphone = new Microphone({ gainDb: this.inputDb });
    this.person = new Person(this.microphone, settings.toneCountry);
    this.person.outputGain = linear(this.outputDb);
    this.person.sidetone = typeof settings.sidetoneDb === 'number' ? linear(-Math.abs(settings.sidetoneDb)) : 0;
    if (settings.noiseSuppression) this.microphone.setNoiseSuppression(true).catch(deps.onFault ?? warnOnce());
    this.mixer.join(this.person, defaultPartySettings);
    this.home = {
      now,
      wallMs: () => clock.wall().getTime(),
      random: () => deps.chance(),
      clips: this.clips,
      toneCountry: settings.toneCountry,
      silenceMs: settings.silenceMs ?? DEFAULT_SILENCE_MS,
      openEndpoint: (host, label, family) => this.endpoints.open(host, label, family),
      closeEndpoint: (endpoint) => this.endpoints.close(endpoint),
      addressTowards: (host, family) => this.endpoints.addressTowards(host, family),
      place: (call) => this.place(call),
      remove: (call) => this.remove(call),
      mixText: () => this.mixer.describe(),
    };
  }

  async open({ id, label, remoteHost }: { id: string; label: string; remoteHost: string }, events: CallMediaEvents): Promise<NodeCallMedia> {
    this.alive();
    const endpoint = await this.endpoints.open(remoteHost, label);
    if (this.closed) this.endpoints.close(endpoint);
    this.alive();
    const { codecs, srtp = 'optional', dtx = true, detectTones } = this.settings;
    const negotiation = new Negotiation({
      codecs: codecs ?? DEFAULT_CODECS,
      strict: codecs !== undefined,
      srtp,
      dtx,
      can: (codec) => codecNamed(codec) !== undefined,
      random: this.random,
    });
    const call = new HubCall(id, label, remoteHost, endpoint, negotiation, this.home, events, { detectTones });
    this.place(call);
    return call;
  }

  private alive(): void {
    if (this.closed) throw new MediaFault('unavailable', 'The phone has been closed.');
  }

  // — who is ticked, and who is mixed —

  private place(call: HubCall): void {
    if (this.closed || call.closed) return;
    if (!this.calls.includes(call)) this.calls = [...this.calls, call];
    const { port, active } = call;
    const inMix = this.mixer.has(port.id);
    if (active) {
      if (!inMix) this.mixer.join(port, defaultPartySettings);
      this.mixer.refit();
    } else {
      if (inMix) this.mixer.leave(port.id, this.deps.clock.now());
      port.setRate(port.bandwidth);
    }
    this.settle();
  }

  private remove(call: HubCall): void {
    this.calls = this.calls.filter((other) => other !== call);
    this.mixer.leave(call.port.id, this.deps.clock.now());
    this.settle();
  }

  /** Ticks as long as there is somebody to tick for. */
  private settle(): void {
    if (this.calls.length > 0 || this.person.device) this.metronome.add(this, this.deps.clock.now());
    else this.metronome.remove(this);
    this.net.setBeat(this.metronome);
  }

  tick(nowMs: number, skipped: number): void {
    let fault: unknown;
    try {
      this.mixer.tick(nowMs, skipped);
    } catch (err) {
      fault = err;
    }
    const { calls } = this;
    for (let i = 0; i < calls.length; i++) {
      const call = calls[i]!;
      try {
        if (!call.active) call.tickAlone(this.aside[call.port.bandwidth], nowMs, skipped);
        call.afterTick(nowMs);
      } catch (err) {
        fault ??= err;
      }
    }
    if (fault !== undefined) throw fault as Error;
  }

  // — the person —

  setDevice(device: AudioDevice | undefined): void {
    if (this.closed || device === this.person.device) return;
    this.person.device = device;
    this.settle();
  }

  /** Down and up across a frame, so that it does not click. */
  setMuted(muted: boolean): void {
    this.muted = muted;
    this.mixer.join(this.person, { ...defaultPartySettings, muted });
  }

  setInputGain(db: number): void {
    this.inputDb = held(db);
    this.microphone.setGain(this.inputDb);
  }

  setOutputGain(db: number): void {
    this.outputDb = held(db);
    this.person.outputGain = linear(this.outputDb);
  }

  get inputGainDb(): number {
    return this.inputDb;
  }

  get outputGainDb(): number {
    return this.outputDb;
  }

  setNoiseSuppression(on: boolean): Promise<void> {
    return this.microphone.setNoiseSuppression(on);
  }

  get noiseSuppression(): boolean {
    return this.microphone.noiseSuppression;
  }

  tone(tone: LocalTone | null): void {
    this.person.tone(tone);
  }

  levels(): Levels {
    return { input: this.person.inputLevel, output: this.person.outputLevel };
  }

  deviceStats(): DeviceStats | undefined {
    return this.person.device?.stats();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const call of [...this.calls]) call.close();
    this.person.device = undefined;
    this.metronome.remove(this);
    this.net.close();
  }
}

/** A fault in every tick would be fifty warnings a second. */
function warnOnce(): (err: unknown) => void {
  let warned = false;
  return (err) => {
    if (warned) return;
    warned = true;
    process.emitWarning(err instanceof Error ? err : String(err));
  };
}

/** Errors: RangeError for settings that cannot be (ports, address), a sentence for people. */
export function createHub(settings: HubSettings, deps: HubDeps): AudioHub {
  return new Hub(settings, deps);
}
