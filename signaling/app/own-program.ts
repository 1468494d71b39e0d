/** What the feature of a program of one's own is shown of the rest: sounds, and where to put what callers say. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppProgram } from '../app-program/app-program';
import type { AppProgramDeps } from './features/app-program';
import { sound, type OfficeDeps } from './office';

export function ownProgram(program: AppProgram | undefined, deps: Pick<OfficeDeps, 'data' | 'prompt' | 'sayDigits' | 'log'> & Pick<AppProgramDeps, 'sayNumber'>): AppProgramDeps | undefined {
  if (!program) return undefined;
  const folder = join(deps.data, 'app-recordings');
  return {
    program,
    sound: (name) => sound(deps, name),
    sayNumber: deps.sayNumber,
    sayDigits: deps.sayDigits,
    recordingFile: async (callId, piece) => {
      // what people say is for nobody else on the machine
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return join(folder, `${callId}-${piece}.wav`);
    },
  };
}
