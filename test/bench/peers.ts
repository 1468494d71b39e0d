/**
 * What a person hears of a call over a bad network: our phone beside Linphone and baresip, all of them hearing the same packets at the same
 * time, each writing down what it would play.
 *
 *   speech ─► encoder ─► lost? late? ─┬─► Offhook ──► WAV ─┐
 *                                     ├─► Linphone ─► WAV ─┼─► in step with the speech ─► one measure for all
 *                                     └─► baresip ──► WAV ─┘
 *
 * A call without loss and jitter comes first: who scores badly there has a recorder that drops out, or a machine too busy to judge anybody.
 */
import { availableParallelism } from 'node:os';
import { pcmu } from '../../media/codec/g711';
import { opus, opusAbility, opusProblem } from '../../media/codec/opus';
import type { SampleRate } from '../../media/frame';
import { packetsOf, PTIME_MS, throughNetwork, type Network } from './support/bad-network';
import { listeners, type ListenerKind } from './support/listeners';
import { ListeningCall, type Format, type ListeningResult } from './support/listening-call';
import { passagesIn } from './support/passages';
import { first } from './support/priority';
import { distance, pesq } from './support/sound-quality';
import type { BenchResult, BenchRow } from './support/report';
import { PASSAGE_SECONDS, resample, speech, type Speech } from './support/speech';

const JITTER_MS = 30;
const SEED = 20_261_123;
/** The jitter buffers settle during the first passage, which does not count; it comes again at the end, too late to be taken for the first. */
const ORDER = [3, 0, 1, 2, 3];
const LEAD_IN = 1;
const TAIL_SECONDS = 1;
/** Silence at the end of each. */
const TAIL_OF_PASSAGE_SECONDS = 0.5;
/** Behind a passage's place in a recording: what a jitter buffer may have shifted its end by since its beginning. */
const MARGIN_MS = 300;
/** A recording that is shorter or longer than what was sent by more than this has holes of its own; less what was lost, which some leave out. */
const DROPPED_MS = 500;
const TRIES = 3;
/** A packet that we sent later than this is more jitter than was meant: the call is made again, while there are tries. */
const LATEST_MS = 40;
/** Whoever leaves out what is lost gets out of step by so much in 320 ms. */
const OUT_OF_STEP_MS = 140;

interface Setup extends Format {
  name: string;
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
  /** Called with each recording, as it is judged: for whoever wants to look closer. */
  recorded?: (row: string, round: number, name: string, pcm: Int16Array, rate: number) => void;
}

interface Condition {
  row: string;
  setup: Setup;
  network: Network;
  round: number;
}

/** A recording that waits to be judged, 16 bit at the rate that is judged. */
interface Taken {
  condition: Condition;
  name: string;
  parts: Int16Array[];
}

interface Outcome {
  taken: Taken[];
  latestMs: number;
}

interface Figures {
  pesq: number | null;
  logSpectral: number;
}

export async function benchPeers(log: (line: string) => void, options: PeersOptions = {}): Promise<BenchResult> {
  const { pesq: program, kinds = listeners, atOnce = 6, rounds = 2, codecs = SETUPS.map(({ name }) => name), losses = [0.05, 0.1, 0.2], bursts = [1, 3] } = options;
  const said = await speech(48_000);
  const notes = [
    `the same packets for all, in real time: ${JITTER_MS} ms of jitter (even, packets may overtake), lost at random or 3 in a row on average; ${rounds} calls of ${ORDER.length - LEAD_IN} passages for each row, one for those without loss and jitter`,
    program ? `PESQ: P.862 narrowband against the original, raw, by ${program}; more is better` : 'PESQ: not measured; --pesq PROGRAM names one that is called like the reference of ITU-T P.862',
    'LSD: log-spectral distance from the original, dB, less is better (formula: test/bench/support/sound-quality.ts)',
    'baresip writes down what it decodes, before its playout buffer: what that drops or lacks is not heard here; in PCMU it writes nothing where a packet was lost',
    `speech: ${said.from}; ${opusProblem() ?? `Opus by ${opusAbility()}, its encoder told of the loss`}`,
  ];
  const here = kinds.filter((kind) => {
    const missing = kind.missing();
    if (missing !== undefined) notes.push(`without ${kind.name}: ${missing}`);
    return missing === undefined;
  });
  const conditions: Condition[] = SETUPS.filter(({ name, codec }) => codecs.includes(name) && !(codec === opus && opusProblem() !== undefined)).flatMap((setup) => [
    { row: `${setup.name}, clean`, setup, network: { loss: 0, burst: 1, jitterMs: 0 }, round: 0 },
    ...losses.flatMap((loss) =>
      bursts.flatMap((burst) =>
        Array.from({ length: rounds }, (_, round) => ({ row: `${setup.name}, ${loss * 100} % ${burst === 1 ? 'random' : 'bursts'}`, setup, network: { loss, burst, jitterMs: JITTER_MS }, round })),
      ),
    ),
  ]);

  const taken: Taken[] = [];
  const scores = await first(async () => {
    let waiting = conditions.map((condition) => ({ condition, tries: TRIES }));
    while (waiting.length > 0) {
      const batch = waiting.slice(0, atOnce);
      waiting = waiting.slice(atOnce);
      for (const [i, outcome] of (await together(batch.map(({ condition }) => condition), said, here, options)).entries()) {
        const { condition, tries } = batch[i]!;
        const wrong = outcome instanceof Error ? outcome.message : outcome.latestMs > LATEST_MS ? `a packet left ${outcome.latestMs.toFixed(0)} ms late` : undefined;
        if (!(outcome instanceof Error) && (wrong === undefined || tries === 1)) taken.push(...outcome.taken);
        else if (tries === 1) throw new Error(`${condition.row}: ${wrong}`, { cause: outcome });
        else waiting.push({ condition, tries: tries - 1 });
        if (wrong === undefined) continue;
        notes.push(`${condition.row}: ${tries > 1 ? 'once more, since ' : ''}${wrong.split('\n')[0]}`);
        log(`peers: ${notes.at(-1)}`);
      }
      log(`peers: ${conditions.length - waiting.length} of ${conditions.length} calls done`);
    }
    return judged(taken, said, program);
  });

  const rows: BenchRow[] = [...new Set(conditions.map(({ row }) => row))].map((row) => ({
    system: row,
    figures: Object.fromEntries(here.map(({ name }) => [name, summary(scores.get(`${row}|${name}`) ?? [])])),
  }));
  return { name: 'peers', what: `speech heard over a bad network, ${program ? 'PESQ / LSD' : 'LSD'}`, rows, notes };
}

function summary(figures: Figures[]): string {
  const mean = (values: number[]): string => (values.reduce((a, b) => a + b, 0) / values.length).toFixed(2);
  const lsd = mean(figures.map((one) => one.logSpectral));
  return figures[0]?.pesq == null ? lsd : `${mean(figures.map((one) => one.pesq!))} / ${lsd}`;
}

/** Calls at the same time, from the first packet to the last: nothing else is done meanwhile. An error of one is its outcome. */
async function together(conditions: readonly Condition[], said: Speech, kinds: readonly ListenerKind[], options: PeersOptions): Promise<Array<Outcome | Error>> {
  const prepared = conditions.map(({ setup, network, round }) => {
    // silence behind it: a jitter buffer that counts in packets gives nothing out unless more come
    const sent = { ...said, passages: [...said.passages, new Int16Array(TAIL_SECONDS * said.rate)] };
    const packets = packetsOf(sent, [...ORDER, said.passages.length], setup, network.loss);
    const arrivals = throughNetwork(packets, network, SEED + round);
    const perPassage = (PASSAGE_SECONDS * 1000) / PTIME_MS;
    const came = ORDER.map((_, i) => arrivals.filter(({ index }) => Math.floor(index / perPassage) === i).length);
    return { arrivals, lostMs: came.map((count) => (perPassage - count) * PTIME_MS) };
  });
  const failed = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
  const calls = await Promise.all(conditions.map(({ setup }) => ListeningCall.to(kinds, setup).catch(failed)));
  try {
    const results = await Promise.all(calls.map((call, i) => (call instanceof Error ? call : call.play(prepared[i]!.arrivals).catch(failed))));
    return results.map((result, i) => {
      if (result instanceof Error) return result;
      try {
        return { latestMs: result.latestMs, taken: take(conditions[i]!, result, prepared[i]!.lostMs, said, options) };
      } catch (error) {
        return failed(error);
      }
    });
  } finally {
    await Promise.all(calls.map((call) => (call instanceof Error ? undefined : call.close().catch(() => undefined))));
  }
}

/** Errors: `Error` when a recording lacks more than was lost, or has more than was said. */
function take(condition: Condition, { heard }: ListeningResult, lostMs: readonly number[], said: Speech, { recorded }: PeersOptions): Taken[] {
  const { setup, row, round } = condition;
  const passages = spoken(said, setup);
  return heard.map(({ name, recording }) => {
    const pcm = Int16Array.from(recording.samples, (value) => Math.max(-32_768, Math.min(32_767, Math.round(value * 32_768))));
    const judgedAs = recording.rate === setup.hearRate ? pcm : resample(pcm, recording.rate, setup.hearRate);
    recorded?.(row, round, name, judgedAs, setup.hearRate);
    const found = passagesIn(judgedAs, ORDER.map((which, i) => ({ pcm: passages[which]!, lostMs: lostMs[i]! })), setup.hearRate, MARGIN_MS);
    const last = found[ORDER.length - 1]!.part.length;
    const least = (PASSAGE_SECONDS - TAIL_OF_PASSAGE_SECONDS) * setup.hearRate - (lostMs[ORDER.length - 1]! * setup.hearRate) / 1000;
    if (last < least) throw new Error(`the recording of ${name} ends in the middle of the last passage`);
    const tookMs = found[ORDER.length - 1]!.beginsMs - found[0]!.beginsMs;
    const saidMs = (ORDER.length - 1) * PASSAGE_SECONDS * 1000;
    const lost = lostMs.slice(0, -1).reduce((a, b) => a + b, 0);
    if (tookMs < saidMs - lost - DROPPED_MS || tookMs > saidMs + DROPPED_MS) throw new Error(`the recorder of ${name} has ${tookMs} ms of ${saidMs} ms that were sent`);
    return { condition, name, parts: found.slice(LEAD_IN).map(({ part }) => part) };
  });
}

const spoken = (said: Speech, { hearRate }: Setup): Int16Array[] => said.passages.map((passage) => (said.rate === hearRate ? passage : resample(passage, said.rate, hearRate)));

/** Figures of every passage, by row and phone. */
async function judged(taken: readonly Taken[], said: Speech, program: string | undefined): Promise<Map<string, Figures[]>> {
  const scores = new Map<string, Figures[]>();
  const passagesOf = new Map([...new Set(taken.map(({ condition }) => condition.setup))].map((setup) => [setup, spoken(said, setup)]));
  const work = taken.flatMap(({ condition: { row, setup }, name, parts }) => {
    const passages = passagesOf.get(setup)!;
    return parts.map((part, i) => ({ key: `${row}|${name}`, part, passage: passages[ORDER[i + LEAD_IN]!]!, rate: setup.hearRate }));
  });
  const judge = async (): Promise<void> => {
    for (let one = work.shift(); one !== undefined; one = work.shift()) {
      const { key, part, passage, rate } = one;
      const score = program ? (await pesq(program, passage, part, rate)).raw : null;
      scores.set(key, [...(scores.get(key) ?? []), { pesq: score, logSpectral: distance(passage, part, rate, OUT_OF_STEP_MS).logSpectral }]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, judge));
  return scores;
}
