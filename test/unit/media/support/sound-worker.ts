/**
 * A worker's core on a network in memory and a clock that stands until it is told: parties speak PCMU, 50 packets a second, and what they hear
 * is decoded. No thread, no socket, no timer.
 */
import { statSync } from 'node:fs';
import type { AudioSetup, DigitEvent, SimpleEvent, TalkingEvent } from '../../../../media/audio-types';
import { pcmu } from '../../../../media/codec/g711';
import { WorkerCore } from '../../../../media/worker-core';
import type { Command, CommandName, Commands, WorkerCounters } from '../../../../media/worker-protocol';
import { judge } from '../../../support/tone';
import { seeded } from '../port/line';
import { FakeNet } from './fake-net';
import { rtp } from './packets';
import { setupOf } from './tone-peer';

export const SIMPLE_PORT = 5000;

export class Speaker {
  readonly address: string;
  heardPackets = 0;
  sequence = 100;
  timestamp = 8000;
  speaking = true;
  private n = 0;
  private readonly encoder = pcmu.encoder({ sampleRate: 8000 });
  private readonly decoder = pcmu.decoder({ sampleRate: 8000 });

  constructor(
    readonly id: string,
    readonly port: number,
    public hz: number,
    private readonly net: FakeNet,
  ) {
    this.address = `192.0.2.9:${port}`;
  }

  /** 20 ms of its tone. */
  payload(): Buffer {
    const out = Buffer.alloc(160);
    this.encoder.encode(Int16Array.from({ length: 160 }, () => Math.round(9000 * Math.sin((2 * Math.PI * this.hz * this.n++) / 8000))), out);
    return out;
  }

  say(): void {
    const payload = this.payload();
    this.timestamp += 160;
    if (this.speaking) this.net.deliver(this.port, this.address, rtp({ sequence: this.sequence++, timestamp: this.timestamp, ssrc: this.port, payload }));
  }

  /** A packet of key presses in its stream. */
  key(payload: Uint8Array, marker = false, timestamp = this.timestamp): void {
    this.net.deliver(this.port, this.address, rtp({ payloadType: 101, sequence: this.sequence++, timestamp, ssrc: this.port, payload, marker }));
  }

  /** All RTP that was sent to it. */
  get packets(): Buffer[] {
    return this.net.sent(this.port).map(({ data }) => data);
  }

  /** What was sent to it since it last asked, as samples. */
  samples(): number[] {
    const all = this.packets;
    const heard: number[] = [];
    const out = new Int16Array(1000);
    for (const data of all.slice(this.heardPackets)) {
      if ((data[1]! & 0x7f) !== 0) continue;
      const made = this.decoder.decode(data.subarray(12), data.length - 12, out);
      for (let i = 0; i < made; i++) heard.push(out[i]!);
    }
    this.heardPackets = all.length;
    return heard;
  }

  /** The same, judged; the first 100 ms left out. */
  hear() {
    return judge({ rate: 8000, samples: Float32Array.from(this.samples().slice(800), (value) => value / 32768) });
  }
}

export function soundWorker(options: { silenceMs?: number } = {}) {
  const clock = { ms: 1000 };
  const net = new FakeNet(() => clock.ms);
  const digits: DigitEvent[] = [];
  const talking: TalkingEvent[] = [];
  const simple: SimpleEvent[] = [];
  const core = new WorkerCore(net, { bind4: '0.0.0.0', bind6: null, silenceMs: 0, toneCountry: 'us', ...options }, {
    now: () => clock.ms,
    wallMs: () => 1_700_000_000_000 + clock.ms,
    random: seeded(7),
    onDigit: (event) => digits.push(event),
    onTalking: (event) => talking.push(event),
    onSimple: (event) => simple.push(event),
  });
  const speakers: Speaker[] = [];
  let n = 0;
  const ask = async <K extends CommandName>(op: K, what: Commands[K]['ask']): Promise<Commands[K]['answer']> => {
    const answer = await core.answer({ ...what, op, n: ++n } as Command);
    if ('error' in answer) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer.value as Commands[K]['answer'];
  };
  /** Everybody speaks, everything ticks. Files are waited for by whoever opens them. */
  const run = (ms: number): void => {
    for (const until = clock.ms + ms; clock.ms < until; ) {
      const next = Math.min(until, clock.ms + 20);
      for (const speaker of speakers) speaker.say();
      while (net.beat && net.beat.nextAt <= next) {
        clock.ms = Math.max(clock.ms, net.beat.nextAt);
        net.beat.run(clock.ms);
      }
      clock.ms = next;
    }
  };
  /** An endpoint whose party speaks. @param audio undefined: it has no sound of its own (relay) */
  const party = async (hz: number, audio: AudioSetup | null = setupOf('PCMU')): Promise<Speaker> => {
    const port = 40_000 + 10 * speakers.length;
    const speaker = new Speaker(`p${speakers.length}`, port, hz, net);
    speakers.push(speaker);
    await ask('allocate', { id: speaker.id, session: 's', family: 4, label: speaker.id, port });
    await ask('setRemote', { id: speaker.id, remote: { address: '192.0.2.9', port }, relatch: false });
    if (audio) await ask('setAudio', { id: speaker.id, audio });
    return speaker;
  };
  const together = async (room: string, ...hz: number[]): Promise<Speaker[]> => {
    const all = [];
    for (const one of hz) all.push(await party(one));
    for (const { id } of all) await ask('join', { id, room, settings: {} });
    return all;
  };
  /** Neither a packet nor a tick threw. */
  const faults = async (): Promise<string | null> => ((await ask('load', {})) as WorkerCounters).lastFault;
  return { clock, net, core, ask, run, party, together, faults, digits, talking, simple, speakers };
}

/** Lets promises and the disk have their turn, until something is so. */
export async function until(so: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 15_000; !so(); ) {
    if (performance.now() > deadline) throw new Error('it never became so');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** The file's header is written: whoever records has begun. */
export const begun = (file: string): boolean => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
