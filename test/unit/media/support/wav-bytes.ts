/** WAV files put together piece by piece, whole and broken. */

export interface WavParts {
  tag?: number;
  channels?: number;
  rate?: number;
  bits?: number;
  blockAlign?: number;
  extensible?: boolean;
  data?: Buffer;
  /** What the data chunk says it has. */
  claims?: number;
  before?: Buffer[];
  behind?: Buffer[];
  riff?: string;
}

export function chunk(id: string, body: Buffer, claims = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 0, 'latin1');
  head.writeUInt32LE(claims >>> 0, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

export function wavBytes({ tag = 1, channels = 1, rate = 8000, bits = 16, blockAlign, extensible = false, data = Buffer.alloc(0), claims, before = [], behind = [], riff = 'RIFF' }: WavParts): Buffer {
  const fmt = Buffer.alloc(extensible ? 40 : 16);
  fmt.writeUInt16LE(extensible ? 0xfffe : tag, 0);
  fmt.writeUInt16LE(channels, 2);
  fmt.writeUInt32LE(rate >>> 0, 4);
  fmt.writeUInt16LE((blockAlign ?? channels * Math.ceil(bits / 8)) & 0xffff, 12);
  fmt.writeUInt16LE(bits, 14);
  if (extensible) {
    fmt.writeUInt16LE(22, 16);
    fmt.writeUInt16LE(bits, 18);
    fmt.writeUInt16LE(tag, 24);
    Buffer.from('000000001000800000aa00389b71', 'hex').copy(fmt, 26);
  }
  const body = Buffer.concat([...before, chunk('fmt ', fmt), chunk('data', data, claims), ...behind]);
  const head = Buffer.alloc(12);
  head.write(riff, 0, 'latin1');
  head.writeUInt32LE(4 + body.length, 4);
  head.write('WAVE', 8, 'latin1');
  return Buffer.concat([head, body]);
}

export const pcm16 = (...samples: number[]): Buffer => Buffer.concat(samples.map((sample) => Buffer.from([sample & 0xff, (sample >> 8) & 0xff])));
