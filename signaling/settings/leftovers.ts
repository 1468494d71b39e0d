/** Files of what was removed. */
import { rm } from 'node:fs/promises';
import { voicemailFolder } from '../voicemail-folder';
import type { AnyKind } from './kind';

/** What people said to somebody who is gone is nobody's business any more. */
export const removeFiles =
  (data: string) =>
  async ({ name }: Pick<AnyKind, 'name'>, key: string): Promise<void> => {
    if (name === 'extension') await rm(voicemailFolder(data, key), { recursive: true, force: true });
  };
