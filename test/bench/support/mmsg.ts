/** Many datagrams with one system call: the memory that sendmmsg and recvmmsg work on (64-bit Linux). */
import * as L from '../../../media/net/libc';
import { pinned } from '../../../media/native';

/** struct mmsghdr. */
export const MMSGHDR = 64;

export function sockaddr(address: string, port: number, out: Uint8Array, at: number): void {
  const view = new DataView(out.buffer);
  view.setUint16(at, L.AF_INET, true);
  view.setUint16(at + 2, port, false);
  address.split('.').forEach((part, i) => view.setUint8(at + 4 + i, Number(part)));
}

/** A block of messages that one sendmmsg or recvmmsg call moves. */
export class Messages {
  readonly memory: Uint8Array;
  readonly view: DataView;
  readonly headers: number;
  private readonly names: number;
  private readonly iovecs: number;
  readonly data: number;

  constructor(
    libc: L.Libc,
    readonly count: number,
    readonly size: number,
  ) {
    this.names = count * MMSGHDR;
    this.iovecs = this.names + count * 16;
    this.data = this.iovecs + count * 16;
    this.memory = pinned(this.data + count * size);
    this.view = new DataView(this.memory.buffer);
    this.headers = libc.address(this.memory);
    for (let i = 0; i < count; i++) {
      const header = i * MMSGHDR;
      this.pointer(header + 16, this.headers + this.iovecs + i * 16);
      this.view.setUint32(header + 24, 1, true);
      this.pointer(this.iovecs + i * 16, this.headers + this.data + i * size);
      this.view.setUint32(this.iovecs + i * 16 + 8, size, true);
    }
  }

  private pointer(at: number, value: number): void {
    this.view.setBigUint64(at, BigInt(value), true);
  }

  destination(i: number, address: string, port: number): void {
    sockaddr(address, port, this.memory, this.names + i * 16);
    this.pointer(i * MMSGHDR, this.headers + this.names + i * 16);
    this.view.setUint32(i * MMSGHDR + 8, 16, true);
  }

  /** Octets of message i that are sent. */
  setLength(i: number, bytes: number): void {
    this.view.setUint32(this.iovecs + i * 16 + 8, bytes, true);
  }

  length(i: number): number {
    return this.view.getUint32(i * MMSGHDR + 56, true);
  }
}
