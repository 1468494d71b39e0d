/**
 * All sound of a worker: ports by endpoint, rooms by name, what is played and recorded. The worker's commands end here.
 */
import type { AudioFormat, AudioSetup, DigitEvent, MemberSettings, Playable, PlayEnd, PlayOptions, RecordEnd, RecordOptions, RecordTarget, RoomStats, SimpleEvent, TalkingEvent } from './audio-types';
import { ClipCache } from './clip-cache';
import { opusAbility, opusComplexity } from './codec/opus';
import { codecNamed, codecs } from './codecs';
import { MediaError } from './errors';
import type { CodecName, SampleRate } from './frame';
import type { Metronome } from './metronome';
import type { TelephoneEventReceiver } from './rtp/telephone-event';
import type { Endpoint } from './net/endpoint';
import type { UdpNet } from './net/udp';
import { defaultPartySettings, type PartySettings } from './node/mixer';
import { Player } from './node/player';
import { AudioPort, type PortPlayer } from './port/port';
import { openRecordingFile } from './recording-file';
import { isWorkerErrorCode, WorkerError } from './worker-error';
import { Recording, recordingRate, type RecordingDeps } from './worker-recording';
import { Room } from './worker-room';
import { SimpleDoor, type SimpleParty } from './worker-simple';

export interface SoundDeps {
  metronome: Metronome;
  now: () => number;
  wallMs: () => number;
  /** 0 to 1. */
  random: () => number;
  toneCountry: string;
  onDigit: (event: DigitEvent) => void;
  onTalking: (event: TalkingEvent) => void;
  onSimple: (event: SimpleEvent) => void;
  /** Who hears an endpoint's key presses, and tells of them. */
  keysOf: (endpoint: Endpoint) => TelephoneEventReceiver;
  net: UdpNet;
  /** The metronome's next beat may have come nearer. */
  onBeat: () => void;
}

interface Playing {
  player: Player;
  end(end: PlayEnd): void;
}

interface Opening {
  stopped: boolean;
  readonly made: Promise<Recording>;
}

/** Numbers of what a party or room was told last: what is loaded meanwhile must not come after what was said after it. */
interface Orders {
  instead: number;
  over: number;
  stop: number;
}

export class Sound {
  private readonly ports = new Map<Endpoint, AudioPort>();
  private readonly rooms = new Map<string, Room>();
  /** Where each port is. */
  private readonly places = new Map<AudioPort, Room>();
  private readonly playing = new Map<PortPlayer, Playing>();
  private orders = 0;
  private readonly ordersOf = new WeakMap<AudioPort | Room, Orders>();
  private readonly recordings = new Map<string, Recording>();
  /** Files that are being made, and whether they are to be recorded to when they are there. */
  private readonly opening = new Map<string, Opening>();
  /** Which rooms' members get each other's key presses. */
  private readonly passing = new Set<AudioPort>();
  private readonly clips = new ClipCache();
  private readonly released = new WeakSet<Endpoint>();
  private privateRooms = 0;
  private closing = false;

  /** The door for clients of the simple packet format. */
  readonly simple: SimpleDoor;
  private readonly simplePlaces = new Map<SimpleParty, Room>();

  constructor(private readonly deps: SoundDeps) {
    this.simple = new SimpleDoor(
      deps.net,
      { enter: (name, party) => this.enterSimple(name, party), exit: (party) => this.exitSimple(party) },
      deps.random,
      deps.onSimple,
    );
  }

  /** Loads and tries Opus, when nobody has done so yet. */
  abilities(): { codecs: CodecName[]; opusRecovers: boolean } {
    return { codecs: codecs().map(({ name }) => name), opusRecovers: opusAbility() === 'libopus' };
  }

  setComplexity(complexity: number): void {
    opusComplexity(complexity);
  }

  portOf(endpoint: Endpoint): AudioPort | undefined {
    return this.ports.get(endpoint);
  }

  get size(): number {
    return this.ports.size;
  }

  /** The endpoint's sound is made here from now on. @throws WorkerError 'no-codec' */
  setAudio(endpoint: Endpoint, audio: AudioSetup): void {
    const now = this.deps.now();
    const present = this.ports.get(endpoint);
    const port = present ?? new AudioPort(endpoint, this.portDeps, now);
    const missing = port.setup(audio, now);
    if (missing !== undefined) {
      if (!present) port.close();
      throw new WorkerError('no-codec', `there is no ${missing} on this machine`);
    }
    if (present) {
      this.places.get(port)?.refit();
      return;
    }
    this.ports.set(endpoint, port);
    this.enter(port, this.newRoom(`~${++this.privateRooms}`, false), defaultPartySettings);
  }

  private readonly portDeps = {
    codecNamed,
    random: (): number => this.deps.random(),
    random32: (): number => Math.floor(this.deps.random() * 0x100000000),
    wallMs: (): number => this.deps.wallMs(),
    keysOf: (endpoint: Endpoint): TelephoneEventReceiver => this.deps.keysOf(endpoint),
    onTone: ({ endpoint }: AudioPort, digit: string): void => {
      this.passOn(endpoint, digit, 0);
      this.deps.onDigit({ id: endpoint.id, session: endpoint.session, digit, durationMs: 0, by: 'in-band' });
    },
    onPlayed: (_port: AudioPort, player: PortPlayer): void => this.ended(player, 'finished'),
  };

  /** A key that an endpoint pressed, to the others in its room where that was asked for. */
  passOn(endpoint: Endpoint, digit: string, durationMs: number): void {
    const port = this.ports.get(endpoint);
    if (!port || !this.passing.has(port)) return;
    for (const other of this.places.get(port)?.ports ?? []) if (other !== port) other.sendDigits(digit, Math.max(durationMs, 40));
  }

  private newRoom(name: string, named: boolean): Room {
    const room = new Room(name, named, this.deps.metronome, this.deps.onTalking);
    room.mixer.onPlayed = (player) => this.ended(player, 'finished');
    return room;
  }

  private enter(port: AudioPort, room: Room, settings: PartySettings): void {
    const before = this.places.get(port);
    if (before && before !== room) this.exit(port, before);
    this.places.set(port, room);
    room.enter(port, settings, this.deps.now());
    this.deps.onBeat();
  }

  private exit(port: AudioPort, room: Room): void {
    room.leave(port, this.deps.now());
    this.places.delete(port);
    this.emptied(room);
  }

  private emptied(room: Room): void {
    if (room.size > 0) return;
    if (this.rooms.get(room.name) === room) this.rooms.delete(room.name);
    const player = room.mixer.player;
    if (player) this.ended(player, 'released');
    for (const recording of this.recordings.values()) if (recording.room === room) recording.stop('released');
  }

  /** @throws WorkerError 'no-audio' */
  private port(endpoint: Endpoint): AudioPort {
    const port = this.ports.get(endpoint);
    if (!port) throw new WorkerError('no-audio', `the sound of ${endpoint.id} is not made here; setAudio comes first`);
    return port;
  }

  private named(name: string): Room {
    let room = this.rooms.get(name);
    if (!room) {
      room = this.newRoom(name, true);
      this.rooms.set(name, room);
    }
    return room;
  }

  private enterSimple(name: string, party: SimpleParty): void {
    const room = this.named(name);
    this.simplePlaces.set(party, room);
    room.enter(party, defaultPartySettings, this.deps.now());
    this.deps.onBeat();
  }

  private exitSimple(party: SimpleParty): void {
    const room = this.simplePlaces.get(party);
    if (!room) return;
    this.simplePlaces.delete(party);
    room.leave(party, this.deps.now());
    this.emptied(room);
  }

  /** Mutes, or throws out (null). False: there is no such client. */
  setSimple(id: string, settings: { muted: boolean } | null): boolean {
    if (settings === null) return this.simple.remove(id);
    for (const [party, room] of this.simplePlaces) {
      if (party.id !== id) continue;
      room.enter(party, { ...defaultPartySettings, muted: settings.muted }, this.deps.now());
      return true;
    }
    return false;
  }

  join(endpoint: Endpoint, name: string, settings: MemberSettings): void {
    const port = this.port(endpoint);
    if (settings.passDigits) this.passing.add(port);
    else this.passing.delete(port);
    this.enter(port, this.named(name), {
      muted: settings.muted ?? false,
      deaf: settings.deaf ?? false,
      gainDb: settings.gainDb ?? 0,
      echo: settings.echo ?? false,
      heardBy: settings.heardBy,
    });
  }

  leave(endpoint: Endpoint): void {
    const port = this.port(endpoint);
    this.passing.delete(port);
    if (this.places.get(port)?.named) this.enter(port, this.newRoom(`~${++this.privateRooms}`, false), defaultPartySettings);
  }

  /** The endpoint is relayed again, or released. */
  drop(endpoint: Endpoint): void {
    const port = this.ports.get(endpoint);
    if (!port) return;
    this.ports.delete(endpoint);
    this.endAll(port.stopPlaying(), 'released');
    this.passing.delete(port);
    const room = this.places.get(port);
    if (room) this.exit(port, room);
    port.close();
  }

  /** Nothing is left of the endpoint: its recordings end. */
  release(endpoint: Endpoint): void {
    this.drop(endpoint);
    this.released.add(endpoint);
    for (const recording of this.recordings.values()) if (recording.concerns(endpoint)) recording.stop('released');
  }

  // — played —

  async play(target: Endpoint | string, what: readonly Playable[], options: PlayOptions): Promise<PlayEnd> {
    const place = typeof target === 'string' ? this.rooms.get(target) : this.port(target);
    if (!place) return { why: 'released', playedMs: 0 };
    const orders = this.ordersFor(place);
    const order = ++this.orders;
    let items;
    try {
      items = await this.clips.prepare(what, this.deps.toneCountry, this.rateOf(target));
    } catch (err) {
      return { why: 'failed', playedMs: 0, problem: err instanceof Error ? err.message : String(err) };
    }
    if (place !== (typeof target === 'string' ? this.rooms.get(target) : this.ports.get(target))) return { why: 'released', playedMs: 0 };
    const layer = options.over && place instanceof AudioPort ? 'over' : 'instead';
    if (orders.stop > order) return { why: 'stopped', playedMs: 0 };
    if (orders[layer] > order) return { why: 'replaced', playedMs: 0 };
    orders[layer] = order;
    const player = new Player(items, { ...options, sampleRate: 8000, random: this.deps.random });
    if (place instanceof AudioPort) this.endAll(place.play(player, layer === 'over'), 'replaced');
    else {
      const before = place.mixer.player;
      place.mixer.play(player);
      if (before) this.ended(before, 'replaced');
    }
    return new Promise((end) => this.playing.set(player, { player, end }));
  }

  private ordersFor(place: AudioPort | Room): Orders {
    let orders = this.ordersOf.get(place);
    if (!orders) this.ordersOf.set(place, (orders = { instead: 0, over: 0, stop: 0 }));
    return orders;
  }

  /** At which whatever is played to that target is heard, so that a file that many hear is resampled once. */
  private rateOf(target: Endpoint | string): SampleRate | undefined {
    if (typeof target === 'string') return this.rooms.get(target)?.rate;
    const port = this.ports.get(target);
    return port && this.places.get(port)?.rate;
  }

  private ended(player: PortPlayer, why: PlayEnd['why']): void {
    const playing = this.playing.get(player);
    this.playing.delete(player);
    playing?.end({ why, playedMs: playing.player.playedMs });
  }

  private endAll(players: readonly PortPlayer[], why: PlayEnd['why']): void {
    for (const player of players) this.ended(player, why);
  }

  stopPlaying(target: Endpoint | string): void {
    const place = typeof target === 'string' ? this.rooms.get(target) : this.ports.get(target);
    if (!place) return;
    this.ordersFor(place).stop = ++this.orders;
    if (place instanceof AudioPort) return this.endAll(place.stopPlaying(), 'stopped');
    const { player } = place.mixer;
    player?.stop();
    if (player) this.ended(player, 'stopped');
  }

  // — recorded —

  async record(target: RecordTarget, endpoints: readonly Endpoint[], formats: (endpoint: Endpoint) => readonly AudioFormat[], options: RecordOptions): Promise<RecordEnd> {
    const room = 'room' in target ? this.rooms.get(target.room) : undefined;
    const over = (): RecordEnd => ({ why: 'released', file: options.file, durationMs: 0, bytes: 0 });
    if ('room' in target && !room) return over();
    const deps: RecordingDeps = {
      metronome: this.deps.metronome,
      now: this.deps.now,
      random: this.deps.random,
      portOf: (endpoint) => this.ports.get(endpoint),
      formats,
      endpoints,
      room,
      options,
      beep: () => this.beep(endpoints, room),
    };
    const opening: Opening = {
      stopped: false,
      made: openRecordingFile(options.file, endpoints.length === 2 ? 2 : 1, recordingRate(deps))
        .then((writer) => this.begin(new Recording(deps, writer), opening, endpoints))
        .finally(() => this.opening.delete(options.file)),
    };
    this.opening.set(options.file, opening);
    const recording = await opening.made.catch((err: unknown) => {
      throw err instanceof MediaError && isWorkerErrorCode(err.code) ? new WorkerError(err.code, err.message) : err;
    });
    return recording.ended;
  }

  private begin(recording: Recording, { stopped }: Opening, endpoints: readonly Endpoint[]): Recording {
    const { file, room } = recording;
    this.recordings.set(file, recording);
    void recording.ended.then(() => this.recordings.delete(file));
    this.deps.onBeat();
    // whoever is recorded may have left while the file was made, or it was stopped
    if (this.closing || endpoints.some((endpoint) => this.released.has(endpoint)) || (room && room.size === 0)) recording.stop('released');
    else if (stopped) recording.stop('stopped');
    return recording;
  }

  /** Heard above everything else, by all who are recorded and whose sound is made here. */
  private beep(endpoints: readonly Endpoint[], room: Room | undefined): void {
    const ports = room ? room.ports : endpoints.flatMap((endpoint) => this.ports.get(endpoint) ?? []);
    for (const port of ports) this.play(port.endpoint, [{ tone: 'record-beep' }], { over: true }).catch(() => undefined); // who has just left hears none
  }

  /** Resolves when its file is closed. */
  async stopRecording(file: string): Promise<void> {
    const opening = this.opening.get(file);
    if (opening) {
      opening.stopped = true;
      await opening.made.catch(() => undefined); // whoever wanted it hears why
    }
    const recording = this.recordings.get(file);
    recording?.stop('stopped');
    await recording?.ended;
  }

  // — digits —

  sendDigits(endpoint: Endpoint, digits: string, ms: number): boolean {
    const port = this.ports.get(endpoint);
    port?.sendDigits(digits, ms);
    return port !== undefined;
  }

  detectTones(endpoint: Endpoint, on: boolean): void {
    this.port(endpoint).detectTones(on);
  }

  roomStats(name: string): RoomStats | undefined {
    return this.rooms.get(name)?.stats();
  }

  /** `udp(:40012) -> jitter(40ms) -> PCMU -> mix(8000, 2 in) -> opus -> udp(:40014)` */
  describe(port: AudioPort): string {
    const room = this.places.get(port);
    const others = room?.ports.filter((other) => other !== port) ?? [];
    const out = others.length === 1 ? others[0]! : port;
    const mix = room?.named ? ` -> ${room.mixer.describe()}` : '';
    return `${port.describeIn()}${mix} -> ${out.describeOut()}`;
  }

  silences(limitMs: number, nowMs: number, tell: (endpoint: Endpoint, silentMs: number) => void): void {
    for (const [endpoint, port] of this.ports) {
      const silentMs = port.newSilence(limitMs, nowMs);
      if (silentMs !== undefined) tell(endpoint, silentMs);
    }
  }

  /** Ends everything; files are closed when this resolves. */
  async close(): Promise<void> {
    this.closing = true;
    const opening = [...this.opening.values()];
    const recordings = [...this.recordings.values()];
    for (const recording of recordings) recording.stop('released');
    this.simple.close();
    for (const endpoint of [...this.ports.keys()]) this.drop(endpoint);
    await Promise.allSettled(opening.map(({ made }) => made));
    await Promise.all([...recordings, ...this.recordings.values()].map(({ ended }) => ended));
  }
}
