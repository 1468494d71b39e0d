/**
 * A client of the simple packet format, written after its description and not after our code:
 * timestamp (4 octets, big endian) | sequence (2) | reserved (2) | 160 octets of PCMU.
 */
import { createSocket, type Socket } from 'node:dgram';
import { decode, encode } from '../../../support/rtp-party';
import { judge, tone, type Hearing } from '../../../support/tone';

export class SimplePeer {
  received = 0;
  /** Of the reserved field. */
  readonly rooms = new Set<number>();
  private heard: number[] = [];
  private sequence = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly wave: Buffer;

  private constructor(
    private readonly socket: Socket,
    hz: number,
    private readonly room: number,
  ) {
    this.wave = encode(tone(hz, 1, 8000), 0);
    socket.on('message', (data) => {
      if (data.length !== 168) throw new Error(`a packet of ${data.length} octets`);
      this.received++;
      this.rooms.add(data.readUInt16BE(6));
      this.heard.push(...decode(data.subarray(8), 0));
    });
  }

  /** @param room as in the packets; 0 is 8000 */
  static async open(hz: number, room = 0): Promise<SimplePeer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new SimplePeer(socket, hz, room);
  }

  get port(): number {
    return this.socket.address().port;
  }

  speak(port: number): void {
    const start = performance.now();
    this.timer = setInterval(() => {
      for (const due = (performance.now() - start) / 20; this.sequence < due; this.sequence++) {
        const header = Buffer.alloc(8);
        header.writeUInt32BE((this.sequence * 20) >>> 0, 0);
        header.writeUInt16BE(this.sequence & 0xffff, 4);
        header.writeUInt16BE(this.room, 6);
        const at = (this.sequence * 160) % this.wave.length;
        this.socket.send(Buffer.concat([header, this.wave.subarray(at, at + 160)]), port, '127.0.0.1');
      }
    }, 5);
  }

  /** What it hears in the next seconds. */
  async hear(seconds: number): Promise<Hearing> {
    this.heard = [];
    const until = performance.now() + seconds * 1000 + 4000;
    while (this.heard.length < seconds * 8000) {
      if (performance.now() > until) throw new Error(`heard ${this.heard.length / 8000} s instead of ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return judge({ samples: Float32Array.from(this.heard), rate: 8000 });
  }

  stop(): void {
    clearInterval(this.timer);
  }

  close(): void {
    this.stop();
    this.socket.close();
  }
}
