/** HEP3 datagrams taken apart, written from the same facts as the encoder and from nothing of it: chunks by type, raw. */
export interface HepChunks {
  length: number;
  chunks: Map<number, Buffer>;
}

export function decodeHep(datagram: Buffer): HepChunks {
  if (datagram.toString('latin1', 0, 4) !== 'HEP3') throw new Error('no HEP3');
  const length = datagram[4]! * 256 + datagram[5]!;
  if (length !== datagram.length) throw new Error(`says ${length}, is ${datagram.length}`);
  const chunks = new Map<number, Buffer>();
  let at = 6;
  while (at < length) {
    const view = new DataView(datagram.buffer, datagram.byteOffset + at, 6);
    if (view.getUint16(0) !== 0) throw new Error('a vendor of its own');
    const size = view.getUint16(4);
    if (size < 6 || at + size > length) throw new Error(`a chunk of ${size} bytes at ${at}`);
    if (chunks.has(view.getUint16(2))) throw new Error(`two chunks ${view.getUint16(2)}`);
    chunks.set(view.getUint16(2), datagram.subarray(at + 6, at + size));
    at += size;
  }
  return { length, chunks };
}

const number = (bytes: Buffer | undefined): number => (bytes ? [...bytes].reduce((sum, byte) => sum * 256 + byte, 0) : Number.NaN);

/** As a person reads it. */
export function readHep(datagram: Buffer) {
  const { chunks } = decodeHep(datagram);
  const six = number(chunks.get(1)) === 10;
  const address = (type4: number, type6: number): string => {
    const bytes = chunks.get(six ? type6 : type4) ?? Buffer.alloc(0);
    return six ? (bytes.toString('hex').match(/..../g) ?? []).join(':') : [...bytes].join('.');
  };
  return {
    family: number(chunks.get(1)),
    ipProtocol: number(chunks.get(2)),
    source: `${address(3, 5)} ${number(chunks.get(7))}`,
    destination: `${address(4, 6)} ${number(chunks.get(8))}`,
    at: number(chunks.get(9)) * 1000 + number(chunks.get(10)) / 1000,
    kind: number(chunks.get(11)),
    captureId: number(chunks.get(12)),
    key: chunks.get(14)?.toString(),
    callId: chunks.get(17)?.toString('latin1'),
    text: chunks.get(15)?.toString() ?? '',
    types: [...chunks.keys()],
  };
}
