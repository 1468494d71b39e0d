/**
 * What makes sound under measurement, a process of its own: our media plane in this process, or Janus with its AudioBridge as its child.
 * Commands come and answers go over the IPC channel.
 */
import { setPriority } from 'node:os';
import { createMediaPlane, type AudioSetup, type EndpointStats, type MediaPlane, type PlaneLoad } from '../../media/plane';
import type { CodecName } from '../../media/frame';
import { startJanus, type JanusBridge } from './janus';

export type SoundKind = 'offhook' | 'janus';

export interface Place {
  codec: CodecName;
  /** Where its party receives. */
  port: number;
}

export interface SoundCounts {
  load: PlaneLoad | null;
  /** Over all endpoints: heard of the parties, and what became of it. */
  received: number;
  sent: number;
  lost: number;
  late: number;
  discarded: number;
  concealed: number;
  recovered: number;
  playoutDelayMs: number;
}

export type HostCommand =
  | { id: number; do: 'start'; kind: SoundKind; workers: number }
  /** Calls of two parties each, bridged; the answer is the ports of both. */
  | { id: number; do: 'calls'; remote: string; calls: Array<[Place, Place]> }
  | { id: number; do: 'room'; remote: string; members: Place[] }
  | { id: number; do: 'counts' }
  | { id: number; do: 'stop' };

const PAYLOAD_TYPE: Record<CodecName, number> = { PCMU: 0, PCMA: 8, G722: 9, opus: 111 };

const setup = (codec: CodecName): AudioSetup => ({
  send: { codec, payloadType: PAYLOAD_TYPE[codec], ptimeMs: 20, ...(codec === 'opus' && { fmtp: 'useinbandfec=1' }) },
  receive: [{ codec, payloadType: PAYLOAD_TYPE[codec] }],
  telephoneEvent: null,
  comfortNoise: null,
});

interface Host {
  pid: number;
  calls(remote: string, calls: Array<[Place, Place]>): Promise<Array<[number, number]>>;
  room(remote: string, members: Place[]): Promise<number[]>;
  counts(): Promise<SoundCounts | null>;
  stop(): Promise<void>;
}

class Ours implements Host {
  readonly pid = process.pid;
  private readonly ids: string[] = [];

  private constructor(private readonly plane: MediaPlane) {}

  static async start(workers: number): Promise<Ours> {
    return new Ours(await createMediaPlane({ portMin: 20_000, portMax: 31_999, workers, bind4: '127.0.0.1', bind6: null, drainMs: 1000, silenceMs: 60_000 }));
  }

  private async place(remote: string, { codec, port }: Place, session: string, near = session): Promise<{ id: string; port: number }> {
    const { id, rtpPort } = await this.plane.allocate({ session, near, family: 4, label: codec });
    await this.plane.setRemote(id, { address: remote, port });
    await this.plane.setAudio(id, setup(codec));
    this.ids.push(id);
    return { id, port: rtpPort };
  }

  async calls(remote: string, calls: Array<[Place, Place]>): Promise<Array<[number, number]>> {
    const placed: Array<[number, number]> = [];
    for (const [i, [one, other]] of calls.entries()) {
      const a = await this.place(remote, one, `call-${i}`);
      const b = await this.place(remote, other, `call-${i}`);
      await this.plane.join(a.id, `call:${i}`);
      await this.plane.join(b.id, `call:${i}`);
      placed.push([a.port, b.port]);
    }
    return placed;
  }

  async room(remote: string, members: Place[]): Promise<number[]> {
    const placed: number[] = [];
    for (const [i, member] of members.entries()) {
      const { id, port } = await this.place(remote, member, `member-${i}`, 'room:1');
      await this.plane.join(id, '1');
      placed.push(port);
    }
    return placed;
  }

  async counts(): Promise<SoundCounts> {
    const stats: EndpointStats[] = [];
    for (const id of this.ids) stats.push(await this.plane.stats(id));
    const sum = (of: (s: EndpointStats) => number | undefined): number => stats.reduce((total, s) => total + (of(s) ?? 0), 0);
    return {
      load: await this.plane.load(),
      received: sum((s) => s.received.packets),
      sent: sum((s) => s.sent.packets),
      lost: sum((s) => s.lost),
      late: sum((s) => s.audio?.latePackets),
      discarded: sum((s) => s.audio?.discardedPackets),
      concealed: sum((s) => s.audio?.frames.concealed),
      recovered: sum((s) => s.audio?.frames.recovered),
      playoutDelayMs: sum((s) => s.audio?.playoutDelayMs) / Math.max(1, stats.length),
    };
  }

  stop(): Promise<void> {
    return this.plane.close();
  }
}

function janusHost(bridge: JanusBridge): Host {
  return {
    pid: bridge.pid,
    calls: () => Promise.reject(new Error('Janus makes no calls here')),
    room: (remote, members) => bridge.room(remote, members.map(({ port }) => port)),
    counts: () => Promise.resolve(null),
    stop: () => bridge.stop(),
  };
}

function serve(): void {
  // Our workers ask for this themselves where they may; so that the peer is not the worse for it, both start with it.
  try {
    setPriority(-10);
  } catch {
    // not allowed to anybody, then
  }
  let host: Host | undefined;
  const run = async (command: HostCommand): Promise<unknown> => {
    switch (command.do) {
      case 'start':
        host = command.kind === 'janus' ? janusHost(await startJanus('127.0.0.1')) : await Ours.start(command.workers);
        return host.pid;
      case 'calls':
        return host?.calls(command.remote, command.calls);
      case 'room':
        return host?.room(command.remote, command.members);
      case 'counts':
        return host?.counts();
      case 'stop':
        return host?.stop();
    }
  };
  process.on('message', (command: HostCommand) => {
    run(command).then(
      (value) => process.send?.({ id: command.id, value: value ?? null }),
      (err: unknown) => process.send?.({ id: command.id, error: err instanceof Error ? (err.stack ?? err.message) : String(err) }),
    );
  });
  process.on('disconnect', () => {
    void Promise.resolve(host?.stop()).finally(() => process.exit(0));
  });
}

if (require.main === module) serve();
