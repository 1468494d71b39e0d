/**
 * libopus as WebAssembly, from the package opusscript: runs everywhere, needs no compiler, takes nearly twice as long.
 *
 * The module inside the package is used, not the class around it: that one keeps views of a memory which grows under it, writes its samples
 * to twice the address that it allocated, and loses some memory with every codec that is closed.
 */
import { SET, type Library, type RawDecoder, type RawEncoder } from './library';
import { Shelf } from './shelf';

/** An encoder and a decoder in one. Pointers are octets from the beginning of the memory. */
interface Handler {
  /** `octets`: of samples that lie there one octet in 16 bits, to be put together; with 0 they are taken as 16-bit samples. */
  _encode(pcm: number, octets: number, out: number, samples: number): number;
  /** Puts out every octet of a sample in 16 bits of its own. */
  _decode(payload: number, length: number, out: number): number;
  _encoder_ctl(request: number, value: number): number;
  _decoder_ctl(request: number, value: number): number;
}

interface Module {
  readonly HEAPU8: Uint8Array;
  readonly HEAP16: Int16Array;
  readonly HEAP32: Int32Array;
  _malloc(bytes: number): number;
  OpusScriptHandler: new (sampleRate: number, channels: number, application: number) => Handler;
}

const LARGEST_PACKET = 3 * 1276;
const MOST_SAMPLES = 2 * 5760;
const FAILED = -1;
const VOIP = 2048;

/** The library, or why it cannot be had. */
export function loadWasm(): Library | Error {
  try {
    const module = (require('opusscript/build/opusscript_native_wasm.js') as () => Module)();
    const packet = module._malloc(LARGEST_PACKET);
    const pcm = module._malloc(MOST_SAMPLES * 4);
    // A handler that is destroyed leaves 23 KB behind, so none ever is.
    const shelf = new Shelf<Handler>();
    const take = (kind: string, sampleRate: number, channels: number): [Handler, () => void] =>
      shelf.take(`${kind} ${sampleRate} ${channels}`, () => new module.OpusScriptHandler(sampleRate, channels, VOIP));

    const encoder = (sampleRate: number, channels: number): RawEncoder => {
      const [handler, close] = take('encoder', sampleRate, channels);
      handler._encoder_ctl(SET.RESET_STATE, 0);
      return {
        encode(samples, count, out) {
          module.HEAP16.set(samples, pcm / 2);
          const length = handler._encode(pcm, 0, packet, count);
          // Asked for anew each time: growing replaces it.
          const memory = module.HEAPU8;
          if (length > out.length) return FAILED;
          for (let i = 0; i < length; i++) out[i] = memory[packet + i]!;
          return length;
        },
        set: (request, value) => void handler._encoder_ctl(request, value),
        reset: () => void handler._encoder_ctl(SET.RESET_STATE, 0),
        close,
      };
    };
    const decoder = (sampleRate: number, channels: number): RawDecoder => {
      const [handler, close] = take('decoder', sampleRate, channels);
      handler._decoder_ctl(SET.RESET_STATE, 0);
      return {
        decode(payload, length, out, capacity) {
          if (length > LARGEST_PACKET) return FAILED;
          const memory = module.HEAPU8;
          for (let i = 0; i < length; i++) memory[packet + i] = payload[i]!;
          const samples = handler._decode(packet, length, pcm);
          if (samples > capacity) return FAILED;
          const octets = module.HEAP32;
          for (let i = 0; i < samples * channels; i++) {
            const pair = octets[pcm / 4 + i]!;
            out[i] = (pair & 0xff) | ((pair >> 16) << 8);
          }
          return samples;
        },
        reset: () => void handler._decoder_ctl(SET.RESET_STATE, 0),
        close,
      };
    };
    return { ability: 'wasm', encoder, decoder };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
