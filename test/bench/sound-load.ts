/**
 * The load of the benchmarks of made sound, a process of its own: N streams of real codec payloads, 50 packets a second each, spread evenly
 * over every 20 ms, sent and received with system calls on prepared memory.
 *
 *   tick (1 ms) ──► sendmmsg, the streams whose turn it is ──► server ──► sockets read at every tick
 *
 * Probes: streams that are loud for 200 ms of every second, and others that listen for it. What lies between the first loud packet going out
 * and the first loud one coming in is how long the server held it.
 */
import { codecNamed } from '../../media/codecs';
import * as L from '../../media/net/libc';
import { linearToUlaw, ulawToLinear } from '../../media/codec/g711';
import { openSocket, Pace, serveLoad } from './support/load-child';
import { Messages, MMSGHDR } from './support/mmsg';

export type LoadCodec = 'PCMU' | 'opus';

export interface SoundStream {
  /** Which of our sockets it is sent from, and answered to. */
  socket: number;
  /** The server's port. */
  port: number;
  codec: LoadCodec;
  role?: 'talker' | 'listener';
}

export interface SoundAim {
  server: string;
  streams: SoundStream[];
}

export interface SoundPlan {
  address: string;
  /** Of the first socket; the others follow, two apart (RTCP goes to the odd ones, where nobody is). */
  firstPort: number;
  sockets: number;
}

export interface SoundResult {
  sent: number;
  received: number;
  seconds: number;
  /** Ticks that began more than 2 ms late: then packets went out in bursts. */
  lateTicks: number;
  ticks: number;
  /** From a loud packet going out to a loud one coming in, ms; empty without probes. */
  delaysMs: number[];
  cpuMicros: number;
}

const SLOTS = 20;
const HEADER = 12;
const SIZE = 400;
const VARIANTS = 50;
const BATCH = 64;
const LOUD = 2500;

interface Group {
  fd: number;
  messages: Messages;
  streams: Array<SoundStream & { number: number }>;
}

/** A second of something like a voice: harmonics of 120 Hz, softer than the probes. */
function voice(rate: number, amplitude: number): Int16Array {
  return Int16Array.from({ length: rate }, (_, n) => {
    let value = 0;
    for (let k = 1; k <= 12; k++) value += Math.sin((2 * Math.PI * 120 * k * n) / rate + k * k) / k;
    return Math.round((amplitude * value * (1 + Math.sin((2 * Math.PI * 3 * n) / rate))) / 2);
  });
}

function payloads(codec: LoadCodec, amplitude: number): Uint8Array[] {
  const found = codecNamed(codec);
  if (!found) throw new Error(`the load needs ${codec}`);
  const rate = found.rates[found.rates.length - 1]!;
  const pcm = voice(rate, amplitude);
  const encoder = found.encoder({ sampleRate: rate });
  const out = new Uint8Array(1500);
  const frame = rate / 50;
  const made = Array.from({ length: VARIANTS }, (_, i) => {
    const bytes = encoder.encode(pcm.subarray(i * frame, (i + 1) * frame), out);
    return out.slice(0, bytes);
  });
  encoder.close();
  return made;
}

/** Next to silence, but not silence: three hundred of them together are still far softer than a probe. */
function murmur(): Uint8Array[] {
  let seed = 1;
  const sample = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return (seed >>> 16) % 25 - 12;
  };
  return Array.from({ length: VARIANTS }, () => Uint8Array.from({ length: 160 }, () => linearToUlaw(sample())));
}

export class SoundLoad {
  private readonly libc: L.Libc;
  private readonly sendmmsg;
  private readonly recvmmsg;
  private readonly fds: number[] = [];
  private readonly inbox: Messages;
  private readonly quiet: Record<LoadCodec, Uint8Array[]>;
  private readonly loud: Uint8Array;
  private slots: Group[][] = [];
  private listeners = new Set<number>();
  private tickNumber = 0;
  /** When the last run ended: time goes on for the streams while they rest. */
  private restedSince = 0n;

  constructor(readonly plan: SoundPlan) {
    const libc = L.openLibc();
    if (libc instanceof Error) throw libc;
    this.libc = libc;
    this.sendmmsg = libc.func('sendmmsg', ['int', 'uintptr_t', 'uint32_t', 'int']);
    this.recvmmsg = libc.func('recvmmsg', ['int', 'uintptr_t', 'uint32_t', 'int', 'uintptr_t']);
    this.inbox = new Messages(libc, BATCH, 2048);
    this.quiet = { PCMU: murmur(), opus: codecNamed('opus') ? payloads('opus', 6000) : [] };
    const tone = codecNamed('PCMU')!.encoder({ sampleRate: 8000 });
    this.loud = new Uint8Array(160);
    tone.encode(Int16Array.from({ length: 160 }, (_, n) => Math.round(16_000 * Math.sin((2 * Math.PI * 1000 * n) / 8000))), this.loud);
    for (let i = 0; i < plan.sockets; i++) this.fds.push(openSocket(libc, plan.address, plan.firstPort + 2 * i));
  }

  aim({ server, streams }: SoundAim): void {
    this.listeners = new Set(streams.filter(({ role }) => role === 'listener').map(({ socket }) => socket));
    const groups = new Map<string, { slot: number; socket: number; streams: Array<SoundStream & { number: number }> }>();
    streams.forEach((stream, number) => {
      const slot = number % SLOTS;
      const key = `${slot}/${stream.socket}`;
      const group = groups.get(key) ?? { slot, socket: stream.socket, streams: [] };
      group.streams.push({ ...stream, number });
      groups.set(key, group);
    });
    this.slots = Array.from({ length: SLOTS }, () => []);
    for (const { slot, socket, streams: members } of groups.values()) {
      const messages = new Messages(this.libc, members.length, SIZE);
      members.forEach((stream, i) => {
        messages.destination(i, server, stream.port);
        const at = messages.data + i * SIZE;
        messages.view.setUint8(at, 0x80);
        messages.view.setUint8(at + 1, stream.codec === 'PCMU' ? 0 : 111);
        messages.view.setUint32(at + 4, stream.number * 977, false);
        messages.view.setUint32(at + 8, 0x10000 + stream.number, false);
      });
      this.slots[slot]!.push({ fd: this.fds[socket]!, messages, streams: members });
    }
  }

  /** Runs for that long, without giving the event loop a turn. */
  run(seconds: number): SoundResult {
    const { libc } = this;
    const cpu = process.cpuUsage();
    const result: SoundResult = { sent: 0, received: 0, seconds: 0, lateTicks: 0, ticks: Math.round(seconds * 1000), delaysMs: [], cpuMicros: 0 };
    const probe = { sentAt: 0, waiting: false };
    const pace = new Pace(libc);
    const start = process.hrtime.bigint() + 2_000_000n;
    if (this.restedSince > 0n) this.letTimePass(Number((start - this.restedSince) / 1_000n) / 1000);
    for (let tick = 0; tick < result.ticks; tick++) {
      const due = start + BigInt(tick) * 1_000_000n;
      const now = pace.until(due);
      if (now - due > 2_000_000n) result.lateTicks++;
      this.tickNumber++;
      this.send(tick % SLOTS, Number(now) / 1e6, probe, result);
      for (let i = 0; i < this.fds.length; i++) this.receive(i, probe, result);
    }
    result.seconds = Number(process.hrtime.bigint() - start) / 1e9;
    this.restedSince = start + BigInt(result.ticks) * 1_000_000n;
    const used = process.cpuUsage(cpu);
    result.cpuMicros = used.user + used.system;
    const end = performance.now() + 200;
    while (performance.now() < end) for (let i = 0; i < this.fds.length; i++) this.receive(i, probe, result);
    return result;
  }

  private letTimePass(ms: number): void {
    for (const { messages, streams } of this.slots.flat()) {
      streams.forEach((stream, i) => {
        const at = messages.data + i * SIZE;
        messages.view.setUint32(at + 4, (messages.view.getUint32(at + 4, false) + Math.round(ms * (stream.codec === 'PCMU' ? 8 : 48))) >>> 0, false);
      });
    }
  }

  private send(slot: number, nowMs: number, probe: { sentAt: number; waiting: boolean }, result: SoundResult): void {
    const inSecond = this.tickNumber % 1000;
    const loudNow = inSecond >= 500 && inSecond < 700;
    for (const { fd, messages, streams } of this.slots[slot]!) {
      const { view, memory } = messages;
      for (let i = 0; i < streams.length; i++) {
        const stream = streams[i]!;
        const at = messages.data + i * SIZE;
        view.setUint16(at + 2, (view.getUint16(at + 2, false) + 1) & 0xffff, false);
        view.setUint32(at + 4, (view.getUint32(at + 4, false) + (stream.codec === 'PCMU' ? 160 : 960)) >>> 0, false);
        const loud = stream.role === 'talker' && loudNow;
        const all = this.quiet[stream.codec];
        const payload = loud ? this.loud : all[(this.tickNumber / SLOTS + stream.number) % VARIANTS | 0]!;
        memory.set(payload, at + HEADER);
        messages.setLength(i, HEADER + payload.length);
        if (loud && !probe.waiting && inSecond < 520) {
          probe.waiting = true;
          probe.sentAt = nowMs;
        }
      }
      for (let done = 0; done < streams.length; ) {
        const n = this.sendmmsg(fd, messages.headers + done * MMSGHDR, streams.length - done, L.MSG_DONTWAIT);
        if (n <= 0) break;
        done += n;
        result.sent += n;
      }
    }
  }

  private receive(socket: number, probe: { sentAt: number; waiting: boolean }, result: SoundResult): void {
    const { inbox } = this;
    const listening = this.listeners.has(socket) && probe.waiting;
    for (;;) {
      const n = this.recvmmsg(this.fds[socket]!, inbox.headers, BATCH, L.MSG_DONTWAIT, 0);
      for (let i = 0; i < n; i++) {
        const at = inbox.data + i * 2048;
        const type = inbox.view.getUint8(at + 1);
        if (type >= 192 && type <= 223) continue;
        result.received++;
        if (listening && probe.waiting && this.isLoud(at + HEADER, inbox.length(i) - HEADER)) {
          probe.waiting = false;
          result.delaysMs.push(Number(process.hrtime.bigint()) / 1e6 - probe.sentAt);
        }
      }
      if (n < BATCH) return;
    }
  }

  private isLoud(at: number, length: number): boolean {
    for (let i = 0; i < length; i++) if (Math.abs(ulawToLinear(this.inbox.memory[at + i]!)) > LOUD) return true;
    return false;
  }

  close(): void {
    for (const fd of this.fds) this.libc.close(fd);
  }
}

if (require.main === module) serveLoad<SoundPlan, SoundAim>((plan) => new SoundLoad(plan));
