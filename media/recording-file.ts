/** A new file to record to; its name says the format. */
import { randomInt } from 'node:crypto';
import { createAudioFile, type AudioFileWriter } from './audio-file';
import { opusFileEncoder, opusProblem } from './codec/opus';
import { MediaError } from './errors';
import { openOggOpus } from './file/ogg-opus';
import { WavWriter } from './file/wav';
import type { SampleRate } from './frame';

/** Errors: MediaError 'file-exists', 'bad-file', 'no-codec' (Ogg/Opus without Opus). */
export async function openRecordingFile(path: string, channels: 1 | 2, sampleRate: SampleRate): Promise<AudioFileWriter> {
  if (path.endsWith('.wav')) return new WavWriter(await createAudioFile(path), { channels, sampleRate });
  if (!path.endsWith('.ogg')) throw new MediaError('bad-file', `${path}: recordings are .wav or .ogg files`);
  const problem = opusProblem();
  if (problem !== undefined) throw new MediaError('no-codec', `${path} cannot be recorded as Ogg/Opus: ${problem}`);
  return openOggOpus(path, { encoder: opusFileEncoder({ channels, sampleRate }), serial: randomInt(0x1_0000_0000) });
}
