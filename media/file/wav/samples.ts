/**
 * Sample formats of WAV files, to mono PCM of 16 bits. Channels are averaged; more bits are rounded, not cut, floating point is limited to
 * full scale (what is not a number is silence).
 */
import { alawToLinear, ulawToLinear } from '../../codec/g711';
import type { SampleFormat } from './layout';

type Reader = (data: DataView, at: number) => number;

const READERS: Record<SampleFormat, Reader> = {
  u8: (data, at) => (data.getUint8(at) - 128) * 256,
  s16: (data, at) => data.getInt16(at, true),
  s24: (data, at) => data.getInt8(at + 2) * 256 + data.getUint16(at, true) / 256,
  s32: (data, at) => data.getInt32(at, true) / 65_536,
  f32: (data, at) => whole(data.getFloat32(at, true)),
  f64: (data, at) => whole(data.getFloat64(at, true)),
  alaw: (data, at) => alawToLinear(data.getUint8(at)),
  ulaw: (data, at) => ulawToLinear(data.getUint8(at)),
};

/**
 * Converts `frames` sample frames from the beginning of `data` into `out` from `outAt` on. A slice of a file at a time: this does not come
 * back before it is done, and the thread it is on has other people's voices to carry.
 */
export function toMono(data: Uint8Array, format: SampleFormat, channels: number, sampleBytes: number, frames: number, out: Int16Array, outAt: number): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = READERS[format];
  for (let i = 0, at = 0; i < frames; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++, at += sampleBytes) sum += read(view, at);
    const value = channels === 1 ? Math.round(sum) : Math.round(sum / channels);
    out[outAt + i] = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value;
  }
}

const whole = (value: number): number => (value >= 1 ? 32_767 : value <= -1 ? -32_768 : value * 32_768 || 0);
