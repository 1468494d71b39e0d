/**
 * Our phone with a sound card beside Linphone: from mouth to ear through our server, every phone on the null sinks of one PulseAudio, PCMU; and
 * what one of them costs meanwhile.
 *
 *   "mouth" ─► phone 1001 ─► server ─► phone 1002 ─► "ear"          and silence the other way: "mute" ─► 1002 ─► 1001 ─► "back"
 */
import { existsSync } from 'node:fs';
import { openDevice, systemBackends } from '../../client/node/audio/open';
import { Linphone } from '../support/linphone';
import { missing } from '../support/peers';
import { Pulse } from '../support/pulse';
import { Stage } from '../support/stage';
import { loopLatency } from './support/card-loop';
import { mouthToEar } from './support/mouth-and-ear';
import { first } from './support/priority';
import { family, processMicros, proportionalBytes, residentBytes, sleep, start, until } from './support/process';
import type { BenchResult, BenchRow } from './support/report';
import { entry, offhook, type System } from './support/system';

const CALLER = { user: '1001', input: 'mouth', output: 'back' };
const CALLEE = { user: '1002', input: 'mute', output: 'ear' };
type Side = typeof CALLER;

const SINKS = ['back', 'mouth', 'ear', 'mute', 'loop'];
const CLICKS = 40;
const SETTLE_MS = 8000;
const COST_MS = 8000;

const password = (user: string): string => `pw${user}`;
const named = ['portaudio', 'pulse', 'alsa'] as const;
type Name = (typeof named)[number];

/** As each back end calls a sink and its monitor. */
const speaker = (backend: Name, sink: string): string => (backend === 'pulse' ? sink : `to_${sink}`);
const microphone = (backend: Name, sink: string): string => (backend === 'pulse' ? `${sink}.monitor` : `from_${sink}`);

/** Two phones in a call. */
interface Pair {
  /** Of the first one. */
  pid: number;
}

interface Kind {
  name: string;
  missing(): string | undefined;
  call(stage: Stage, system: System, pulse: Pulse): Promise<Pair>;
}

function ours(backend: Name): Kind {
  const open = async (stage: Stage, { port }: System, pulse: Pulse, { user, input, output }: Side, more: string[]): Promise<{ pid: number; output(): string }> => {
    const bin = entry.find((file) => existsSync(file));
    if (!bin) throw new Error('the phone is not built: run `npm run build` first');
    const card = ['--audio', backend, '--input', microphone(backend, input), '--output', speaker(backend, output)];
    const args = ['phone', `${user}@127.0.0.1:${port}`, '--password', password(user), '--codecs', 'PCMU', '--srtp', 'off', '--json', ...card, ...more];
    const phone = start(process.execPath, [bin, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...pulse.variables } });
    stage.own({ close: () => phone.stop() });
    await until('registered, with a sound card', 15_000, () => {
      if (phone.child.exitCode !== null) throw new Error(`the phone ended: ${phone.output()}`);
      return phone.output().includes('"event":"registered"') && phone.output().includes('"event":"audio"');
    });
    return phone;
  };
  return {
    name: `offhook, ${backend}`,
    missing: () => missing(backend === 'pulse' ? ['pacat', 'parec', 'pactl'] : backend === 'alsa' ? ['aplay', 'arecord', 'alsa-pulse'] : ['alsa-pulse']),
    async call(stage, system, pulse) {
      await open(stage, system, pulse, CALLEE, ['--answer']);
      const caller = await open(stage, system, pulse, CALLER, ['--dial', CALLEE.user]);
      await until('answered', 10_000, () => caller.output().includes('"event":"answered"'));
      return caller;
    },
  };
}

const linphone: Kind = {
  name: 'linphone',
  missing: () => missing(['linphone']),
  async call(stage, { port }, pulse) {
    const open = ({ user, input, output }: Side): Promise<Linphone> =>
      Linphone.start(stage, { server: `127.0.0.1:${port}`, user, password: password(user), codecs: ['PCMU'], tone: 0, card: { input: `${input}_mic`, output, variables: pulse.variables } });
    const [caller, callee] = await Promise.all([open(CALLER), open(CALLEE)]);
    await Promise.all([caller.registered(), callee.registered()]);
    await caller.dial(CALLEE.user);
    await callee.ringing();
    await callee.answer();
    await Promise.all([caller.inCall(), callee.inCall()]);
    if (caller.pid === undefined) throw new Error('linphone has ended');
    return { pid: caller.pid };
  },
};

async function costOf(pid: number): Promise<Record<string, string>> {
  const micros = (): number => family(pid).reduce((sum, one) => sum + processMicros(one), 0);
  const before = micros();
  await sleep(COST_MS);
  const share = (micros() - before) / 1000 / COST_MS;
  const pss = proportionalBytes([pid]);
  return {
    'CPU % of a core': (100 * share).toFixed(1),
    processes: String(family(pid).length),
    'RSS MB, sum': (residentBytes([pid]) / 1e6).toFixed(0),
    'PSS MB, sum': pss === undefined ? '-' : (pss / 1e6).toFixed(0),
  };
}

const median = (sorted: readonly number[]): string => (sorted[sorted.length >> 1] ?? Number.NaN).toFixed(1);

async function callOf(kind: Kind, system: System): Promise<BenchRow> {
  const stage = new Stage();
  try {
    const pulse = await Pulse.start(stage, { sinks: SINKS, described: true });
    const { pid } = await kind.call(stage, system, pulse);
    await sleep(SETTLE_MS);
    const { said, delaysMs } = await mouthToEar(stage, pulse, { mouth: CALLER.input, ear: CALLEE.output }, CLICKS);
    if (delaysMs.length < CLICKS / 2) throw new Error(`only ${delaysMs.length} of ${said} clicks were heard\n${stage.report()}`);
    const ms = { clicks: `${delaysMs.length}/${said}`, 'median ms': median(delaysMs), 'worst ms': delaysMs.at(-1)!.toFixed(1) };
    return { system: kind.name, figures: { ...ms, ...(await costOf(pid)) } };
  } finally {
    await stage.close();
  }
}

/** From `play()` to `capture()`, no call in between. */
async function cardAlone(backend: Name): Promise<BenchRow> {
  const stage = new Stage();
  try {
    const pulse = await Pulse.start(stage, { sinks: SINKS });
    const events = { problem: () => undefined, recovered: () => undefined };
    const device = await openDevice({ backend, input: microphone(backend, 'loop'), output: speaker(backend, 'loop') }, events, { backends: systemBackends({ variables: pulse.variables }) });
    stage.own(device);
    const { delaysMs, lost } = await loopLatency(device, CLICKS, SETTLE_MS);
    const sorted = delaysMs.sort((a, b) => a - b);
    return { system: `card alone, ${backend}`, figures: { clicks: `${sorted.length}/${sorted.length + lost}`, 'median ms': median(sorted), 'worst ms': (sorted.at(-1) ?? Number.NaN).toFixed(1) } };
  } finally {
    await stage.close();
  }
}

export async function benchSoundCard(log: (line: string) => void): Promise<BenchResult> {
  const why = missing(['pulseaudio', 'pactl', 'pacat', 'parec']);
  const result: BenchResult = { name: 'sound-card', what: 'mouth to ear through our server, PCMU, every phone on null sinks of one PulseAudio', rows: [], notes: [] };
  if (why !== undefined) return { ...result, notes: [`not measured: ${why}`] };
  const { rows, notes } = result;
  await first(async () => {
    const system = await offhook.start([CALLER.user, CALLEE.user]);
    try {
      for (const kind of [...named.map(ours), linphone]) {
        const reason = kind.missing();
        if (reason !== undefined) {
          notes.push(`without ${kind.name}: ${reason}`);
          continue;
        }
        log(`sound-card: a call, ${kind.name}`);
        rows.push(await callOf(kind, system));
      }
    } finally {
      await system.stop();
    }
    for (const backend of named.filter((one) => ours(one).missing() === undefined)) {
      log(`sound-card: the card alone, ${backend}`);
      rows.push(await cardAlone(backend));
    }
  });
  notes.push(
    'mouth to ear: both sinks are recorded alike, so that recording is not in the figure; packets of 20 ms are; Linphone with its own back end for PulseAudio, and as it comes but for echo cancelling',
    'card alone: from play() to capture() over one sink, 20 ms of frame included',
    'CPU and memory: the calling phone with all its processes; in RSS, what they share counts for each',
  );
  return result;
}
