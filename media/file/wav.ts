/**
 * WAV files: `loadWav` reads whatever phones and editors write, `WavWriter` writes what outlives its writer. Samples go to and come from the
 * file as they lie in memory: little-endian machines only, which are all that Node runs on but s390x.
 */
export { WavError } from './wav/error';
export { loadWav, readWav, type Wav, type WavLimits } from './wav/read';
export { WavWriter, type WavWriterOptions } from './wav/write';
