/**
 * The sound of one call under Node: descriptions (`negotiation.ts`) decide how an endpoint (sockets, SRTP) and a port (jitter buffer, codecs,
 * key presses, RTCP) work; what a program plays, says, hears and records is joined to the port.
 *
 *   far end ══► endpoint ─► port ─► pull ──► mix of active calls ─► person
 *   far end ◄══ endpoint ◄─ port ◄─ push ◄── mix of active calls ◄─ person
 *                            └ player, live voice in place of the mix; taps to recordings and readers
 *
 * The hub owns time: it ticks the port, in the mix while the call is active, else by itself, and then `afterTick`.
 */
import { resolve } from 'node:path';
import { errorText } from '../../error-text';
import type { Playable, PlayEnd, RecordEnd } from '../../../media/audio-types';
import { Resampler } from '../../../media/audio/resample';
import type { ClipCache } from '../../../media/clip-cache';
import { codecNamed } from '../../../media/codecs';
import type { Endpoint } from '../../../media/net/endpoint';
import { Player } from '../../../media/node/player';
import { AudioPort, type PortDeps, type PortPlayer, type Tap } from '../../../media/port/port';
import { openRecordingFile } from '../../../media/recording-file';
import { TelephoneEventReceiver } from '../../../media/rtp/telephone-event';
import type { Family } from '../../../media/sdp';
import { DEVICE_FRAME, DEVICE_RATE } from '../audio/device';
import { MediaFault, type CallMediaEvents, type Direction, type MediaState, type Quality, type QualityOf } from '../../media';
import { CallRecording, type Recorded } from './call-recording';
import { FrameQueue } from './frame-queue';
import { Hushable } from './hushable';
import type { Frame, NodeCallMedia } from './hub-types';
import { LiveVoice } from './live-voice';
import type { Negotiation, Terms } from './negotiation';
import { countsOf, LookBack, qualityOf } from './quality';

/** What a call has of the hub. */
export interface CallHome {
  now(): number;
  wallMs(): number;
  random(): number;
  readonly clips: ClipCache;
  readonly toneCountry: string | undefined;
  readonly silenceMs: number;
  /** In `family`, or in that of the address towards the far end. Errors: MediaFault 'unavailable'. */
  openEndpoint(remoteHost: string, label: string, family?: Family): Promise<Endpoint>;
  /** Its ports are free again. */
  closeEndpoint(endpoint: Endpoint): void;
  /** The address of ours to be written into descriptions. Errors: MediaFault 'unavailable'. */
  addressTowards(remoteHost: string, family: Family): Promise<string>;
  /** In or out of the mix, or with another codec. */
  place(call: HubCall): void;
  remove(call: HubCall): void;
  mixText(): string;
}

const DIGIT_MS = 100;
/** Ticks between looks at silence, and at loss: half a second, a second. */
const SILENCE_TICKS = 25;
const LOOK_TICKS = 50;

interface Playing {
  voice: Hushable;
  end(why: PlayEnd['why']): void;
}

export class HubCall implements NodeCallMedia {
  active = false;
  closed = false;
  port: AudioPort;
  private endpoint: Endpoint;
  private current: MediaState = { codec: null, encrypted: false, direction: 'inactive' };
  /** The address last given to the endpoint. */
  private remoteKey: string | undefined;
  private readonly playing = new Map<PortPlayer, Playing>();
  /** Numbers of what was asked for last: a file that is loaded slowly must not be heard after what was asked for after it. */
  private order = 0;
  private readonly recordings = new Map<string, { recording: Promise<CallRecording> }>();
  private readonly running = new Set<CallRecording>();
  private readonly readers = new Map<FrameQueue, Tap>();
  private readonly lately: LookBack;
  private ticks = 0;
  private silent = false;
  private readonly detectTones: boolean;

  constructor(
    readonly id: string,
    readonly label: string,
    private readonly remoteHost: string,
    endpoint: Endpoint,
    private readonly negotiation: Negotiation,
    private readonly home: CallHome,
    private readonly events: CallMediaEvents,
    { detectTones = false }: { detectTones?: boolean | undefined },
  ) {
    this.endpoint = endpoint;
    this.detectTones = detectTones;
    this.port = this.newPort(endpoint);
    this.lately = new LookBack(home.now());
  }

  private newPort(endpoint: Endpoint): AudioPort {
    const port = new AudioPort(endpoint, this.portDeps, this.home.now());
    port.detectTones(this.detectTones);
    port.setRate(port.bandwidth);
    return port;
  }

  private readonly portDeps: PortDeps = {
    codecNamed,
    random: () => this.home.random(),
    random32: () => Math.floor(this.home.random() * 0x1_0000_0000),
    wallMs: () => this.home.wallMs(),
    keysOf: () => new TelephoneEventReceiver(8000, (digit, durationMs) => this.tell(() => this.events.digit(digit, durationMs, 'rfc4733'))),
    onTone: (_port, digit) => this.tell(() => this.events.digit(digit, 0, 'in-band')),
    onPlayed: (_port, player) => this.ended(player, 'finished'),
  };

  /** Behind the tick, or the packet, that it comes of: whoever hears of it may close the call, or open another. */
  private tell(news: () => void): void {
    queueMicrotask(() => {
      if (!this.closed) news();
    });
  }

  get state(): MediaState {
    return this.current;
  }

  // — descriptions —

  async offer(direction: Direction): Promise<string> {
    const text = this.negotiation.offer(await this.where(), direction);
    const { meanwhile, terms } = this.negotiation;
    // nobody owes us anything yet: silence is no news
    if (meanwhile) this.port.setup(meanwhile, this.home.now(), (terms?.audio.receive.length ?? 0) > 0);
    return text;
  }

  async answer(offer: string, direction: Direction): Promise<string> {
    const family = this.negotiation.familyOf(offer);
    if (family !== this.endpoint.family && !this.negotiation.terms) await this.move(family);
    const { text, terms } = this.negotiation.answer(offer, await this.where(), direction);
    this.apply(terms);
    return text;
  }

  check(offer: string): void {
    this.negotiation.check(offer);
  }

  /** async, so that whatever is wrong with the answer rejects. */
  async accept(answer: string): Promise<void> {
    this.alive();
    this.apply(this.negotiation.accept(answer));
  }

  rollback(): void {
    const before = this.negotiation.terms;
    const offered = this.negotiation.meanwhile !== undefined;
    this.negotiation.rollback();
    const { terms } = this.negotiation;
    if (!this.closed && (offered || terms !== before)) this.apply(terms);
  }

  otherWay(): boolean {
    return this.negotiation.otherWay();
  }

  private alive(): void {
    if (this.closed) throw new MediaFault('unavailable', 'The call has ended.');
  }

  private async where(): Promise<{ family: Family; address: string; port: number; rtcpPort: number }> {
    this.alive();
    const { family, rtpPort } = this.endpoint;
    const address = await this.home.addressTowards(this.remoteHost, family);
    this.alive();
    return { family, address, port: rtpPort, rtcpPort: rtpPort + 1 };
  }

  /** The far end wants another family of addresses than its signaling comes over (RFC 6157 §4); where we have none of it, ours stays. */
  private async move(family: Family): Promise<void> {
    const endpoint = await this.home.openEndpoint(this.remoteHost, this.label, family).catch(() => undefined);
    if (!endpoint) return;
    if (this.closed) return this.home.closeEndpoint(endpoint);
    const { port: before, endpoint: old } = this;
    for (const player of before.stopPlaying()) this.ended(player, 'released');
    this.home.remove(this);
    before.close();
    this.home.closeEndpoint(old);
    this.endpoint = endpoint;
    this.port = this.newPort(endpoint);
    for (const tap of this.readers.values()) this.port.tap(tap);
    for (const recording of this.running) recording.listen(this.port);
    this.home.place(this);
  }

  /** Keys first, so that no packet of the new session is taken for one of the old. undefined: nothing is agreed (any more). */
  private apply(terms: Terms | undefined): void {
    this.endpoint.setCrypto(terms?.keys ?? null);
    if (terms) this.aim(terms);
    const none = { send: null, receive: [], telephoneEvent: null, comfortNoise: null };
    const missing = this.port.setup(terms?.audio ?? none, this.home.now());
    if (missing !== undefined) throw new MediaFault('unavailable', `There is no ${missing} on this machine.`);
    this.home.place(this);
    const state: MediaState = { codec: terms?.codec ?? null, encrypted: (terms?.keys ?? null) !== null, direction: terms?.direction ?? 'inactive' };
    const { codec, encrypted, direction } = this.current;
    if (state.codec === codec && state.encrypted === encrypted && state.direction === direction) return;
    this.current = state;
    this.events.changed(state);
  }

  /** After the first time, another address means that the far end moved (or that another fork answered): packets may come from anywhere again. */
  private aim({ remote, rtcpMux }: Terms): void {
    if (!remote && this.remoteKey !== undefined) return; // held the old way, it is still where it was
    const usable = remote?.family === this.endpoint.family ? remote : null; // the source of its packets can be sent to
    const rtcpPort = rtcpMux ? usable?.port : usable?.rtcpPort;
    const key = usable ? `${usable.address} ${usable.port} ${rtcpPort}` : 'none';
    if (key === this.remoteKey) return;
    const moved = this.remoteKey !== undefined;
    this.remoteKey = key;
    this.endpoint.setRemote(usable && { address: usable.address, port: usable.port, rtcpPort }, moved);
  }

  // — sound —

  setActive(active: boolean): void {
    if (this.closed || active === this.active) return;
    this.active = active;
    for (const { voice } of this.playing.values()) voice.hushed = !active;
    this.home.place(this);
  }

  /** While it is not in the mix: what comes is used up, nothing is heard there. */
  tickAlone(frame: Int16Array, nowMs: number, skipped: number): void {
    this.port.pull(frame, nowMs);
    this.port.push(undefined, skipped);
  }

  /** Behind every tick. */
  afterTick(nowMs: number): void {
    if (this.running.size > 0) for (const recording of this.running) recording.tick();
    this.ticks++;
    if (this.ticks % SILENCE_TICKS === 0) this.listenForSilence(nowMs);
    if (this.ticks % LOOK_TICKS === 0) this.lately.look(countsOf(this.endpoint, this.port), nowMs);
  }

  private listenForSilence(nowMs: number): void {
    const { silenceMs } = this.home;
    if (silenceMs <= 0) return;
    if (this.silent && nowMs - this.endpoint.lastPacketAt < silenceMs) {
      this.silent = false;
      this.tell(() => this.events.silent(null));
    }
    const silentMs = this.port.newSilence(silenceMs, nowMs);
    if (silentMs === undefined) return;
    this.silent = true;
    this.tell(() => this.events.silent(Math.round(silentMs)));
  }

  sendDigits(digits: string, by: 'auto' | 'rfc4733' | 'in-band', ms = DIGIT_MS): boolean {
    if (this.closed) return false;
    if (by === 'rfc4733' && !this.port.takesEvents) return false;
    this.port.sendDigits(digits, ms, by === 'in-band');
    return true;
  }

  // — what programs do —

  async play(what: string | Playable | readonly Playable[], { loop = false }: { loop?: boolean } = {}): Promise<PlayEnd> {
    const order = ++this.order;
    let items;
    try {
      items = await this.home.clips.prepare(playables(what), this.home.toneCountry, this.port.bandwidth);
    } catch (err) {
      return { why: 'failed', playedMs: 0, problem: errorText(err) };
    }
    if (this.closed) return { why: 'released', playedMs: 0 };
    if (order !== this.order) return { why: 'replaced', playedMs: 0 };
    const player = new Player(items, { sampleRate: 8000, loop });
    return new Promise((end) => this.begin(player, (why) => end({ why, playedMs: player.playedMs })));
  }

  private begin(player: PortPlayer, end: Playing['end']): void {
    const voice = new Hushable(player);
    for (const before of this.port.play(voice, false)) this.ended(before, 'replaced');
    this.playing.set(voice, { end, voice });
  }

  private ended(player: PortPlayer, why: PlayEnd['why']): void {
    const playing = this.playing.get(player);
    this.playing.delete(player);
    playing?.end(why);
  }

  stopPlaying(): void {
    this.order++;
    for (const player of this.port.stopPlaying()) this.ended(player, 'stopped');
  }

  async say(frames: AsyncIterable<Int16Array> | Iterable<Int16Array>, { sampleRate = DEVICE_RATE }: { sampleRate?: number } = {}): Promise<void> {
    if (this.closed) return;
    this.order++;
    const voice = new LiveVoice(sampleRate);
    const over = new Promise<void>((end) => this.begin(voice, () => end()));
    const pieces = iteratorOf(frames);
    try {
      await Promise.race([over, feed(pieces, voice).then(() => over)]);
    } finally {
      voice.stop();
      // a program that makes sound for ever learns that nobody listens; not waited for, since it may be in the midst of a frame
      void Promise.resolve(pieces.return?.()).catch(() => undefined);
    }
  }

  heard(): AsyncIterable<Frame> {
    const resample = { from: DEVICE_RATE as number, by: undefined as Resampler | undefined };
    const queue: FrameQueue = new FrameQueue(() => {
      this.port.untap(tap);
      this.readers.delete(queue);
    });
    const tap: Tap = (frame, rate) => {
      const out = new Int16Array(DEVICE_FRAME);
      if (rate !== resample.from) {
        resample.from = rate;
        resample.by = rate === DEVICE_RATE ? undefined : new Resampler(rate, DEVICE_RATE);
      }
      if (resample.by) resample.by.process(frame, frame.length, out);
      else out.set(frame);
      queue.write(out);
    };
    if (this.closed) queue.end();
    else {
      this.readers.set(queue, tap);
      this.port.tap(tap);
    }
    return queue;
  }

  async record(file: string, { what = 'heard', maxMs }: { what?: Recorded; maxMs?: number } = {}): Promise<RecordEnd> {
    const path = resolve(file);
    if (this.closed) return { why: 'released', file: path, durationMs: 0, bytes: 0 };
    // narrowband is kept as it is; a call may become wideband later, and of one that nothing is known about yet the best is expected
    const rate = this.current.codec !== null && this.port.bandwidth === 8000 ? 8000 : 16000;
    const made = openRecordingFile(path, what === 'both' ? 2 : 1, rate).then((writer) => {
      const recording = new CallRecording(writer, what, { file: path, maxMs });
      this.running.add(recording);
      void recording.ended.then(() => this.running.delete(recording));
      if (this.closed) recording.stop('released');
      else recording.listen(this.port);
      return recording;
    });
    const entry = { recording: made };
    this.recordings.set(path, entry);
    try {
      return await (await made).ended;
    } finally {
      if (this.recordings.get(path) === entry) this.recordings.delete(path);
    }
  }

  async stopRecording(file: string): Promise<void> {
    const recording = await this.recordings.get(resolve(file))?.recording.catch(() => undefined); // whoever wanted it hears why
    recording?.stop('stopped');
    await recording?.ended;
  }

  quality(of: QualityOf = 'lately'): Quality {
    return qualityOf(this.endpoint, this.port, of, this.lately, this.home.now());
  }

  describe(): string {
    const mix = this.active ? this.home.mixText() : 'aside';
    return `${this.port.describeIn()} -> ${mix} -> ${this.port.describeOut()}`;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.active = false;
    this.home.remove(this);
    for (const player of this.port.stopPlaying()) this.ended(player, 'released');
    for (const recording of this.running) recording.stop('released');
    for (const reader of [...this.readers.keys()]) reader.end();
    this.port.close();
    this.home.closeEndpoint(this.endpoint);
  }
}

/** Paths are a program's own: relative to where it runs. */
function playables(what: string | Playable | readonly Playable[]): Playable[] {
  const items = typeof what === 'string' ? [{ file: what }] : Array.isArray(what) ? (what as readonly Playable[]) : [what as Playable];
  return items.map((item) => ('file' in item ? { file: resolve(item.file) } : item));
}

type Pieces = AsyncIterator<Int16Array> | Iterator<Int16Array>;

/** Errors: those of the program that makes them. */
async function feed(pieces: Pieces, voice: LiveVoice): Promise<void> {
  for (;;) {
    const { done, value } = await pieces.next();
    if (done || voice.done) break;
    await voice.write(value as Int16Array);
  }
  voice.finish();
}

function iteratorOf(frames: AsyncIterable<Int16Array> | Iterable<Int16Array>): Pieces {
  return Symbol.asyncIterator in frames ? frames[Symbol.asyncIterator]() : frames[Symbol.iterator]();
}
