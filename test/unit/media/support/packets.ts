/** RTP and RTCP packets as tests want them. */

export interface RtpFields {
  payloadType?: number;
  marker?: boolean;
  sequence?: number;
  timestamp?: number;
  ssrc?: number;
  payload?: Uint8Array | string;
}

export function rtp(fields: RtpFields = {}): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = (fields.marker ? 0x80 : 0) | (fields.payloadType ?? 0);
  header.writeUInt16BE((fields.sequence ?? 1) & 0xffff, 2);
  header.writeUInt32BE((fields.timestamp ?? 0) >>> 0, 4);
  header.writeUInt32BE((fields.ssrc ?? 0x1234) >>> 0, 8);
  return Buffer.concat([header, Buffer.from(fields.payload ?? 'hello')]);
}

export interface Block {
  ssrc: number;
  fraction?: number;
  lost?: number;
  jitter?: number;
  lsr?: number;
  dlsr?: number;
}

function rtcp(type: number, ssrc: number, fixed: Buffer, blocks: Block[]): Buffer {
  const body = blocks.map((block) => {
    const b = Buffer.alloc(24);
    b.writeUInt32BE(block.ssrc, 0);
    b.writeUInt32BE(((block.lost ?? 0) & 0xffffff) >>> 0, 4);
    b[4] = block.fraction ?? 0;
    b.writeUInt32BE(block.jitter ?? 0, 12);
    b.writeUInt32BE(block.lsr ?? 0, 16);
    b.writeUInt32BE(block.dlsr ?? 0, 20);
    return b;
  });
  const packet = Buffer.concat([Buffer.alloc(8), fixed, ...body]);
  packet[0] = 0x80 | blocks.length;
  packet[1] = type;
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  packet.writeUInt32BE(ssrc, 4);
  return packet;
}

/** `ntp`: 64 bits as two words; RFC 3550's LSR is the low half of the first and the high half of the second. */
export function senderReport(ssrc: number, ntp: [number, number] = [0, 0], blocks: Block[] = []): Buffer {
  const fixed = Buffer.alloc(20);
  fixed.writeUInt32BE(ntp[0], 0);
  fixed.writeUInt32BE(ntp[1], 4);
  return rtcp(200, ssrc, fixed, blocks);
}

export const receiverReport = (ssrc: number, blocks: Block[] = []): Buffer => rtcp(201, ssrc, Buffer.alloc(0), blocks);
