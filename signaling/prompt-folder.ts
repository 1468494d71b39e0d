/** The folder of sounds that menus play, besides the spoken prompts that come with the system. */
import { join } from 'node:path';

export const promptsFolder = (data: string): string => join(data, 'prompts');

/** `welcome.wav`: a name, not a path. */
export const isPromptFile = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\.wav$/i.test(name);

/** A file of the folder, or a key of a spoken prompt. */
export const isSound = (text: string): boolean => isPromptFile(text) || /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text);
