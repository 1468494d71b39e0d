/**
 * The Linux system calls the media plane makes itself: sockets, epoll, eventfd, sleeping to a fraction of a millisecond.
 *
 * Node's dgram spends most of a relayed packet's time on the way between libuv and JavaScript (a buffer, an address object
 * and a string per packet); these calls work on memory that is allocated once. Layouts are those of 64-bit little-endian Linux,
 * which `openLibc` checks before anything else.
 */
import { endianness } from 'node:os';
import { loadNative, type NativeFunction } from '../native';

export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const MSG_DONTWAIT = 0x40;
export const MSG_TRUNC = 0x20;
export const EPOLL_CTL_ADD = 1;
export const EPOLLIN = 1;
export const EFD_NONBLOCK = SOCK_NONBLOCK;
export const EFD_CLOEXEC = SOCK_CLOEXEC;
export const CLOCK_MONOTONIC = 1;

/** struct epoll_event is packed on x86-64 and aligned elsewhere. */
export const EPOLL_EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
export const EPOLL_DATA_OFFSET = process.arch === 'x64' ? 4 : 8;

/**
 * Memory the system reads or writes, as an array or as its address. Addresses are for calls made per packet (an array costs 0.1 µs
 * more); whoever uses one keeps the array alive, for an address does not.
 */
export type Memory = Uint8Array | Int32Array;
export type Address = number;

/** Results are the C functions' own: below 0 means failed, see `errno`. */
export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Memory, length: number): number;
  getsockname(fd: number, address: Memory, length: Memory): number;
  setsockopt(fd: number, level: number, name: number, value: Memory, length: number): number;
  recvfrom(fd: number, data: Address, size: number, flags: number, address: Address, addressLength: Address): number;
  sendto(fd: number, data: Address, size: number, flags: number, address: Address, addressLength: number): number;
  sendtoArray(fd: number, data: Memory, size: number, flags: number, address: Address, addressLength: number): number;
  epollCreate(flags: number): number;
  epollCtl(epoll: number, operation: number, fd: number, event: Memory): number;
  epollWait(epoll: number, events: Memory, maxEvents: number, timeoutMs: number): number;
  eventfd(initial: number, flags: number): number;
  read(fd: number, data: Memory, size: number): number;
  /** clock_nanosleep; `time` is a struct timespec. */
  sleepUntil(clock: number, flags: number, time: Memory, remain: null): number;
  close(fd: number): number;
  /** The address of memory that does not move: see `pinned`. */
  address(array: Memory): Address;
  errno(): number;
  /** Any further function of libc, for tools of the project. */
  func(name: string, parameters: Array<'int' | 'uint32_t' | 'uintptr_t'>): NativeFunction;
}

let opened: Libc | Error | undefined;

/** The system calls, or the error that says why they cannot be made here. */
export function openLibc(): Libc | Error {
  opened ??= open();
  return opened;
}

function open(): Libc | Error {
  if (process.platform !== 'linux') return new Error(`direct system calls are made on Linux only, this is ${process.platform}`);
  if (!['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch) || endianness() !== 'LE') {
    return new Error(`the layout of system structures on ${process.arch} is not known`);
  }
  const native = loadNative();
  if (native instanceof Error) return native;
  try {
    const c = native.load(null);
    const int = 'int' as const;
    const uint = 'uint32_t' as const;
    const size = 'uintptr_t' as const;
    const memory = 'void *' as const;
    return {
      socket: c.func('socket', int, [int, int, int]),
      bind: c.func('bind', int, [int, memory, uint]),
      getsockname: c.func('getsockname', int, [int, memory, memory]),
      setsockopt: c.func('setsockopt', int, [int, int, int, memory, uint]),
      recvfrom: c.func('recvfrom', int, [int, size, size, int, size, size]),
      sendto: c.func('sendto', int, [int, size, size, int, size, uint]),
      sendtoArray: c.func('sendto', int, [int, memory, size, int, size, uint]),
      epollCreate: c.func('epoll_create1', int, [int]),
      epollCtl: c.func('epoll_ctl', int, [int, int, int, memory]),
      epollWait: c.func('epoll_wait', int, [int, memory, int, int]),
      eventfd: c.func('eventfd', int, [uint, int]),
      read: c.func('read', int, [int, memory, size]),
      sleepUntil: c.func('clock_nanosleep', int, [int, int, memory, memory]),
      close: c.func('close', int, [int]),
      address: (array) => Number(native.address(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))),
      errno: () => native.errno(),
      func: (name, parameters) => c.func(name, int, parameters),
    };
  } catch (err) {
    return new Error(`libc does not have a function that is needed: ${err instanceof Error ? err.message : String(err)}`);
  }
}
