/**
 * UDP by direct system calls (Linux): one epoll for all sockets of a thread, one recvfrom and one sendto per packet, on memory
 * that is allocated once.
 *
 *   turn ──► epoll_wait ──► for each ready socket: recvfrom ──► handler (which may sendto) ──► again, until nothing is ready
 *     ▲                                                                                            │
 *     └── the event loop gets a turn: messages, timers ◄── every 5 ms, or at once when the bell rings ◄──┘
 *
 * Quiet: the thread sleeps inside epoll_wait, woken by a packet, by the bell (an eventfd that whoever posts it a message rings)
 * or after a quarter of a second, because a thread inside a system call can neither be terminated nor run a timer. Busy: above
 * some thousand packets a second waking up costs as much as a packet does, so it sleeps a little first (see `setPatience`) and then finds a
 * handful. Level-triggered, one datagram per report: at 50 packets a second and socket a second look would find nothing, unless
 * the thread fell behind; then sockets are ready again at once and are read several times over.
 */
import { getSystemErrorName } from 'node:util';
import { emptySockAddr, parseSockAddr, portOf, sockAddrBytes, type Family, type SockAddr } from './address';
import type { FdLedger } from './fd-ledger';
import * as L from './libc';
import { MAX_TRAILER } from './srtp/suites';
import { pinned } from '../native';
import { faultText, udpError, UdpError, type NetBeat, type PacketHandler, type UdpNet, type UdpSocket } from './udp';
import { MAX_DATAGRAM } from '../rtp/view';

const EVENTS = 256;
const IDLE_WAIT_MS = 250;
const TURN_MS = 5;
const WINDOW_MS = 10;
/** Packets per nap from which on waking up for each is not worth it: with naps of half a millisecond, 4,000 a second. */
const COALESCE_FROM = 2;
const COALESCE_MS = 0.5;
/** How long what is due waits for packets that came before it to be read. */
const BEAT_GRACE_MS = 1;
/** A socket that is ready again at once has a queue: then several are taken at a time, which costs less each. */
const BACKLOG_DEPTH = 8;
const BELL = 0xffffffff;
const FROM_BYTES = 28;
const NO_BEAT: NetBeat = { nextAt: Infinity, run: () => undefined };

export interface NativeDeps {
  libc: L.Libc;
  now: () => number;
  /** Where descriptors are noted for whoever outlives this thread. */
  ledger?: FdLedger | undefined;
}

export class NativeNet implements UdpNet {
  readonly kind = 'native';
  readonly bell: number;
  busyMs = 0;
  packets = 0;
  faults = 0;
  lastFault: string | undefined;
  private readonly libc: L.Libc;
  private readonly now: () => number;
  private readonly ledger: FdLedger | undefined;
  private readonly epoll: number;
  private readonly places: number[] = [];
  /** Sockets by the number that epoll reports for them. */
  private readonly sockets: Array<NativeSocket | undefined> = [];
  private readonly freeNumbers: number[] = [];
  private open = 0;
  private closed = false;
  private turning = false;
  private rung = false;
  private coalescing = false;
  private windowStart = 0;
  private windowPackets = 0;
  private beat: NetBeat = NO_BEAT;
  // Everything below is handed to the system and must live as long as this object: an address alone keeps nothing alive.
  private readonly events = pinned(EVENTS * L.EPOLL_EVENT_BYTES);
  private readonly eventWords = new Uint32Array(this.events.buffer);
  private readonly data = pinned(MAX_DATAGRAM + MAX_TRAILER);
  private readonly from = emptySockAddr();
  private readonly fromLength = new Int32Array(new ArrayBuffer(4));
  private readonly dataAt: L.Address;
  private readonly fromAt: L.Address;
  private readonly fromLengthAt: L.Address;
  private napMs = COALESCE_MS;
  private readonly nap = pinned(16);
  private readonly napNanos = new Uint32Array(this.nap.buffer, 8, 1);
  private readonly scratch = pinned(L.EPOLL_EVENT_BYTES);

  constructor(deps: NativeDeps) {
    this.libc = deps.libc;
    this.now = deps.now;
    this.ledger = deps.ledger;
    this.dataAt = this.libc.address(this.data);
    this.fromAt = this.libc.address(this.from);
    this.fromLengthAt = this.libc.address(this.fromLength);
    this.epoll = this.note(this.libc.epollCreate(L.SOCK_CLOEXEC), 'epoll');
    this.bell = this.note(this.libc.eventfd(0, L.EFD_NONBLOCK | L.EFD_CLOEXEC), 'eventfd');
    this.watch(this.bell, BELL);
  }

  private note(fd: number, what: string): number {
    if (fd < 0) throw this.failure(what);
    const place = this.ledger?.add(fd) ?? -1;
    if (this.ledger && place < 0) {
      this.libc.close(fd);
      throw new UdpError('limit', `${what}: more sockets than this worker was made for`);
    }
    this.places[fd] = place;
    return fd;
  }

  private forget(fd: number): void {
    const place = this.places[fd] ?? -1;
    if (place >= 0) this.ledger?.remove(place);
    this.libc.close(fd);
  }

  private failure(what: string): UdpError {
    return udpError(getSystemErrorName(-this.libc.errno()), what);
  }

  private watch(fd: number, number: number): void {
    const event = new DataView(this.scratch.buffer);
    event.setUint32(0, L.EPOLLIN, true);
    event.setUint32(L.EPOLL_DATA_OFFSET, number, true);
    if (this.libc.epollCtl(this.epoll, L.EPOLL_CTL_ADD, fd, this.scratch) < 0) throw this.failure('epoll_ctl');
  }

  bind(family: Family, address: string, port: number, onPacket: PacketHandler): Promise<UdpSocket> {
    try {
      return Promise.resolve(this.bindNow(family, address, port, onPacket));
    } catch (err) {
      return Promise.reject(err as Error);
    }
  }

  private bindNow(family: Family, address: string, port: number, onPacket: PacketHandler): UdpSocket {
    const what = `UDP ${family === 4 ? address : `[${address}]`}:${port}`;
    if (this.closed) throw udpError('closed', what);
    const local = parseSockAddr(address, port);
    if (!local) throw udpError('EINVAL', what);
    const bytes = sockAddrBytes(family);
    const fd = this.note(this.libc.socket(family === 4 ? L.AF_INET : L.AF_INET6, L.SOCK_DGRAM | L.SOCK_NONBLOCK | L.SOCK_CLOEXEC, 0), what);
    try {
      const length = Int32Array.of(bytes);
      // One family a socket, so that a v4 peer never shows up as ::ffff:…
      if (family === 6 && this.libc.setsockopt(fd, L.IPPROTO_IPV6, L.IPV6_V6ONLY, Int32Array.of(1), 4) < 0) throw this.failure(what);
      if (this.libc.bind(fd, local, bytes) < 0) throw this.failure(what);
      if (this.libc.getsockname(fd, local, length) < 0) throw this.failure(what);
      const number = this.freeNumbers.at(-1) ?? this.sockets.length;
      this.watch(fd, number);
      this.freeNumbers.pop();
      const socket = new NativeSocket(this.libc, this.data, this.dataAt, fd, portOf(local), bytes, onPacket, () => this.drop(fd, number));
      this.sockets[number] = socket;
      this.open++;
      this.start();
      return socket;
    } catch (err) {
      this.forget(fd);
      throw err;
    }
  }

  private drop(fd: number, number: number): void {
    this.sockets[number] = undefined;
    this.freeNumbers.push(number);
    this.open--;
    this.forget(fd); // which also takes it out of the epoll
  }

  private start(): void {
    if (this.turning) return;
    this.turning = true;
    setImmediate(this.turn);
  }

  /** Without sockets the thread is an ordinary one, asleep in Node's event loop. */
  private readonly turn = (): void => {
    if (this.closed || this.open === 0) {
      this.turning = false;
      this.coalescing = false;
      return;
    }
    this.work();
    setImmediate(this.turn);
  };

  setBeat(beat: NetBeat): void {
    this.beat = beat;
  }

  /** How long to sleep for want of packets. Whole milliseconds, rounded up: a beat is at most one late. */
  private patience(now: number): number {
    if (this.coalescing) return 0;
    const left = this.beat.nextAt - now;
    return left >= IDLE_WAIT_MS ? IDLE_WAIT_MS : left <= 0 ? 0 : Math.ceil(left);
  }

  private work(): void {
    const { libc, events } = this;
    let started = this.now();
    const until = started + TURN_MS;
    for (;;) {
      let n = libc.epollWait(this.epoll, events, EVENTS, this.patience(started));
      let now = this.now();
      if (!this.coalescing) started = now;
      for (let depth = 1; n > 0; depth = BACKLOG_DEPTH) {
        this.receive(n, depth, now);
        now = this.now();
        if (now >= this.beat.nextAt + BEAT_GRACE_MS) break; // what has not been read by now is late
        if (this.rung || now >= until) break; // more may be ready, but the event loop waits as well
        n = libc.epollWait(this.epoll, events, EVENTS, 0);
      }
      if (now >= this.beat.nextAt) {
        this.beat.run(now);
        now = this.now();
      }
      this.busyMs += now - started;
      this.adapt(now);
      if (this.rung || now >= until || this.closed) {
        this.rung = false;
        return;
      }
      if (this.coalescing) this.rest(now);
      started = this.now();
    }
  }

  setPatience(ms: number): void {
    this.napMs = ms;
  }

  /** Until a handful of packets will have come, or something is due. */
  private rest(now: number): void {
    const left = this.beat.nextAt - now;
    const ms = left < this.napMs ? left : this.napMs;
    if (ms <= 0) return;
    this.napNanos[0] = ms * 1e6;
    this.libc.sleepUntil(L.CLOCK_MONOTONIC, 0, this.nap, null);
  }

  /** @param depth how many datagrams to take from a socket before the next one's turn */
  private receive(n: number, depth: number, now: number): void {
    const { libc, data, dataAt, from, fromAt, fromLength, fromLengthAt, eventWords, sockets } = this;
    const stride = L.EPOLL_EVENT_BYTES / 4;
    for (let i = 0, at = L.EPOLL_DATA_OFFSET / 4; i < n; i++, at += stride) {
      const number = eventWords[at]!;
      if (number === BELL) {
        libc.read(this.bell, this.scratch, 8);
        this.rung = true;
        continue;
      }
      const socket = sockets[number];
      if (socket === undefined) continue; // closed by a packet before it in this batch
      for (let left = depth; left > 0; left--) {
        fromLength[0] = FROM_BYTES;
        const length = libc.recvfrom(socket.fd, dataAt, MAX_DATAGRAM, L.MSG_DONTWAIT | L.MSG_TRUNC, fromAt, fromLengthAt);
        if (length < 0) break; // nothing more; or a wrong checksum was found only now, and there was nothing after all
        this.packets++;
        this.windowPackets++;
        try {
          socket.onPacket(data, length, from, now);
        } catch (err) {
          this.faults++;
          this.lastFault = faultText(err);
        }
      }
    }
  }

  private adapt(now: number): void {
    const span = now - this.windowStart;
    if (span < WINDOW_MS) return;
    this.coalescing = this.windowPackets * this.napMs >= COALESCE_FROM * span;
    this.windowPackets = 0;
    this.windowStart = now;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const socket of this.sockets) socket?.close();
    this.forget(this.epoll);
    // Somebody may be about to ring, and the number would be another file's by then: with a ledger its owner closes the bell.
    if (!this.ledger) this.forget(this.bell);
  }
}

class NativeSocket implements UdpSocket {
  sendErrors = 0;
  aimed = false;
  private closed = false;
  private readonly to = emptySockAddr();
  private readonly toAt: L.Address;

  constructor(
    private readonly libc: L.Libc,
    /** The memory that packets are received in, and where it is. */
    private readonly received: Uint8Array,
    private readonly receivedAt: L.Address,
    readonly fd: number,
    readonly port: number,
    private readonly addressBytes: number,
    readonly onPacket: PacketHandler,
    private readonly onClose: () => void,
  ) {
    this.toAt = libc.address(this.to);
  }

  aim(to: SockAddr | undefined): void {
    this.aimed = to !== undefined;
    if (to) this.to.set(to);
  }

  send(data: Uint8Array, length: number): boolean {
    if (this.closed || !this.aimed) return false;
    const done =
      data === this.received
        ? this.libc.sendto(this.fd, this.receivedAt, length, L.MSG_DONTWAIT, this.toAt, this.addressBytes)
        : this.libc.sendtoArray(this.fd, data, length, L.MSG_DONTWAIT, this.toAt, this.addressBytes);
    if (done >= 0) return true;
    this.sendErrors++;
    return false;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onClose();
  }
}
