/** Where the sound of mailboxes lies: `<data>/voicemail/<number>/…`, for its owner only. */
import { join } from 'node:path';

export const voicemailRoot = (data: string): string => join(data, 'voicemail');

export const voicemailFolder = (data: string, number: string): string => join(voicemailRoot(data), number);
