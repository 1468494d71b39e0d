/** The one error that reading a WAV file ends with. The message is a sentence for people that names the file. */
export class WavError extends Error {
  constructor(
    /** 'system': the file could not be read; 'kind': it is something else; 'broken': it is one, but cannot be used; 'size': too large. */
    readonly code: 'system' | 'kind' | 'broken' | 'size',
    message: string,
  ) {
    super(message);
    this.name = 'WavError';
  }
}
