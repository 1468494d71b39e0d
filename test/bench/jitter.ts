/**
 * The jitter buffer and what is built on it: our own CPU time for a packet, and the delay that it costs on three networks.
 *
 *   talker (a ramp: every sample says when it was spoken) ─► network ─► Playout ─► the same sample, and when it was heard
 *
 * Time is simulated, so delays are exact and the same in every run; the cost is CPU time of this process. Delay is from mouth to
 * ear: the packet's own 20 ms, the wait in the buffer and for the reader's tick, over twenty phases between sender and reader.
 */
import { linearToUlaw, pcmu } from '../../media/codec/g711';
import type { Codec, Decoder } from '../../media/frame';
import { Heard, Playout } from '../../media/port/playout';
import { JitterBuffer } from '../../media/rtp/jitter-buffer';
import { UNITS_PER_MS } from '../../media/rtp/media-time';
import type { BenchResult } from './support/report';

const RATE = 8000;
const FRAME = 160;
const SECONDS = 60;
const SETTLED_FRAMES = 250;
/** The ramp's height, in samples; longer than any delay. */
const RAMP = 30_000;
const PACKETS = 400_000;

/** CPU time so far, ns. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
};

function seeded(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** 16 bit PCM in packets: what is decoded is what was said. */
const linear: Codec = {
  name: 'PCMU',
  clockRate: RATE,
  rates: [RATE],
  bandwidth: RATE,
  cost: { encode: 0, decode: 0 },
  ptimes: [20],
  encoder: () => {
    throw new Error('The bench has packets already.');
  },
  decoder: (): Decoder => ({
    sampleRate: RATE,
    conceals: false,
    recovers: false,
    samplesIn: (_payload, length) => length >> 1,
    decode(payload, length, out) {
      const count = length >> 1;
      for (let i = 0; i < count; i++) out[i] = (((payload[2 * i + 1] as number) << 24) >> 16) | (payload[2 * i] as number);
      return count;
    },
    recover: () => 0,
    conceal: () => 0,
    reset: () => undefined,
    close: () => undefined,
  }),
};

interface Delay {
  meanMs: number;
  concealed: number;
}

/** @param network ms that a packet is under way; null: lost */
function delayOver(network: (random: () => number) => number | null): Delay {
  let [sum, samples, concealed, frames] = [0, 0, 0, 0];
  const data = new Uint8Array(2 * FRAME);
  const out = new Int16Array(FRAME);
  for (let phase = 0.5; phase < 20; phase++) {
    const random = seeded(Math.round(phase * 10));
    const playout = new Playout({ sampleRate: RATE, random: seeded(1) });
    playout.setFormats([{ payloadType: 0, clockRate: RATE, codec: linear }], null);
    const arrivals: Array<{ n: number; at: number }> = [];
    for (let n = 0; n < SECONDS * 50; n++) {
      const way = network(random);
      if (way !== null) arrivals.push({ n, at: (n + 1) * 20 + way });
    }
    arrivals.sort((a, b) => a.at - b.at);
    let next = 0;
    for (let tick = 0; tick < SECONDS * 50; tick++) {
      const now = tick * 20 + phase;
      for (; next < arrivals.length && (arrivals[next] as { at: number }).at <= now; next++) {
        const { n, at } = arrivals[next] as { n: number; at: number };
        for (let i = 0; i < FRAME; i++) {
          const value = ((n * FRAME + i) % RAMP) - RAMP / 2;
          data[2 * i] = value & 0xff;
          data[2 * i + 1] = (value >> 8) & 0xff;
        }
        playout.insert(data, 0, data.length, 0, n & 0xffff, n * FRAME, 7, false, at);
      }
      const heard = playout.read(out, now);
      if (tick < SETTLED_FRAMES) continue;
      frames++;
      if (heard === Heard.Concealed) concealed++;
      if (heard !== Heard.Voice) continue;
      for (let i = 0; i < FRAME; i += 16) {
        const behind = (((tick * FRAME + i + phase * 8 - ((out[i] as number) + RAMP / 2)) % RAMP) + RAMP) % RAMP;
        if (behind >= RATE) continue;
        sum += behind / 8;
        samples++;
      }
    }
  }
  return { meanMs: sum / samples, concealed: concealed / frames };
}

/** ns for one packet through the buffer alone: put in, found, taken out. 60 ms of jitter, so that there is something to sort. */
function bufferCost(): number {
  const random = seeded(5);
  const order = Array.from({ length: PACKETS }, (_, n) => ({ n, at: n * 20 + 60 * random() })).sort((a, b) => a.at - b.at);
  const payload = new Uint8Array(FRAME);
  const buffer = new JitterBuffer({ minDelayMs: 0, maxDelayMs: 400 });
  const run = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const { n, at } = order[i] as { n: number; at: number };
      const slot = buffer.insert(payload, 0, FRAME, 0, n & 0xffff, (n * FRAME) >>> 0, 7, false, RATE, at);
      if (slot !== null) buffer.lasts(slot, 20 * UNITS_PER_MS);
      if (buffer.size > 4) {
        const due = buffer.next();
        buffer.latestStart(at, 0);
        if (due !== null) buffer.take(due);
      }
    }
  };
  run(0, PACKETS / 4);
  const before = cpu();
  run(PACKETS / 4, PACKETS);
  return (cpu() - before) / (PACKETS * 0.75);
}

/** ns for one packet of PCMU from `insert` to the sound that `read` gives, decoding included. @param lossShare 0 to 1 */
function playoutCost(lossShare: number): number {
  const random = seeded(6);
  const playout = new Playout({ sampleRate: RATE, random: seeded(1) });
  playout.setFormats([{ payloadType: 0, clockRate: RATE, codec: pcmu }], null);
  // A voice: 125 Hz and what sounds with it; 2.5 of its periods to the packet, so two packets take turns.
  const voice = (n: number): number => [1, 2, 3, 5, 8].reduce((sum, k) => sum + (4000 / k) * Math.sin((2 * Math.PI * 125 * k * n) / RATE), 0);
  const payloads = [0, FRAME].map((from) => Uint8Array.from({ length: FRAME }, (_, n) => linearToUlaw(Math.round(voice(from + n)))));
  const out = new Int16Array(FRAME);
  const packets = PACKETS / 4;
  const run = (from: number, to: number): void => {
    for (let n = from; n < to; n++) {
      if (random() >= lossShare) playout.insert(payloads[n & 1] as Uint8Array, 0, FRAME, 0, n & 0xffff, (n * FRAME) >>> 0, 7, false, n * 20);
      playout.read(out, n * 20 + 9);
    }
  };
  run(0, packets / 4);
  const before = cpu();
  run(packets / 4, packets);
  return (cpu() - before) / (packets * 0.75);
}

export function benchJitter(): Promise<BenchResult> {
  const delay = ({ meanMs, concealed }: Delay): Record<string, string> => ({ 'mouth to ear': `${meanMs.toFixed(1)} ms`, concealed: `${(concealed * 100).toFixed(2)} %` });
  return Promise.resolve({
    name: 'jitter',
    what: 'jitter buffer and playout, 20 ms packets',
    rows: [
      { system: 'clean network', figures: delay(delayOver(() => 0)) },
      { system: '60 ms even jitter', figures: delay(delayOver((random) => 60 * random())) },
      { system: '10 % lost at random', figures: delay(delayOver((random) => (random() < 0.1 ? null : 0))) },
      { system: 'buffer alone', figures: { 'per packet': `${bufferCost().toFixed(0)} ns` } },
      { system: 'PCMU, insert to sound', figures: { 'per packet': `${playoutCost(0).toFixed(0)} ns` } },
      { system: 'PCMU, 10 % lost', figures: { 'per packet': `${playoutCost(0.1).toFixed(0)} ns` } },
    ],
    notes: ['delays are of simulated time and the same in every run; Linphone was measured at 74 and 106 ms, baresip at 192 and 246 ms, clean and under 60 ms of jitter'],
  });
}
