/**
 * A line for tests: a talker, a network and a reader in simulated time, around one Playout.
 *
 * The codec is linear PCM, so what comes out can be compared with what went in, sample by sample. A ramp as the talker's sound makes every
 * sample say when it was spoken.
 */
import type { Codec, Decoder, SampleRate } from '../../../../media/frame';
import { Heard, Playout, type PlayoutOptions } from '../../../../media/port/playout';

/** mulberry32: seeded, 0 to 1. */
export function seeded(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface LinearOptions {
  rate?: SampleRate;
  clockRate?: number;
  name?: Codec['name'];
  /** Recovers the packet before: `payload` then carries both, the one before first. */
  redundant?: boolean;
  conceals?: boolean;
}

/** 16 bit PCM, little endian. */
export function linearCodec({ rate = 8000, clockRate = rate, name = 'PCMU', redundant = false, conceals = false }: LinearOptions = {}): Codec & { made: Decoder[] } {
  const made: Decoder[] = [];
  const half = (length: number): number => (redundant ? length >> 1 : length);
  return {
    name,
    clockRate,
    rates: [rate],
    bandwidth: rate,
    cost: { encode: 1, decode: 1 },
    ptimes: [10, 20, 30, 40, 60],
    made,
    decoder(): Decoder {
      const decoder: Decoder = {
        sampleRate: rate,
        conceals,
        recovers: redundant,
        samplesIn: (_payload, length) => half(length) >> 1,
        decode(payload, length, out) {
          const from = length - half(length);
          const count = half(length) >> 1;
          for (let i = 0, at = from; i < count; i++, at += 2) out[i] = ((payload[at + 1] as number) << 8) | (payload[at] as number);
          return count;
        },
        recover(payload, length, out, samples) {
          if (!redundant || length >> 2 < samples) return 0;
          for (let i = 0; i < samples; i++) out[i] = (((payload[2 * i + 1] ?? 0) << 24) >> 16) | (payload[2 * i] ?? 0);
          return samples;
        },
        conceal(out, samples) {
          if (!conceals) return 0;
          out.fill(0, 0, samples);
          return samples;
        },
        reset: () => undefined,
        close: () => undefined,
      };
      made.push(decoder);
      return decoder;
    },
    encoder: () => {
      throw new Error('Nobody encodes here.');
    },
  };
}

export interface LineOptions {
  seconds: number;
  rate?: SampleRate;
  readRate?: SampleRate;
  ptimeMs?: number | ((packet: number) => number);
  /** Sample n of what is said. Default: a ramp. */
  talk?: (n: number) => number;
  /** How long a packet is under way, ms; null: lost. */
  network?: (packet: number, sentMs: number) => number | null;
  /** Of the reader's ticks to the sender's. */
  phaseMs?: number;
  /** How late a tick is. */
  lateMs?: (tick: number) => number;
  /** The sender's clock is this much fast. */
  ppm?: number;
  redundant?: boolean;
  options?: Partial<PlayoutOptions>;
  firstSequence?: number;
  firstTimestamp?: number;
  /** What each frame was, for tests that do not want all the sound. */
  onFrame?: (frame: Int16Array, heard: Heard, tickMs: number, playout: Playout) => void;
  /** False: `pcm` and `heard` stay empty. */
  keep?: boolean;
}

export interface LineResult {
  playout: Playout;
  pcm: Int16Array;
  heard: Heard[];
  /** Frames by kind. */
  count(kind: Heard): number;
  sent: number;
  lost: number;
}

export const RAMP = 30_000;
const ramp = (n: number): number => (n % RAMP) - RAMP / 2;

export function runLine(o: LineOptions): LineResult {
  const rate = o.rate ?? 8000;
  const readRate = o.readRate ?? rate;
  const talk = o.talk ?? ramp;
  const codec = linearCodec({ rate, redundant: o.redundant ?? false });
  const playout = new Playout({ sampleRate: readRate, random: seeded(99), ...o.options });
  playout.setFormats([{ payloadType: 0, clockRate: rate, codec }], 13);
  const stretch = 1 - (o.ppm ?? 0) / 1e6;
  const inFlight: Array<{ at: number; data: Uint8Array; sequence: number; timestamp: number }> = [];
  const frame = new Int16Array(readRate / 50);
  const keep = o.keep ?? true;
  const ticks = Math.floor(o.seconds * 50);
  const pcm = new Int16Array(keep ? ticks * frame.length : 0);
  const heard: Heard[] = [];
  const counts = [0, 0, 0, 0, 0];
  let [sample, packet, lost] = [0, 0, 0];
  let before = new Int16Array(0);
  const send = (): void => {
    const ptime = typeof o.ptimeMs === 'function' ? o.ptimeMs(packet) : (o.ptimeMs ?? 20);
    const count = (ptime * rate) / 1000;
    const said = new Int16Array(count);
    for (let i = 0; i < count; i++) said[i] = talk(sample + i);
    const sentMs = ((sample + count) * 1000 * stretch) / rate;
    const delay = o.network ? o.network(packet, sentMs) : 0;
    if (delay !== null) {
      let all = said;
      if (o.redundant) {
        all = new Int16Array(2 * count);
        if (before.length === count) all.set(before);
        all.set(said, count);
      }
      const data = new Uint8Array(all.buffer);
      const at = sentMs + delay;
      let i = inFlight.length;
      while (i > 0 && (inFlight[i - 1] as { at: number }).at > at) i--;
      inFlight.splice(i, 0, { at, data, sequence: ((o.firstSequence ?? 1000) + packet) & 0xffff, timestamp: ((o.firstTimestamp ?? 5000) + sample) >>> 0 });
    } else {
      lost++;
    }
    before = said;
    sample += count;
    packet++;
  };
  const sentUntil = (): number => (sample * 1000 * stretch) / rate;
  for (let tick = 0; tick < ticks; tick++) {
    const due = tick * 20 + (o.phaseMs ?? 0);
    const now = due + (o.lateMs?.(tick) ?? 0);
    // Everything that can be under way by now; the longest packets are 60 ms.
    while (sentUntil() <= now) send();
    while (inFlight.length > 0 && (inFlight[0] as { at: number }).at <= now) {
      const p = inFlight.shift() as (typeof inFlight)[number];
      playout.insert(p.data, 0, p.data.length, 0, p.sequence, p.timestamp, 7, false, p.at);
    }
    const kind = playout.read(frame, now);
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (keep) {
      heard.push(kind);
      pcm.set(frame, tick * frame.length);
    }
    o.onFrame?.(frame, kind, due, playout);
  }
  return { playout, pcm, heard, count: (kind) => counts[kind] ?? 0, sent: packet, lost };
}

/** From the mouth to the ear, ms, of every sample of a ramp, packets' own length included; wraps of the ramp are left out. */
export function rampDelays(pcm: Int16Array, rate: number, phaseMs = 0, fromSecond = 0): number[] {
  const delays: number[] = [];
  for (let n = Math.floor(fromSecond * rate); n < pcm.length; n++) {
    const spoken = (pcm[n] as number) + RAMP / 2;
    let behind = (n + (phaseMs * rate) / 1000 - spoken) % RAMP;
    if (behind < 0) behind += RAMP;
    if (behind < rate) delays.push((behind * 1000) / rate);
  }
  return delays;
}

export const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
