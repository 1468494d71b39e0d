/**
 * The package @discordjs/opus as it is meant to be used: a buffer made for every frame, no recovery, and memory that only the garbage collector
 * gives back, which does not know how much it is: so what was closed is used again.
 */
import { APPLICATION_VOIP, SET, type Library, type RawDecoder, type RawEncoder } from './library';
import { Shelf } from './shelf';

interface Binding {
  encode(pcm: Buffer): Buffer;
  decode(payload: Buffer): Buffer;
  applyEncoderCTL(request: number, value: number): void;
  applyDecoderCTL(request: number, value: number): void;
}

const FAILED = -1;

/** The library, or why it cannot be had. */
export function loadBinding(): Library | Error {
  try {
    const { OpusEncoder } = require('@discordjs/opus') as { OpusEncoder: new (sampleRate: number, channels: number) => Binding };
    const shelf = new Shelf<Binding>();
    const take = (kind: string, sampleRate: number, channels: number): [Binding, () => void] =>
      shelf.take(`${kind} ${sampleRate} ${channels}`, () => new OpusEncoder(sampleRate, channels));
    return {
      ability: 'binding',
      encoder: (sampleRate, channels) => encoder(...take('encoder', sampleRate, channels), channels),
      decoder: (sampleRate, channels) => decoder(...take('decoder', sampleRate, channels), channels),
    };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function encoder(binding: Binding, close: () => void, channels: number): RawEncoder {
  binding.applyEncoderCTL(SET.RESET_STATE, 0);
  // The constructor makes one for music; it can be changed until the first frame, and again after a reset.
  binding.applyEncoderCTL(SET.APPLICATION, APPLICATION_VOIP);
  return {
    encode(pcm, samples, out) {
      const packet = binding.encode(Buffer.from(pcm.buffer, pcm.byteOffset, samples * channels * 2));
      if (packet.length > out.length) return FAILED;
      out.set(packet);
      return packet.length;
    },
    set: (request, value) => binding.applyEncoderCTL(request, value),
    reset: () => binding.applyEncoderCTL(SET.RESET_STATE, 0),
    close,
  };
}

function decoder(binding: Binding, close: () => void, channels: number): RawDecoder {
  binding.applyDecoderCTL(SET.RESET_STATE, 0);
  return {
    decode(payload, length, out, capacity) {
      let pcm: Buffer;
      try {
        pcm = binding.decode(Buffer.from(payload.buffer, payload.byteOffset, length));
      } catch {
        return FAILED;
      }
      const samples = pcm.length / 2 / channels;
      if (samples > capacity) return FAILED;
      for (let i = 0; i < samples * channels; i++) out[i] = pcm.readInt16LE(2 * i);
      return samples;
    },
    reset: () => binding.applyDecoderCTL(SET.RESET_STATE, 0),
    close,
  };
}
