/** Which worker records to which file, and what is left of a recording whose worker died. */
import type { RecordEnd, RecordOptions, RecordTarget } from '../audio-types';
import { MediaError } from '../errors';
import { measureRecording } from '../measure';
import type { WorkerLink } from '../worker-link';
import { asMediaError, isGone, refuse } from './refusal';

export class Recordings {
  private readonly running = new Map<string, WorkerLink>();

  /** Resolves when it has ended. @throws MediaError 'file-exists', or what the worker said */
  async record(link: WorkerLink, target: RecordTarget, options: RecordOptions): Promise<RecordEnd> {
    const { file } = options;
    if (this.running.has(file)) throw new MediaError('file-exists', `${file} is being recorded to already`);
    this.running.set(file, link);
    try {
      return await link.request('record', { target, options });
    } catch (err) {
      return await brokenOff(file, asMediaError(err));
    } finally {
      if (this.running.get(file) === link) this.running.delete(file);
    }
  }

  async stop(file: string): Promise<void> {
    await this.running.get(file)?.request('stopRecording', { file }).catch(refuse);
  }

  forget(gone: WorkerLink): void {
    for (const [file, link] of [...this.running]) if (link === gone) this.running.delete(file);
  }
}

/** Its worker died: what was written until then is there. @throws the problem, where nothing is */
async function brokenOff(file: string, problem: Error): Promise<RecordEnd> {
  if (!isGone(problem)) throw problem;
  const measured = await measureRecording(file).catch(() => {
    throw problem;
  });
  return { why: 'failed', file, ...measured, problem: problem.message };
}
