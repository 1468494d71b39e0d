/** A named room of a worker: the mixer, who is in it, who talks. A party alone is in a room of its own, which nobody else knows of. */
import type { RoomStats, TalkingEvent } from './audio-types';
import { dbov, powerOf, VoiceActivity } from './audio/level';
import type { SampleRate } from './frame';
import type { Metronome, Ticking } from './metronome';
import { Mixer, type Party, type PartySettings } from './node/mixer';
import { AudioPort } from './port/port';

/** Work of an encoded and decoded frame in µs, roughly: only the balance between the metronome's slots depends on it. */
const WEIGHT = { 8000: 10, 16000: 60, 48000: 200 } as const;
/** Levels are told as the mean of about a second. */
const LEVEL_MEMORY = 0.02;

export type MixListener = (pcm: Int16Array, rate: SampleRate) => void;

interface Occupant {
  party: Party;
  activity: VoiceActivity;
  talking: boolean;
  /** Mean square of its frames. */
  power: number;
}

export class Room implements Ticking {
  readonly mixer = new Mixer();
  skippedTicks = 0;
  private readonly occupants = new Map<string, Occupant>();
  private readonly pending: TalkingEvent[] = [];
  private readonly listeners = new Set<MixListener>();

  constructor(
    readonly name: string,
    /** False: a party alone. Nobody asks who talks there. */
    readonly named: boolean,
    private readonly metronome: Metronome,
    private readonly onTalking: (event: TalkingEvent) => void,
  ) {
    if (named) this.mixer.onFrame = this.hear;
  }

  /** Hears all that is said, as one. */
  listen(listener: MixListener): void {
    this.listeners.add(listener);
    this.mixer.onMix = (pcm) => {
      for (const one of this.listeners) one(pcm, this.mixer.rate);
    };
  }

  unlisten(listener: MixListener): void {
    this.listeners.delete(listener);
    if (this.listeners.size === 0) this.mixer.onMix = undefined;
  }

  get size(): number {
    return this.occupants.size;
  }

  /** Those who have an endpoint. */
  get ports(): AudioPort[] {
    return [...this.occupants.values()].flatMap(({ party }) => (party instanceof AudioPort ? [party] : []));
  }

  enter(party: Party, settings: PartySettings, nowMs: number): void {
    if (!this.occupants.has(party.id)) this.occupants.set(party.id, { party, activity: new VoiceActivity(), talking: false, power: 0 });
    this.mixer.join(party, settings);
    this.metronome.add(this, nowMs);
    this.weigh();
  }

  leave({ id }: Party, nowMs: number): void {
    const occupant = this.occupants.get(id);
    if (!occupant) return;
    if (occupant.talking) this.onTalking({ room: this.name, id, talking: false });
    this.occupants.delete(id);
    this.mixer.leave(id, nowMs);
    if (this.occupants.size === 0) this.metronome.remove(this);
    else this.weigh();
  }

  /** A codec of one of them changed. */
  refit(): void {
    this.mixer.refit();
    this.weigh();
  }

  private weigh(): void {
    let weight = 0;
    for (const { party } of this.occupants.values()) weight += WEIGHT[party.bandwidth];
    this.metronome.weigh(this, weight);
  }

  tick(nowMs: number, skipped: number): void {
    this.skippedTicks += skipped;
    this.mixer.tick(nowMs, skipped);
    if (this.pending.length > 0) for (const event of this.pending.splice(0)) this.onTalking(event);
  }

  private readonly hear = (party: Party, frame: Int16Array, sounding: boolean): void => {
    const occupant = this.occupants.get(party.id);
    if (!occupant) return;
    const power = sounding ? powerOf(frame) : 0;
    occupant.power += (power - occupant.power) * LEVEL_MEMORY;
    const talking = occupant.activity.update(dbov(power)) && this.mixer.settingsOf(party.id)?.muted !== true;
    if (talking === occupant.talking) return;
    occupant.talking = talking;
    this.pending.push({ room: this.name, id: party.id, talking });
  };

  get rate(): SampleRate {
    return this.mixer.rate;
  }

  stats(): RoomStats {
    return {
      room: this.name,
      rate: this.mixer.rate,
      members: [...this.occupants.values()].map(({ party: { id }, talking, power }) => {
        const settings = this.mixer.settingsOf(id);
        return { id, talking, level: dbov(power), muted: settings?.muted ?? false, deaf: settings?.deaf ?? false };
      }),
      skippedTicks: this.skippedTicks,
      limitedFrames: this.mixer.limitedFrames,
    };
  }
}
