/** What the media plane refuses, and why. */

const codes = [
  /** Every port pair of the range is in use or resting. */
  'no-ports',
  /** The plane was closed. */
  'closed',
  /** No endpoint of that id: never allocated, or released. */
  'unknown-endpoint',
  /** The worker that held the endpoint ended; the endpoint is gone, a new allocation goes to another worker. */
  'worker-lost',
  /** An address or port that media cannot be sent to: not an IP address, or of the other family. */
  'bad-address',
  /** Endpoints of different sessions cannot be connected: they may live in different workers. */
  'other-session',
  /** SRTP keys of the wrong length, or of a suite that is not known. */
  'bad-key',
  /** A codec that this machine does not have. */
  'no-codec',
  /** The endpoint's sound is not decoded: `setAudio` comes first. */
  'no-audio',
  /** A file to record to that is there already; a file that cannot be opened, or is not what its name says. */
  'file-exists',
  'bad-file',
  /** A setting that cannot work; the message names it. */
  'setting',
  /** The system refused a socket for a reason other than a port in use. */
  'system',
] as const;

export type MediaErrorCode = (typeof codes)[number];

export const isMediaErrorCode = (code: string): code is MediaErrorCode => (codes as readonly string[]).includes(code);

export class MediaError extends Error {
  constructor(
    readonly code: MediaErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'MediaError';
  }
}
