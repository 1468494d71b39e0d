/** Hubs in calls with each other over real sockets on loopback, each with a sound card made of memory that speaks a tone of its own. */
import { systemClock } from '../../../../../client/clock';
import type { CallMediaEvents, Direction, MediaState } from '../../../../../client/media';
import type { AudioDevice, DeviceStats } from '../../../../../client/node/audio/device';
import { createHub, type HubDeps } from '../../../../../client/node/media/hub';
import type { AudioHub, HubSettings, NodeCallMedia } from '../../../../../client/node/media/hub-types';
import type { Listener } from '../../../../support/ears';
import type { Recording } from '../../../../support/wav';

const RATE = 48_000;

/** Speaks a tone (0: silence), and remembers what it was given to play. */
export class ToneDevice implements AudioDevice, Listener {
  readonly backend = 'memory';
  readonly input = 'tone';
  readonly output = 'memory';
  captured = 0;
  private n = 0;
  private readonly frames: Float32Array[] = [];

  constructor(
    readonly name: string,
    public hz: number,
    public amplitude = 9000,
  ) {}

  capture(out: Int16Array): boolean {
    this.captured++;
    for (let i = 0; i < out.length; i++) out[i] = this.hz === 0 ? 0 : Math.round(this.amplitude * Math.sin((2 * Math.PI * this.hz * this.n++) / RATE));
    return this.hz !== 0;
  }

  /** Every third sample: tones below 4 kHz need no more, and the thread that listens also has to speak in time. */
  play(frame: Int16Array): void {
    this.frames.push(Float32Array.from({ length: frame.length / 3 }, (_, i) => frame[3 * i]! / 32768));
  }

  heard(): Recording {
    const samples = new Float32Array(this.frames.length * 320);
    this.frames.forEach((frame, i) => samples.set(frame, 320 * i));
    return { samples, rate: RATE / 3 };
  }

  stats(): DeviceStats {
    return { captureMissingMs: 0, captureDroppedMs: 0, playbackMissingMs: 0, playbackDroppedMs: 0, captureQueueMs: 0, playbackQueueMs: 0, captureDriftPpm: null, playbackDriftPpm: null, restarts: 0 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export interface Heard {
  digits: Array<{ digit: string; by: string }>;
  silences: Array<number | null>;
  states: MediaState[];
}

export interface End {
  hub: AudioHub;
  device: ToneDevice;
}

export interface Side {
  media: NodeCallMedia;
  told: Heard;
}

const hubs: AudioHub[] = [];

export function newEnd(name: string, hz: number, settings: HubSettings = {}, deps: Partial<HubDeps> = {}): End {
  const hub = createHub(settings, {
    clock: systemClock,
    chance: Math.random,
    onFault: (err) => {
      throw err;
    },
    ...deps,
  });
  hubs.push(hub);
  const device = new ToneDevice(name, hz);
  hub.setDevice(device);
  return { hub, device };
}

export function closeAll(): void {
  for (const hub of hubs.splice(0)) hub.close();
}

export async function open({ hub }: { hub: AudioHub }, label = 'a call', remoteHost = '127.0.0.1'): Promise<Side> {
  const told: Heard = { digits: [], silences: [], states: [] };
  const events: CallMediaEvents = {
    digit: (digit, _ms, by) => told.digits.push({ digit, by }),
    silent: (ms) => told.silences.push(ms),
    changed: (state) => told.states.push(state),
  };
  const media = await hub.open({ id: label, label, remoteHost }, events);
  media.setActive(true);
  return { media, told };
}

/** One exchange: `from` offers, `to` answers. */
export async function exchange(from: Side, to: Side, wants: Direction = 'sendrecv', answers: Direction = 'sendrecv'): Promise<{ offer: string; answer: string }> {
  const offer = await from.media.offer(wants);
  const answer = await to.media.answer(offer, answers);
  await from.media.accept(answer);
  return { offer, answer };
}

/** A call between two hubs. */
export async function call(a: End, b: End): Promise<{ from: Side; to: Side; offer: string; answer: string }> {
  const from = await open(a, `${a.device.name} with ${b.device.name}`);
  const to = await open(b, `${b.device.name} with ${a.device.name}`);
  return { from, to, ...(await exchange(from, to)) };
}
