/**
 * What the parent and the audio child say to each other over one socket pair: binary, since JSON over Node's own channel would cost more
 * than the sound itself.
 *
 *    0        1               3
 *   +--------+---------------+------------- - -
 *   | kind   | length, LE    | payload
 *   +--------+---------------+------------- - -
 */

export const Kind = {
  /** Child → parent, JSON: Opened. */
  opened: 1,
  /** Child → parent, JSON: Failure. */
  failed: 2,
  /** Child → parent, JSON: DeviceInfo[]. */
  devices: 3,
  /** Child → parent: what the microphone heard, s16 mono. */
  heard: 4,
  /** Child → parent, a 16-bit number: so many samples are wanted for the speaker. */
  wanted: 5,
  /** Parent → child: they come, s16 mono. */
  sound: 6,
  /** Parent → child: which devices are there? */
  list: 7,
  /** Parent → child, JSON: StreamSettings. */
  open: 8,
  /** Parent → child, JSON: Side. */
  close: 9,
} as const;

const HEADER = 3;

export function message(kind: number, payload: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(HEADER + payload.length);
  out[0] = kind;
  out.writeUInt16LE(payload.length, 1);
  out.set(payload, HEADER);
  return out;
}

export const jsonMessage = (kind: number, value: unknown): Buffer => message(kind, Buffer.from(JSON.stringify(value)));

/** Samples of their own, aligned, whatever the bytes lay in. */
export function samplesOf(payload: Uint8Array): Int16Array {
  const out = new Int16Array(payload.length >> 1);
  new Uint8Array(out.buffer).set(payload.subarray(0, out.length * 2));
  return out;
}

export const bytesOf = (pcm: Int16Array): Uint8Array => new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);

/** Cuts a stream of bytes into messages; a payload is valid until the handler returns. */
export class MessageReader {
  private rest: Buffer = Buffer.alloc(0);

  constructor(private readonly handle: (kind: number, payload: Buffer) => void) {}

  take(chunk: Buffer): void {
    let data = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    while (data.length >= HEADER) {
      const end = HEADER + data.readUInt16LE(1);
      if (data.length < end) break;
      this.handle(data[0] as number, data.subarray(HEADER, end));
      data = data.subarray(end);
    }
    this.rest = data;
  }
}
