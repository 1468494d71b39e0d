/**
 * RNNoise 0.2 (a recurrent network that tells voices from noise, band by band) out of the package @jitsi/rnnoise-wasm: the only door to it.
 *
 * The package is written for a browser's audio worklet: an ES module without saying so, which `require` refuses and `import` takes from
 * Node 22 on. But all there is to it is a WebAssembly program in a string and the names of what it exports, so these are read and the
 * glue around them is left out. Nothing is loaded before it is asked for; no network, no DOM, nothing printed.
 *
 * Compared on speech in noise (this machine, per 10 ms): this one 0.6 ms, pauses 50 dB softer and more; RNNoise 0.1 out of the same package
 * 0.2 ms, but 4 to 42 dB, by the noise; @shiguredo/rnnoise-wasm the same model at 1.2 ms, 2.5 times the size, and only where `window` is.
 */
import { readFile } from 'node:fs/promises';
import { errorText } from '../../../error-text';

/** Samples at 48 kHz, 10 ms. */
export const BLOCK = 480;
/** What comes out is so much behind what went in, ms (measured: 960 samples). */
export const DELAY_MS = 20;

export interface Denoiser {
  /** One block in place; samples as 16-bit values, though not whole ones. Returns how likely somebody speaks in it, 0 to 1. */
  process(block: Float32Array): number;
}

/** As much of WebAssembly as is used here; TypeScript has it among the DOM's types only, which this program has none of. */
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
interface WebAssemblyApi {
  compile(binary: Uint8Array): Promise<object>;
  Instance: new (module: object, imports: object) => { exports: Record<string, unknown> };
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };

interface Program {
  module: object;
  /** The short names that the compiler gave, by the long ones. */
  names: ReadonlyMap<string, string>;
}

interface Exports {
  memory: Memory;
  initialise(): void;
  allocate(bytes: number): number;
  create(model: number): number;
  process(state: number, out: number, input: number): number;
}

const PACKAGE = '@jitsi/rnnoise-wasm';
/** What a heap may grow to is bounded by what the program asks for: it never asks for more than its 16 MB. */
const PAGE = 65_536;

let program: Promise<Program> | undefined;

/** One for each stream. Errors: `Error` with a sentence that says what to do. */
export async function loadDenoiser(): Promise<Denoiser> {
  program ??= read();
  try {
    return start(await program);
  } catch (error) {
    program = undefined;
    throw new Error(`Noise suppression is not available: ${reason(error)}; npm install ${PACKAGE} brings it.`, { cause: error });
  }
}

async function read(): Promise<Program> {
  const glue = await readFile(require.resolve(`${PACKAGE}/dist/rnnoise-sync.js`), 'utf8');
  const binary = /data:application\/octet-stream;base64,([A-Za-z0-9+/=]+)/.exec(glue)?.[1];
  if (binary === undefined) throw new Error(`the package ${PACKAGE} is of a version that this one does not know`);
  const names = new Map<string, string>();
  for (const [, long, short] of glue.matchAll(/Module\["(_\w+)"\]\s*=\s*asm\["(\w+)"\]/g)) names.set(long!, short!);
  for (const [, short, long] of glue.matchAll(/"(\w+)":\s*_(emscripten_\w+)/g)) names.set(long!, short!);
  const memory = /wasmMemory\s*=\s*Module\["asm"\]\["(\w+)"\]/.exec(glue)?.[1];
  if (memory !== undefined) names.set('memory', memory);
  return { module: await WebAssembly.compile(Buffer.from(binary, 'base64')), names };
}

function start({ module, names }: Program): Denoiser {
  const short = (long: string): string => {
    const name = names.get(long);
    if (name === undefined) throw new Error(`the package ${PACKAGE} is of a version without ${long}`);
    return name;
  };
  let memory: Memory | undefined;
  const grow = (bytes: number): number => {
    try {
      memory!.grow(Math.ceil((bytes - memory!.buffer.byteLength) / PAGE));
      return 1;
    } catch {
      return 0;
    }
  };
  const copy = (to: number, from: number, bytes: number): void => void new Uint8Array(memory!.buffer).copyWithin(to, from, from + bytes);
  const environment = { [short('emscripten_memcpy_big')]: copy, [short('emscripten_resize_heap')]: grow };
  const library = new WebAssembly.Instance(module, { a: environment }).exports; // not `exports`: in a CommonJS module that is the module’s own, and what this file exports is read from it
  const its = <K extends keyof Exports>(long: string): Exports[K] => library[short(long)] as Exports[K];

  memory = its<'memory'>('memory');
  its<'initialise'>('___wasm_call_ctors')();
  const allocate = its<'allocate'>('_malloc');
  const state = its<'create'>('_rnnoise_create')(0);
  const [input, output] = [allocate(BLOCK * 4), allocate(BLOCK * 4)];
  if (state === 0 || input === 0 || output === 0) throw new Error('there is no memory for it');
  const process = its<'process'>('_rnnoise_process_frame');
  return {
    process(block) {
      // Views are made anew each time: when the heap grows, older ones are empty.
      new Float32Array(memory!.buffer, input, BLOCK).set(block);
      const voice = process(state, output, input);
      block.set(new Float32Array(memory!.buffer, output, BLOCK));
      return voice;
    },
  };
}

function reason(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return `the package ${PACKAGE} is not installed`;
  return errorText(error);
}
