/** Speech as the packets of a call over a bad network: what is sent, what of it is lost, and when the rest arrives. The same for everybody who listens. */
import type { Codec, SampleRate } from '../../../media/frame';
import { resample, type Speech } from './speech';

export const PTIME_MS = 20;

export interface Network {
  /** 0 to 1. */
  loss: number;
  /** Packets that are lost in a row, on average; 1: each by itself. */
  burst: number;
  /** A packet takes up to so much longer than the fastest, evenly spread; packets may overtake each other. ms */
  jitterMs: number;
}

export interface Arrival {
  atMs: number;
  /** Of the packet in the order of sending. */
  index: number;
  payload: Uint8Array;
}

/** Numbers from 0 to 1, the same ones every time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The passages one after the other, 20 ms a packet, by an encoder that was told of the loss. */
export function packetsOf(said: Speech, order: readonly number[], { codec, fmtp, sendRate }: { codec: Codec; fmtp: string; sendRate: SampleRate }, loss: number): Uint8Array[] {
  const encoder = codec.encoder({ sampleRate: sendRate, fmtp });
  encoder.lossReported(loss);
  const samples = (sendRate * PTIME_MS) / 1000;
  const out = new Uint8Array(1500);
  const packets: Uint8Array[] = [];
  for (const which of order) {
    const pcm = resample(said.passages[which]!, said.rate, sendRate);
    for (let at = 0; at + samples <= pcm.length; at += samples) packets.push(out.slice(0, encoder.encode(pcm.subarray(at, at + samples), out)));
  }
  encoder.close();
  return packets;
}

/** Gilbert's model: with bursts of one, packets are lost independently. The first of all arrives. */
export function losses(count: number, { loss, burst }: Pick<Network, 'loss' | 'burst'>, random: () => number): boolean[] {
  const lost: boolean[] = [];
  let bad = false;
  for (let i = 0; i < count; i++) {
    if (burst === 1) bad = random() < loss;
    else bad = bad ? random() >= 1 / burst : random() < loss / (burst * (1 - loss));
    lost.push(bad && i > 0);
  }
  return lost;
}

/** In the order of arrival. */
export function throughNetwork(packets: readonly Uint8Array[], network: Network, seed: number): Arrival[] {
  const lost = losses(packets.length, network, seeded(seed));
  const random = seeded(seed ^ 0x5eed);
  const delays = packets.map(() => network.jitterMs * random());
  const arrivals = packets.flatMap((payload, index) => (lost[index] ? [] : [{ atMs: index * PTIME_MS + delays[index]!, index, payload }]));
  return arrivals.sort((a, b) => a.atMs - b.atMs);
}
