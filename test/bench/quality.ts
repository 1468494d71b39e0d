/**
 * What loss does to speech: PCMU and Opus (with copies of what was lost, in-band FEC) through our playout, against the two simplest things
 * that a receiver can do, silence and the last packet once more. The same packets are lost for all three.
 */
import { pcmu } from '../../media/codec/g711';
import { opus, opusAbility, opusProblem } from '../../media/codec/opus';
import type { Codec, Decoder, SampleRate } from '../../media/frame';
import { Playout } from '../../media/port/playout';
import { losses, packetsOf, PTIME_MS, seeded } from './support/bad-network';
import { distance, pesq, type Distance, type Pesq } from './support/sound-quality';
import type { BenchResult, BenchRow } from './support/report';
import { PASSAGE_SECONDS, resample, speech, type Speech } from './support/speech';

const LOSSES = [0, 0.01, 0.03, 0.05, 0.1, 0.2];
const BURST_PACKETS = 3;
const SEED = 20_261_122;
/** The playout settles during the first passage, which is then heard again and counts. */
const LEAD_IN_PASSAGES = 1;
/** After a passage's end: what a jitter buffer holds back. */
const TAIL_MS = 300;

interface Setup {
  name: string;
  codec: Codec;
  fmtp: string;
  /** What is encoded from, and what is listened to. */
  sendRate: SampleRate;
  hearRate: SampleRate;
  clockRate: number;
}

const SETUPS: Setup[] = [
  { name: 'PCMU', codec: pcmu, fmtp: '', sendRate: 8000, hearRate: 8000, clockRate: 8000 },
  { name: 'Opus+FEC', codec: opus, fmtp: 'useinbandfec=1', sendRate: 48_000, hearRate: 16_000, clockRate: 48_000 },
];

type Receiver = (setup: Setup, packets: Uint8Array[], lost: boolean[]) => Int16Array;

const RECEIVERS: Record<string, Receiver> = { ours: throughPlayout, silence: (...call) => simply('silence', ...call), repetition: (...call) => simply('repetition', ...call) };

export async function benchQuality(log: (line: string) => void, { pesq: program }: { pesq?: string | undefined } = {}): Promise<BenchResult> {
  const rows: BenchRow[] = [];
  const notes = [
    'segSNR: segmental SNR against the same packets without loss, dB, more is better, though it likes silence better than any guess; LSD: log-spectral distance from them, dB, less is better (formulas: test/bench/support/sound-quality.ts)',
    program ? `PESQ: P.862 narrowband against the original, raw / P.862.1, by ${program}` : 'PESQ: not measured; --pesq PROGRAM names one that is called like the reference of ITU-T P.862',
  ];
  const said = await speech(48_000);
  notes.push(`speech: ${said.from}; bursts: ${BURST_PACKETS} packets on average; ${opusProblem() ?? `Opus by ${opusAbility()}`}`);
  const order = [...said.passages.keys()];
  order.unshift(...order.slice(0, LEAD_IN_PASSAGES));
  for (const setup of SETUPS) {
    if (setup.codec === opus && opusProblem() !== undefined) continue;
    for (const loss of LOSSES) {
      const packets = packetsOf(said, order, setup, loss);
      const clean = simply('silence', setup, packets, packets.map(() => false));
      for (const pattern of loss === 0 ? ['none'] : ['random', 'bursts']) {
        const lost = losses(packets.length, { loss, burst: pattern === 'bursts' ? BURST_PACKETS : 1 }, seeded(SEED));
        for (const [name, receive] of Object.entries(RECEIVERS)) {
          const figures = await judge(setup, said, clean, receive(setup, packets, lost), program);
          rows.push({ system: `${setup.name}, ${name}`, figures: { loss: `${loss * 100} % ${loss === 0 ? '' : pattern}`.trim(), ...figures } });
        }
      }
      log(`quality: ${setup.name} at ${loss * 100} % done`);
    }
  }
  return { name: 'quality', what: 'speech over lost packets, 20 ms each', rows, notes };
}

/** What our party hears, a frame after each packet's time; the network delays nothing. */
function throughPlayout({ codec, fmtp, hearRate, clockRate }: Setup, packets: Uint8Array[], lost: boolean[]): Int16Array {
  const playout = new Playout({ sampleRate: hearRate, random: seeded(1) });
  playout.setFormats([{ payloadType: 96, clockRate, codec, fmtp }], null);
  const frame = (hearRate * PTIME_MS) / 1000;
  const out = new Int16Array((packets.length + TAIL_MS / PTIME_MS) * frame);
  for (let i = 0; i < out.length / frame; i++) {
    const packet = packets[i];
    const now = 1000 + i * PTIME_MS;
    if (packet && !lost[i]) playout.insert(packet, 0, packet.length, 96, i & 0xffff, i * (clockRate / 50), 1, i === 0, now);
    playout.read(out.subarray(i * frame, (i + 1) * frame), now + 1);
  }
  playout.close();
  return out;
}

/** What is lost is silence, or what came before once more. */
function simply(instead: 'silence' | 'repetition', { codec, fmtp, hearRate }: Setup, packets: Uint8Array[], lost: boolean[]): Int16Array {
  const decoder: Decoder = codec.decoder({ sampleRate: hearRate, fmtp });
  const frame = (hearRate * PTIME_MS) / 1000;
  const out = new Int16Array((packets.length + TAIL_MS / PTIME_MS) * frame);
  const pcm = new Int16Array(frame * 6);
  for (const [i, packet] of packets.entries()) {
    if (!lost[i]) decoder.decode(packet, packet.length, pcm);
    if (!lost[i] || instead === 'repetition') out.set(pcm.subarray(0, frame), i * frame);
  }
  decoder.close();
  return out;
}

/** The mean over the passages. */
async function judge(setup: Setup, said: Speech, clean: Int16Array, heard: Int16Array, program: string | undefined): Promise<Record<string, string>> {
  const length = PASSAGE_SECONDS * setup.hearRate;
  const tail = (setup.hearRate * TAIL_MS) / 1000;
  const distances: Distance[] = [];
  const scores: Array<Promise<Pesq>> = [];
  for (const [i, passage] of said.passages.entries()) {
    const from = (i + LEAD_IN_PASSAGES) * length;
    const part = heard.subarray(from, from + length + tail);
    distances.push(distance(clean.subarray(from, from + length), part, setup.hearRate));
    if (program) scores.push(pesq(program, resample(passage, said.rate, setup.hearRate), part, setup.hearRate));
  }
  const mean = (values: number[], digits: number): string => (values.reduce((a, b) => a + b, 0) / values.length).toFixed(digits);
  const judged = await Promise.all(scores);
  return {
    segSNR: mean(distances.map((d) => d.segmentalSnr), 1),
    LSD: mean(distances.map((d) => d.logSpectral), 1),
    ...(program ? { PESQ: `${mean(judged.map((s) => s.raw), 2)} / ${mean(judged.map((s) => s.mapped), 2)}` } : {}),
  };
}
