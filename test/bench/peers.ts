/**
 * What a person hears of a call over a bad network: our phone beside Linphone and baresip, all of them hearing the same packets at the same
 * time, each writing down what it would play.
 *
 *   speech ─► encoder ─► lost? late? ─┬─► Offhook ──► WAV ─┐
 *                                     ├─► Linphone ─► WAV ─┼─► in step with the speech ─► one measure for all
 *                                     └─► baresip ──► WAV ─┘
 *
 * Every phone registers with the bench, is called by it directly and answers; the packets go out in real time.
 */
import { createSocket, type Socket } from 'node:dgram';
import { pcmu } from '../../media/codec/g711';
import { opus, opusAbility, opusProblem } from '../../media/codec/opus';
import type { Codec, SampleRate } from '../../media/frame';
import { audioTarget } from '../support/sdp-text';
import { contactOf, PeerDialog, SipPeer } from '../support/sip-peer';
import { Stage } from '../support/stage';
import { pause } from '../support/wait';
import type { Recording } from '../support/wav';
import { packetsOf, PTIME_MS, seeded, throughNetwork, type Arrival, type Network } from './support/bad-network';
import { finished, listeners, type Listener, type ListenerKind } from './support/listeners';
import { distance, pesq } from './support/sound-quality';
import type { BenchResult, BenchRow } from './support/report';
import { PASSAGE_SECONDS, resample, speech, type Speech } from './support/speech';

const JITTER_MS = 30;
const SEED = 20_261_123;
/** The jitter buffers settle during the first passage, which does not count; it comes again at the end, too late to be taken for the first. */
const ORDER = [3, 0, 1, 2, 3];
const LEAD_IN = 1;
/** Around a passage's place in a recording: what a jitter buffer may have shifted it by since the beginning. */
const MARGIN_MS = 300;
/** Some phones write down nothing where something was lost: at most this share of a call. */
const MOST_LEFT_OUT = 0.4;
/** A recording begins when its phone has answered, the packets when all have: at most so much later. */
const LATEST_START_MS = 25_000;

interface Setup {
  name: string;
  codec: Codec;
  fmtp: string;
  payloadType: number;
  rtpmap: string;
  sendRate: SampleRate;
  /** What is judged: P.862 has 8 and 16 kHz. */
  hearRate: SampleRate;
}

const SETUPS: Setup[] = [
  { name: 'PCMU', codec: pcmu, fmtp: '', payloadType: 0, rtpmap: 'PCMU/8000', sendRate: 8000, hearRate: 8000 },
  { name: 'Opus+FEC', codec: opus, fmtp: 'useinbandfec=1', payloadType: 96, rtpmap: 'opus/48000/2', sendRate: 48_000, hearRate: 16_000 },
];

export interface PeersOptions {
  pesq?: string | undefined;
  kinds?: readonly ListenerKind[];
  /** Calls at once, times as many phones; two cores carry this many without anybody being late. */
  atOnce?: number;
  /** Calls of each condition, each with losses and delays of its own. */
  rounds?: number;
  codecs?: readonly string[];
  losses?: readonly number[];
  bursts?: readonly number[];
}

interface Condition {
  setup: Setup;
  network: Network;
  round: number;
}

export async function benchPeers(log: (line: string) => void, options: PeersOptions = {}): Promise<BenchResult> {
  const { pesq: program, kinds = listeners, atOnce = 2, rounds = 2, codecs = SETUPS.map(({ name }) => name), losses = [0.05, 0.1, 0.2], bursts = [1, 3] } = options;
  const notes = [
    `the same packets for all, in real time: ${JITTER_MS} ms of jitter (even, packets may overtake), lost at random or 3 in a row on average; ${rounds} calls for each row`,
    program ? `PESQ: P.862 narrowband against the original, raw, by ${program}; more is better` : 'PESQ: not measured; --pesq PROGRAM names one that is called like the reference of ITU-T P.862',
    'LSD: log-spectral distance from the original, dB, less is better (formula: test/bench/support/sound-quality.ts)',
  ];
  const said = await speech(48_000);
  notes.push(`speech: ${said.from}; ${opusProblem() ?? `Opus by ${opusAbility()}, its encoder told of the loss`}`);
  const here = kinds.filter((kind) => {
    const missing = kind.missing();
    if (missing !== undefined) notes.push(`without ${kind.name}: ${missing}`);
    return missing === undefined;
  });
  const setups = SETUPS.filter(({ name, codec }) => codecs.includes(name) && !(codec === opus && opusProblem() !== undefined));
  const conditions: Condition[] = setups.flatMap((setup) =>
    losses.flatMap((loss) => bursts.flatMap((burst) => Array.from({ length: rounds }, (_, round) => ({ setup, network: { loss, burst, jitterMs: JITTER_MS }, round })))),
  );

  const scores = new Map<string, Figures[]>();
  for (let at = 0; at < conditions.length; at += atOnce) {
    const batch = conditions.slice(at, at + atOnce);
    await Promise.all(
      batch.map(async (condition) => {
        for (const { name, figures } of await call(condition, said, here, program)) {
          const key = `${rowOf(condition)}|${name}`;
          scores.set(key, [...(scores.get(key) ?? []), ...figures]);
        }
      }),
    );
    log(`peers: ${at + batch.length} of ${conditions.length} calls done`);
  }

  const rows: BenchRow[] = [...new Set(conditions.map(rowOf))].map((row) => ({
    system: row,
    figures: Object.fromEntries(here.map(({ name }) => [name, summary(scores.get(`${row}|${name}`) ?? [])])),
  }));
  return { name: 'peers', what: `speech heard over a bad network, ${program ? 'PESQ / LSD' : 'LSD'}`, rows, notes };
}

const rowOf = ({ setup, network }: Condition): string => `${setup.name}, ${network.loss * 100} % ${network.burst === 1 ? 'random' : 'bursts'}`;

interface Figures {
  pesq: number | null;
  logSpectral: number;
}

function summary(figures: Figures[]): string {
  const mean = (values: number[]): string => (values.reduce((a, b) => a + b, 0) / values.length).toFixed(2);
  const lsd = mean(figures.map((one) => one.logSpectral));
  return figures[0]?.pesq == null ? lsd : `${mean(figures.map((one) => one.pesq!))} / ${lsd}`;
}

/** One call to each phone, with the same packets at the same times. */
async function call({ setup, network, round }: Condition, said: Speech, kinds: readonly ListenerKind[], program: string | undefined): Promise<Array<{ name: string; figures: Figures[] }>> {
  const stage = new Stage();
  try {
    const packets = packetsOf(said, ORDER, setup, network.loss);
    const arrivals = throughNetwork(packets, network, SEED + round);
    const lines = await Promise.all(kinds.map((kind, i) => Line.to(stage, kind, `10${i + 1}`, setup)));
    await play(arrivals, lines, setup);
    // what the deepest jitter buffer holds back
    await pause(1000);
    await Promise.all(lines.map((line) => line.hangUp()));
    return await Promise.all(lines.map(async (line) => ({ name: line.name, figures: judge(await finished(line.listener, line.name, ORDER.length * PASSAGE_SECONDS * (1 - MOST_LEFT_OUT)), said, setup, program) })));
  } catch (error) {
    throw new Error(`${rowOf({ setup, network, round })}: ${(error as Error).message}\n${stage.report()}`, { cause: error });
  } finally {
    await stage.close();
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

  static async to(stage: Stage, kind: ListenerKind, user: string, setup: Setup): Promise<Line> {
    const registrar = await SipPeer.udp();
    stage.own({ close: () => registrar.close() });
    const contact = registered(registrar);
    const codec = setup.codec.name as 'PCMU' | 'opus';
    const listener = await kind.start(stage, { server: `127.0.0.1:${registrar.port}`, user, password: 'secret', codecs: [codec], tone: 500 });
    const port = (await stage.ports(2)).first;
    const socket = createSocket('udp4');
    stage.own({ close: () => void socket.close() });
    await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));

    const uri = await contact;
    const [, host = '127.0.0.1', sipPort = '5060'] = /@([\d.]+):(\d+)/.exec(uri) ?? [];
    const to = { host, port: Number(sipPort) };
    const fmtp = setup.fmtp ? `a=fmtp:${setup.payloadType} ${setup.fmtp}\r\n` : '';
    const body = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP ${setup.payloadType}\r\na=rtpmap:${setup.payloadType} ${setup.rtpmap}\r\n${fmtp}a=ptime:20\r\na=sendrecv\r\n`;
    const invite = registrar.request('INVITE', uri, { body, from: `<sip:bench@127.0.0.1:${registrar.port}>;tag=bench`, to: `<sip:${user}@127.0.0.1:${registrar.port}>` });
    registrar.send(invite, to);
    await listener.ringing();
    await listener.answer();
    const ok = await registrar.getResponse(200, 'INVITE', 15_000);
    const dialog = PeerDialog.caller(registrar, invite, ok);
    dialog.ack();
    const answer = ok.message.body.toString();
    return new Line(kind.name, listener, dialog, socket, audioTarget(answer), Number(/^m=audio \d+ \S+ (\d+)/m.exec(answer)?.[1] ?? setup.payloadType));
  }

  send(packet: Buffer): void {
    packet[1] = (packet[1]! & 0x80) | this.payloadType;
    this.socket.send(Buffer.from(packet), this.target.port, this.target.address);
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

/** In real time: every packet's time is counted from the start. */
async function play(arrivals: readonly Arrival[], lines: readonly Line[], { codec, payloadType }: Setup): Promise<void> {
  const random = seeded(7);
  const [sequence, timestamp, ssrc] = [Math.floor(random() * 65_536), Math.floor(random() * 2 ** 32), Math.floor(random() * 2 ** 32)];
  const step = (codec.clockRate * PTIME_MS) / 1000;
  const start = performance.now();
  for (const { atMs, index, payload } of arrivals) {
    const wait = start + atMs - performance.now();
    if (wait > 0) await pause(wait);
    const packet = Buffer.alloc(12 + payload.length);
    packet[0] = 0x80;
    packet[1] = payloadType | (index === 0 ? 0x80 : 0);
    packet.writeUInt16BE((sequence + index) & 0xffff, 2);
    packet.writeUInt32BE((timestamp + index * step) % 2 ** 32, 4);
    packet.writeUInt32BE(ssrc, 8);
    packet.set(payload, 12);
    for (const line of lines) line.send(packet);
  }
}

/** Of each passage that counts. */
function judge(recording: Recording, said: Speech, { hearRate }: Setup, program: string | undefined): Figures[] {
  const pcm = Int16Array.from(recording.samples, (value) => Math.max(-32_768, Math.min(32_767, Math.round(value * 32_768))));
  const heard = recording.rate === hearRate ? pcm : resample(pcm, recording.rate, hearRate);
  const passages = said.passages.map((passage) => (said.rate === hearRate ? passage : resample(passage, said.rate, hearRate)));
  const length = PASSAGE_SECONDS * hearRate;
  const margin = (hearRate * MARGIN_MS) / 1000;
  let began = 0;
  return ORDER.flatMap((which, i) => {
    // the first one is looked for everywhere; a phone that leaves out what is lost has the next ones earlier and earlier
    const [from, to] = i === 0 ? [0, (LATEST_START_MS * hearRate) / 1000] : [began + (1 - MOST_LEFT_OUT) * length, began + length + margin];
    began = startOf(heard, passages[which]!, hearRate, from, to);
    if (i < LEAD_IN) return [];
    const start = Math.max(0, began - hearRate / 20);
    const part = heard.subarray(start, start + length + margin);
    return [{ pesq: program ? pesq(program, passages[which]!, part, hearRate).raw : null, logSpectral: distance(passages[which]!, part, hearRate).logSpectral }];
  });
}

/** Where in a recording, between two samples of it, a passage begins, by the loudness of each 5 ms. */
function startOf(heard: Int16Array, passage: Int16Array, rate: number, from: number, to: number): number {
  const hop = rate / 200;
  const envelope = (pcm: Int16Array): Float64Array =>
    Float64Array.from({ length: Math.floor(pcm.length / hop) }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < hop; k++) sum += Math.abs(pcm[i * hop + k]!);
      return Math.log10(10 + sum / hop);
    });
  const [a, b] = [envelope(passage), envelope(heard)];
  const mean = a.reduce((x, y) => x + y, 0) / a.length;
  let [best, bestScore] = [0, Number.NEGATIVE_INFINITY];
  for (let lag = Math.round(from / hop); lag * hop <= to; lag++) {
    let score = 0;
    for (let i = 0; i < a.length; i++) score += (a[i]! - mean) * (b[i + lag] ?? 1);
    if (score > bestScore) [best, bestScore] = [lag, score];
  }
  return best * hop;
}
