/** Anything that was thrown, as a sentence. */
import { AudioDeviceError } from '../node/audio/device';
import { PhoneError } from '../phone-types';

export function problemOf(err: unknown): string {
  if (err instanceof PhoneError || err instanceof AudioDeviceError) return err.message;
  return err instanceof Error ? err.message.split('\n')[0]! : String(err);
}
