/**
 * A room: every 20 ms each member is asked for a frame, and is given the sum of all others' (N−1).
 *
 *   member ─► pull ─┐                          ┌─ sum − own ─► push ─► member
 *   member ─► pull ─┼─► × gain ─► Σ ─► limit ──┼─ sum − own ─► push ─► member
 *   member ─► pull ─┘             ▲            └─ sum       ─► push ─► member that was silent
 *                        played to the room
 *
 * The sum is kept in 32 bits and brought below full scale by one gain for everybody, which drops at once and comes back slowly; the gain of
 * each member moves across a frame, so that joining, muting and leaving do not click. Two members are a bridged call: the same arithmetic.
 */
import { frameSamples, type SampleRate } from '../frame';

/** One who is in a room. */
export interface Party {
  readonly id: string;
  /** What of the mix it could hear, and what it contributes, at most. */
  readonly bandwidth: SampleRate;
  /** PCM rate of its frames from now on. */
  setRate(rate: SampleRate): void;
  /** Its next frame. False: silence. */
  pull(out: Int16Array, nowMs: number): boolean;
  /** What it is to hear; undefined: nothing. `skipped` frames before it were left out. The array is reused. */
  push(pcm: Int16Array | undefined, skipped: number): void;
}

export interface PartySettings {
  muted: boolean;
  deaf: boolean;
  gainDb: number;
  echo: boolean;
  heardBy: readonly string[] | undefined;
}

export interface RoomPlayer {
  setSampleRate(rate: SampleRate): void;
  /** False: nothing to hear. */
  read(out: Int16Array): boolean;
  readonly done: boolean;
  stop(): void;
}

export const defaultPartySettings: PartySettings = { muted: false, deaf: false, gainDb: 0, echo: false, heardBy: undefined };

const FULL = 32767;
/** The limiter aims a little below full scale, since its gain is the same over a whole frame after the first quarter. */
const CEILING = 32000;
/** 20 ms to come back by a tenth of what is missing: 90 % within half a second. */
const RELEASE = 0.1;

class Member {
  frame: Int16Array;
  /** Whether `frame` holds anything but silence. */
  sounding = false;
  /** Gain reached at the end of the last frame. New members rise from nothing. */
  gain = 0;
  target = 1;
  settings = defaultPartySettings;

  constructor(
    readonly party: Party,
    samples: number,
  ) {
    this.frame = new Int16Array(samples);
  }

  set(settings: PartySettings): void {
    this.settings = settings;
    this.target = settings.muted ? 0 : 10 ** (settings.gainDb / 20);
  }
}

export class Mixer {
  rate: SampleRate = 8000;
  ticks = 0;
  limitedFrames = 0;
  clippedSamples = 0;
  /** Hears each mix as all of it sounds (recorder). */
  onMix: ((pcm: Int16Array) => void) | undefined;
  player: RoomPlayer | undefined;
  /** It has come to its end, and is no longer there. */
  onPlayed: ((player: RoomPlayer) => void) | undefined;
  /** Called once a tick for each member with its frame, before it is mixed. */
  onFrame: ((party: Party, frame: Int16Array, sounding: boolean) => void) | undefined;
  private members: Member[] = [];
  private readonly byId = new Map<string, Member>();
  private whispers = false;
  private gain = 1;
  private samples = frameSamples(8000);
  private sum = new Int32Array(this.samples);
  private shared = new Int16Array(this.samples);
  private out = new Int16Array(this.samples);
  private played = new Int16Array(this.samples);
  /** Replaced; it has a last frame to fade in. */
  private leaving: RoomPlayer | undefined;
  /** What members who left still had to say: a frame that fades. */
  private tail: Int16Array | undefined;

  get size(): number {
    return this.members.length;
  }

  get parties(): Party[] {
    return this.members.map((member) => member.party);
  }

  has(id: string): boolean {
    return this.byId.has(id);
  }

  settingsOf(id: string): PartySettings | undefined {
    return this.byId.get(id)?.settings;
  }

  join(party: Party, settings: PartySettings): void {
    const present = this.byId.get(party.id);
    if (present) {
      present.set(settings);
    } else {
      const member = new Member(party, this.samples);
      member.set(settings);
      this.byId.set(party.id, member);
      this.members = [...this.members, member];
    }
    this.whispers = this.members.some((m) => m.settings.heardBy !== undefined);
    this.fit();
    party.setRate(this.rate);
  }

  leave(id: string, nowMs: number): void {
    const member = this.byId.get(id);
    if (!member) return;
    this.byId.delete(id);
    this.members = this.members.filter((m) => m !== member);
    this.fade(member, nowMs);
    this.whispers = this.members.some((m) => m.settings.heardBy !== undefined);
    this.fit();
  }

  /** One more frame of who leaves, down to nothing. */
  private fade(member: Member, nowMs: number): void {
    if (member.settings.heardBy !== undefined || this.members.length === 0 || member.gain === 0 || !member.sounding) return;
    if (!member.party.pull(member.frame, nowMs)) return;
    const tail = (this.tail ??= new Int16Array(this.samples));
    const { frame, gain } = member;
    for (let i = 0; i < frame.length; i++) tail[i] = clip(tail[i]! + frame[i]! * gain * (1 - i / frame.length));
  }

  /**
   * The rate that nobody loses anything by: the widest of what is heard. Of two, each hears the other only, so that the narrower one
   * decides; of more, the second widest would do as well, but who is the second changes with each who comes.
   */
  private fit(): void {
    const widths = this.members.map((m) => m.party.bandwidth);
    if (widths.length === 0) return;
    const alone = this.members.length === 2 && !this.members.some((m) => m.settings.echo) && this.player === undefined;
    const rate = (alone ? Math.min(...widths) : Math.max(...widths)) as SampleRate;
    if (rate === this.rate) return;
    this.rate = rate;
    this.samples = frameSamples(rate);
    this.sum = new Int32Array(this.samples);
    this.shared = new Int16Array(this.samples);
    this.out = new Int16Array(this.samples);
    this.played = new Int16Array(this.samples);
    if (this.tail !== undefined) this.tail = stretched(this.tail, this.samples);
    this.player?.setSampleRate(rate);
    this.leaving?.setSampleRate(rate);
    for (const member of this.members) {
      member.frame = new Int16Array(this.samples);
      member.sounding = false;
      member.party.setRate(rate);
    }
  }

  /** A member's codec changed. */
  refit(): void {
    this.fit();
  }

  /** The one before it fades. */
  play(player: RoomPlayer | undefined): void {
    this.leaving = this.player;
    this.leaving?.stop();
    this.player = player;
    this.fit();
    player?.setSampleRate(this.rate);
  }

  /** @throws what a member threw, when all others have had their turn */
  tick(nowMs: number, skipped: number): void {
    this.ticks++;
    const { members, sum, samples } = this;
    let fault: unknown;
    sum.fill(0);
    for (let m = 0; m < members.length; m++) {
      try {
        this.gather(members[m]!, nowMs, sum);
      } catch (err) {
        members[m]!.sounding = false;
        fault ??= err;
      }
    }
    if (this.player !== undefined) this.hearPlayer(this.player, sum);
    if (this.leaving?.read(this.played)) add(sum, this.played);
    this.leaving = undefined;
    if (this.tail !== undefined) {
      add(sum, this.tail);
      this.tail = undefined;
    }
    const from = this.gain;
    const to = this.limit(sum);
    const shared = this.shared;
    let clipped = 0;
    for (let i = 0; i < samples; i++) {
      const value = sum[i]! * gainAt(from, to, i, samples);
      shared[i] = value > FULL ? FULL : value < -FULL ? -FULL : value;
      if (value > FULL || value < -FULL) clipped++;
    }
    this.clippedSamples += clipped;
    this.onMix?.(shared);
    for (let m = 0; m < members.length; m++) {
      const member = members[m]!;
      try {
        member.party.push(member.settings.deaf ? undefined : this.mixFor(member, from, to), skipped);
      } catch (err) {
        fault ??= err;
      }
    }
    if (fault !== undefined) throw fault as Error;
  }

  private hearPlayer(player: RoomPlayer, sum: Int32Array): void {
    if (player.read(this.played)) add(sum, this.played);
    if (!player.done) return;
    this.player = undefined;
    this.onPlayed?.(player);
  }

  /** Asks a member for its frame, scales it in place by its own gain, and adds it to what all hear. */
  private gather(member: Member, nowMs: number, sum: Int32Array): void {
    const { frame, target } = member;
    member.sounding = member.party.pull(frame, nowMs);
    this.onFrame?.(member.party, frame, member.sounding);
    const from = member.gain;
    member.gain = target;
    if (!member.sounding) return;
    if (from === 0 && target === 0) {
      member.sounding = false;
      return;
    }
    if (from !== 1 || target !== 1) {
      const step = (target - from) / frame.length;
      for (let i = 0; i < frame.length; i++) frame[i] = clip(frame[i]! * (from + step * i));
    }
    if (member.settings.heardBy === undefined) add(sum, frame);
  }

  /** The gain that keeps this frame's sum below full scale. */
  private limit(sum: Int32Array): number {
    let peak = 0;
    for (let i = 0; i < sum.length; i++) {
      const value = sum[i]! < 0 ? -sum[i]! : sum[i]!;
      if (value > peak) peak = value;
    }
    const needed = peak > CEILING ? CEILING / peak : 1;
    if (needed < 1) this.limitedFrames++;
    const before = this.gain;
    const gain = needed < before ? needed : Math.min(needed, before + (1 - before) * RELEASE);
    this.gain = gain > 0.999 ? 1 : gain;
    return this.gain;
  }

  private mixFor(member: Member, from: number, to: number): Int16Array {
    const { sum, samples, out } = this;
    const own = member.sounding && !member.settings.echo && member.settings.heardBy === undefined;
    const whispered = this.whispers && this.members.some((other) => other !== member && hears(member, other));
    if (!own && !whispered) return this.shared;
    if (own) {
      const { frame } = member;
      for (let i = 0; i < samples; i++) out[i] = clip((sum[i]! - frame[i]!) * gainAt(from, to, i, samples));
    } else {
      out.set(this.shared);
    }
    if (whispered) {
      for (const other of this.members) {
        if (other === member || !hears(member, other)) continue;
        for (let i = 0; i < samples; i++) out[i] = clip(out[i]! + other.frame[i]!);
      }
    }
    return out;
  }

  stats(): Array<{ id: string; settings: PartySettings }> {
    return this.members.map((member) => ({ id: member.party.id, settings: member.settings }));
  }

  describe(): string {
    return `mix(${this.rate}, ${this.members.length} in)`;
  }
}

/** Whether `other` speaks to `member` only, or to a few of whom it is one. */
const hears = (member: Member, other: Member): boolean => other.sounding && other.settings.heardBy !== undefined && other.settings.heardBy.includes(member.party.id);

const clip = (value: number): number => (value > FULL ? FULL : value < -FULL ? -FULL : value);

/** The limiter's gain within a frame: there after the first quarter when it falls, at the end when it rises. */
function gainAt(from: number, to: number, i: number, samples: number): number {
  if (from === to) return to;
  const reach = to < from ? samples >> 2 : samples;
  return i >= reach ? to : from + ((to - from) * i) / reach;
}

/** A frame that fades to nothing, at another rate: between its samples straight lines, for it is over before anybody could tell. */
function stretched(frame: Int16Array, samples: number): Int16Array {
  return Int16Array.from({ length: samples }, (_, i) => {
    const at = (i * frame.length) / samples;
    const before = Math.floor(at);
    return frame[before]! * (before + 1 - at) + (frame[before + 1] ?? 0) * (at - before);
  });
}

function add(sum: Int32Array, frame: Int16Array): void {
  for (let i = 0; i < frame.length; i++) sum[i] = sum[i]! + frame[i]!;
}
