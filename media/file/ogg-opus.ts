/**
 * Ogg/Opus files (RFC 7845 in RFC 3533): `OggOpusWriter` makes files that outlive their writer, `loadOggOpus` reads anybody's. Neither knows a
 * codec: an encoder, a decoder are handed in.
 */
import { createAudioFile } from '../audio-file';
import { OggOpusWriter, type OggOpusWriterOptions } from './ogg-opus/write';

export { decodeOggOpus, loadOggOpus, OggError, readOggOpus, type OggLimits, type OggOpus, type PacketDecoder } from './ogg-opus/read';
export { OggOpusWriter, type OggOpusWriterOptions, type PacketEncoder } from './ogg-opus/write';

/** A new file to record to. The encoder is closed with it, also when it cannot be made. Errors: as `createAudioFile`. */
export async function openOggOpus(path: string, options: OggOpusWriterOptions): Promise<OggOpusWriter> {
  try {
    return new OggOpusWriter(await createAudioFile(path), options);
  } catch (error) {
    options.encoder.close();
    throw error;
  }
}
