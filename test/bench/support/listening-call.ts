/**
 * One call to each of some phones, in which all of them hear the same packets at the same times.
 *
 * Every phone registers with a registrar that says yes to everything, is called by it directly and answers; the packets go out in real time.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { Codec } from '../../../media/frame';
import { audioTarget } from '../../support/sdp-text';
import { contactOf, PeerDialog, SipPeer } from '../../support/sip-peer';
import { Stage } from '../../support/stage';
import { pause } from '../../support/wait';
import type { Recording } from '../../support/wav';
import { PTIME_MS, seeded, type Arrival } from './bad-network';
import { finished, type Listener, type ListenerKind } from './listeners';

export interface Format {
  codec: Codec;
  fmtp: string;
  payloadType: number;
  rtpmap: string;
}

export interface Heard {
  name: string;
  recording: Recording;
}

export interface ListeningResult {
  heard: Heard[];
  /** A packet left later than it should have by at most so much; it did so for everybody. ms */
  latestMs: number;
}

/** From the last answer to the first packet: whoever has just answered is busy with itself. */
const SETTLE_MS = 1000;
/** The other phones say something for so long, as theirs are calls of two. */
const LONGEST_CALL_SECONDS = 120;
/** What the deepest jitter buffer holds back, ms. */
const HELD_BACK_MS = 1000;

/** Phones that are ringing, answered and ready: the packets go out with `play`. */
export class ListeningCall {
  private constructor(
    private readonly stage: Stage,
    private readonly format: Format,
    private readonly lines: readonly Line[],
  ) {}

  /** Errors: of a phone that does not answer, with what all of them printed. */
  static async to(kinds: readonly ListenerKind[], format: Format): Promise<ListeningCall> {
    const stage = new Stage();
    try {
      return new ListeningCall(stage, format, await Promise.all(kinds.map((kind, i) => Line.to(stage, kind, `10${i + 1}`, format))));
    } catch (error) {
      const report = stage.report();
      await stage.close().catch(() => undefined);
      throw new Error(`${(error as Error).message}\n${report}`, { cause: error });
    }
  }

  /** In real time, then hangs up. */
  async play(arrivals: readonly Arrival[]): Promise<ListeningResult> {
    try {
      await pause(SETTLE_MS);
      const latestMs = await play(arrivals, this.lines, this.format);
      await pause(HELD_BACK_MS);
      await Promise.all(this.lines.map((line) => line.hangUp()));
      return { latestMs, heard: await Promise.all(this.lines.map(async ({ name, listener }) => ({ name, recording: await finished(listener, name) }))) };
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.stage.report()}`, { cause: error });
    }
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.stage.close();
  }
}

/** A phone in a call with us. */
class Line {
  private constructor(
    readonly name: string,
    readonly listener: Listener,
    private readonly dialog: PeerDialog,
    private readonly socket: Socket,
    private readonly target: { address: string; port: number },
    private readonly payloadType: number,
  ) {}

  static async to(stage: Stage, kind: ListenerKind, user: string, { codec, fmtp, payloadType, rtpmap }: Format): Promise<Line> {
    const registrar = await SipPeer.udp();
    stage.own({ close: () => registrar.close() });
    const contact = registered(registrar);
    // who has started it says why there is none
    contact.catch(() => undefined);
    const name = codec.name as 'PCMU' | 'opus';
    const listener = await kind.start(stage, { server: `127.0.0.1:${registrar.port}`, user, password: 'secret', codecs: [name], tone: 500, toneSeconds: LONGEST_CALL_SECONDS });
    const port = (await stage.ports(2)).first;
    const socket = createSocket('udp4');
    stage.own({ close: () => void socket.close() });
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));

    const uri = await contact;
    const [, host = '127.0.0.1', sipPort = '5060'] = /@([\d.]+):(\d+)/.exec(uri) ?? [];
    const parameters = fmtp ? `a=fmtp:${payloadType} ${fmtp}\r\n` : '';
    const body = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP ${payloadType}\r\na=rtpmap:${payloadType} ${rtpmap}\r\n${parameters}a=ptime:20\r\na=sendrecv\r\n`;
    const invite = registrar.request('INVITE', uri, { body, from: `<sip:bench@127.0.0.1:${registrar.port}>;tag=bench`, to: `<sip:${user}@127.0.0.1:${registrar.port}>` });
    registrar.send(invite, { host, port: Number(sipPort) });
    await listener.ringing();
    await listener.answer();
    const ok = await registrar.getResponse(200, 'INVITE', 15_000);
    const dialog = PeerDialog.caller(registrar, invite, ok);
    dialog.ack();
    const answer = ok.message.body.toString();
    return new Line(kind.name, listener, dialog, socket, audioTarget(answer), Number(/^m=audio \d+ \S+ (\d+)/m.exec(answer)?.[1] ?? payloadType));
  }

  send(packet: Buffer): void {
    const own = Buffer.from(packet);
    own[1] = (own[1]! & 0x80) | this.payloadType;
    this.socket.send(own, this.target.port, this.target.address);
  }

  async hangUp(): Promise<void> {
    this.dialog.send('BYE');
    await this.dialog.peer.getResponse(200, 'BYE', 5000).catch(() => undefined);
  }
}

/** Says yes to every registration; resolves with the first one's contact. */
async function registered(registrar: SipPeer): Promise<string> {
  const first = await registrar.getRequest('REGISTER', 20_000);
  const answer = (heard: typeof first): void => {
    registrar.reply(heard, 200, { headers: { Contact: `<${contactOf(heard.message)}>;expires=3600`, Expires: '3600' } });
  };
  answer(first);
  void (async () => {
    for (;;) answer(await registrar.getRequest('REGISTER', 600_000));
  })().catch(() => undefined);
  return contactOf(first.message);
}

/** Every packet's time is counted from the start. Resolves with how late one left at most, ms. */
async function play(arrivals: readonly Arrival[], lines: readonly Line[], { codec, payloadType }: Format): Promise<number> {
  const random = seeded(7);
  const [sequence, timestamp, ssrc] = [Math.floor(random() * 65_536), Math.floor(random() * 2 ** 32), Math.floor(random() * 2 ** 32)];
  const step = (codec.clockRate * PTIME_MS) / 1000;
  const start = performance.now();
  let latest = 0;
  for (const { atMs, index, payload } of arrivals) {
    const wait = start + atMs - performance.now();
    if (wait > 0) await pause(wait);
    latest = Math.max(latest, performance.now() - start - atMs);
    const packet = Buffer.alloc(12 + payload.length);
    packet[0] = 0x80;
    packet[1] = payloadType | (index === 0 ? 0x80 : 0);
    packet.writeUInt16BE((sequence + index) & 0xffff, 2);
    packet.writeUInt32BE((timestamp + index * step) % 2 ** 32, 4);
    packet.writeUInt32BE(ssrc, 8);
    packet.set(payload, 12);
    for (const line of lines) line.send(packet);
  }
  return latest;
}
