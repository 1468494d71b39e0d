/**
 * The load of the relay benchmark, a process of its own: N calls of two streams, 50 packets a second each, spread evenly over
 * every 20 ms, sent and received with system calls on prepared memory so that it costs little of the machine it shares with the relay.
 *
 *   tick (250 µs) ──► sendmmsg, the streams whose turn it is ──► relay ──► sockets read half a frame later (nobody waits for them)
 *
 * Each packet carries its stream's number and the time it was sent. A few probe calls are read at every tick: how long the relay held them.
 */
import * as L from '../../media/net/libc';
import { openSocket, Pace, serveLoad } from './support/load-child';
import { Messages, MMSGHDR } from './support/mmsg';

export interface LoadPlan {
  address: string;
  /** Ports of our sockets: two a slot, two for the probes. */
  firstPort: number;
  calls: number;
  tickMicros: number;
}

/** Where call i's two parties receive: `a` and `b` are ports at `LoadPlan.address`. */
export interface CallPorts {
  a: number;
  b: number;
}

export interface LoadAim {
  /** Where the relay receives, call by call (probes last). */
  relay: string;
  ports: CallPorts[];
}

export interface LoadResult {
  sent: number;
  received: number;
  /** Sent and not received, both directions. */
  lost: number;
  /** Received more often than sent, or with content that is not ours. */
  strange: number;
  seconds: number;
  /** Ticks that began more than 2 ms late: then packets went out in bursts. */
  lateTicks: number;
  delayMs: { p50: number; p99: number; max: number };
  cpuMicros: number;
}

const PROBES = 4;
const FRAME_MICROS = 20_000;
const PAYLOAD = 160;
const PACKET = 12 + PAYLOAD;
const BATCH = 64;

export const slotsOf = (plan: LoadPlan): number => FRAME_MICROS / plan.tickMicros;

/** The ports of every call, probes last. */
export function portsOf(plan: LoadPlan): CallPorts[] {
  const slots = slotsOf(plan);
  const all = Array.from({ length: plan.calls }, (_, i) => ({ a: plan.firstPort + 2 * (i % slots), b: plan.firstPort + 2 * (i % slots) + 1 }));
  for (let i = 0; i < PROBES; i++) all.push({ a: plan.firstPort + 2 * slots, b: plan.firstPort + 2 * slots + 1 });
  return all;
}

interface Sender {
  fd: number;
  messages: Messages;
  streams: number[];
}

export class Load {
  private readonly libc: L.Libc;
  private readonly sendmmsg;
  private readonly recvmmsg;
  private readonly sockets: number[] = [];
  private slots: Sender[][] = [];
  private readonly inbox: Messages;
  private sentOf = new Uint32Array(0);
  private receivedOf = new Uint32Array(0);
  private delays: number[] = [];
  private strange = 0;
  /** Written into each packet: what an overloaded relay still holds of the run before is not counted. */
  private runs = 0;

  constructor(readonly plan: LoadPlan) {
    const libc = L.openLibc();
    if (libc instanceof Error) throw libc;
    this.libc = libc;
    this.sendmmsg = libc.func('sendmmsg', ['int', 'uintptr_t', 'uint32_t', 'int']);
    this.recvmmsg = libc.func('recvmmsg', ['int', 'uintptr_t', 'uint32_t', 'int', 'uintptr_t']);
    this.inbox = new Messages(libc, BATCH, 2048);
    for (let i = 0; i < 2 * slotsOf(plan) + 2; i++) this.sockets.push(openSocket(libc, plan.address, plan.firstPort + i));
  }

  aim({ relay, ports }: LoadAim): void {
    const slots = slotsOf(this.plan);
    this.sentOf = new Uint32Array(ports.length * 2);
    this.receivedOf = new Uint32Array(ports.length * 2);
    this.slots = Array.from({ length: slots }, () => []);
    const bySlot = new Map<string, { slot: number; fd: number; streams: number[] }>();
    ports.forEach((_, call) => {
      const probe = call - this.plan.calls;
      const slot = probe < 0 ? call % slots : Math.floor((probe * slots) / PROBES);
      for (const side of [0, 1]) {
        const fd = this.sockets[probe < 0 ? 2 * slot + side : 2 * slots + side] ?? -1;
        const key = `${slot}/${fd}`;
        const sender = bySlot.get(key) ?? { slot, fd, streams: [] };
        sender.streams.push(call * 2 + side);
        bySlot.set(key, sender);
      }
    });
    for (const { slot, fd, streams } of bySlot.values()) {
      const messages = new Messages(this.libc, streams.length, PACKET);
      streams.forEach((stream, i) => {
        const to = ports[stream >> 1];
        messages.destination(i, relay, (stream & 1 ? to?.b : to?.a) ?? 0);
        const at = messages.data + i * PACKET;
        messages.view.setUint8(at, 0x80);
        messages.view.setUint32(at + 4, stream * 977, false); // timestamp
        messages.view.setUint32(at + 8, 0x10000 + stream, false); // SSRC
        messages.view.setUint32(at + 12, stream, false);
      });
      this.slots[slot]?.push({ fd, messages, streams });
    }
  }

  /** Runs for that long, without giving the event loop a turn. */
  run(seconds: number): LoadResult {
    const { libc, plan } = this;
    const slots = slotsOf(plan);
    const cpu = process.cpuUsage();
    this.sentOf.fill(0);
    this.receivedOf.fill(0);
    this.delays = [];
    this.strange = 0;
    this.runs++;
    let lateTicks = 0;
    const ticks = Math.round((seconds * 1e6) / plan.tickMicros);
    const pace = new Pace(libc);
    const start = process.hrtime.bigint() + 2_000_000n;
    for (let tick = 0; tick < ticks; tick++) {
      const due = start + BigInt(tick * plan.tickMicros) * 1000n;
      const now = pace.until(due);
      if (now - due > 2_000_000n) lateTicks++;
      const micros = Number((now / 1000n) & 0xffffffffn);
      const slot = tick % slots;
      this.send(slot, micros);
      this.receive(2 * slots, micros);
      this.receive(2 * slots + 1, micros);
      const read = (slot + slots / 2) % slots;
      this.receive(2 * read, 0);
      this.receive(2 * read + 1, 0);
    }
    const took = Number(process.hrtime.bigint() - start) / 1e9;
    const used = process.cpuUsage(cpu);
    this.settle();
    return this.result(took, lateTicks, used.user + used.system);
  }

  private send(slot: number, micros: number): void {
    for (const { fd, messages, streams } of this.slots[slot] ?? []) {
      const view = messages.view;
      for (let i = 0; i < streams.length; i++) {
        const at = messages.data + i * PACKET;
        view.setUint16(at + 2, (view.getUint16(at + 2, false) + 1) & 0xffff, false);
        view.setUint32(at + 4, (view.getUint32(at + 4, false) + PAYLOAD) >>> 0, false);
        view.setUint32(at + 16, micros, false);
        view.setUint32(at + 20, this.runs, false);
      }
      let done = 0;
      while (done < streams.length) {
        const n = this.sendmmsg(fd, messages.headers + done * MMSGHDR, streams.length - done, L.MSG_DONTWAIT);
        if (n <= 0) break;
        for (let i = done; i < done + n; i++) this.sentOf[streams[i] ?? 0]! += 1;
        done += n;
      }
    }
  }

  /** `micros` 0: the time is not looked at. */
  private receive(socket: number, micros: number): void {
    const fd = this.sockets[socket] ?? -1;
    const view = this.inbox.view;
    for (;;) {
      const n = this.recvmmsg(fd, this.inbox.headers, BATCH, L.MSG_DONTWAIT, 0);
      for (let i = 0; i < n; i++) {
        const at = this.inbox.data + i * 2048;
        const stream = view.getUint32(at + 12, false);
        if (this.inbox.length(i) !== PACKET || stream >= this.receivedOf.length) {
          this.strange++;
          continue;
        }
        if (view.getUint32(at + 20, false) !== this.runs) continue;
        this.receivedOf[stream]! += 1;
        if (micros) this.delays.push((micros - view.getUint32(at + 16, false)) & 0xffffffff);
      }
      if (n < BATCH) return;
    }
  }

  /** Reads what is still on its way, for 300 ms. */
  private settle(): void {
    const end = performance.now() + 300;
    while (performance.now() < end) {
      for (let i = 0; i < this.sockets.length; i++) this.receive(i, 0);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }

  private result(seconds: number, lateTicks: number, cpuMicros: number): LoadResult {
    let sent = 0;
    let received = 0;
    let lost = 0;
    for (let i = 0; i < this.sentOf.length; i++) {
      const s = this.sentOf[i] ?? 0;
      const r = this.receivedOf[i] ?? 0;
      sent += s;
      received += r;
      if (s > r) lost += s - r;
      else this.strange += r - s;
    }
    const sorted = this.delays.sort((x, y) => x - y);
    const at = (q: number) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0) / 1000;
    return { sent, received, lost, strange: this.strange, seconds, lateTicks, delayMs: { p50: at(0.5), p99: at(0.99), max: at(1) }, cpuMicros };
  }

  close(): void {
    for (const fd of this.sockets) this.libc.close(fd);
  }
}

if (require.main === module) serveLoad<LoadPlan, LoadAim>((plan) => new Load(plan));
