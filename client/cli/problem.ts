/** Anything that was thrown, as a sentence. */
import { AudioDeviceError } from '../node/audio/device';
import { PhoneError } from '../phone-types';

/** Of the command: 2 when it cannot be asked for like that, 1 when it did not happen. */
export function exitCodeOf(err: unknown): 1 | 2 {
  return err instanceof PhoneError && (err.code === 'bad-address' || err.code === 'bad-command') ? 2 : 1;
}

export function problemOf(err: unknown): string {
  if (err instanceof PhoneError || err instanceof AudioDeviceError) return err.message;
  return err instanceof Error ? err.message.split('\n')[0]! : String(err);
}
