/** `offhook bench [NAME…]`: every benchmark, its peers side by side in the same run. */
import { benchApi } from './api';
import { benchCalls } from './calls';
import { benchContacts } from './contacts';
import { benchDialPlan } from './dial-plan';
import { benchEngine } from './engine';
import { benchEvents } from './events';
import { benchJitter } from './jitter';
import { benchLamps } from './lamps';
import { benchMemory } from './memory';
import { benchPhone } from './phone';
import { benchPeers } from './peers';
import { benchQuality } from './quality';
import { benchRegistrations } from './registrations';
import { benchRelay } from './relay';
import { benchRooms, benchTranscode } from './sound';
import { benchSoundCard } from './sound-card';
import { benchStanding } from './standing';
import { printResult, type BenchResult } from './support/report';

export interface BenchOptions {
  /** A program that measures by ITU-T P.862, for `quality` and `peers`. */
  pesq?: string | undefined;
}

const benchmarks: Record<string, { about: string; run(log: (line: string) => void, options: BenchOptions): Promise<BenchResult> }> = {
  registrations: { about: 'digest registrations, against Kamailio', run: benchRegistrations },
  calls: { about: 'calls with media anchored, against Kamailio with rtpengine', run: benchCalls },
  'dial-plan': { about: 'a call through a full dial plan, against an empty one', run: benchDialPlan },
  standing: { about: '500 calls up with media, against Kamailio with rtpengine', run: benchStanding },
  relay: { about: 'relayed RTP packets, against rtpengine', run: (log) => benchRelay({ log }) },
  quality: { about: 'speech over lost packets, against silence and repetition', run: benchQuality },
  peers: { about: 'speech over a bad network, beside Linphone and baresip', run: benchPeers },
  jitter: { about: 'jitter buffer and playout: cost and delay', run: benchJitter },
  transcode: { about: 'calls between PCMU and Opus', run: (log) => benchTranscode(log) },
  rooms: { about: 'a room in which each hears all others, against Janus', run: (log) => benchRooms(log) },
  phone: { about: 'our own phone: mouth to ear, cost of a call, start', run: benchPhone },
  'sound-card': { about: 'our phone with a sound card beside Linphone: mouth to ear, cost', run: benchSoundCard },
  engine: { about: 'the engine with a plain B2BUA: calls/s, CPU, memory, connections', run: benchEngine },
  lamps: { about: '300 phones that watch one extension: CPU of a NOTIFY, and until the last one knows', run: benchLamps },
  contacts: { about: '100,000 contacts: memory and lookup', run: benchContacts },
  api: { about: 'reads of the HTTP API a second', run: benchApi },
  events: { about: 'from an event until a webhook and a WebSocket know', run: benchEvents },
  memory: { about: 'resident memory, idle and by contact', run: benchMemory },
};

export const names = (): string[] => Object.keys(benchmarks);

/** Runs the named benchmarks (all of them when none is named), one after the other. Exit code 0, or 2 for an unknown name. */
export async function run(wanted: string[], io: { out: (line: string) => void; err: (line: string) => void }, options: BenchOptions = {}): Promise<number> {
  const unknown = wanted.filter((n) => !benchmarks[n]);
  if (unknown.length > 0) {
    io.err(`There is no benchmark ${unknown.join(', ')}. There are: ${names().join(', ')}.`);
    return 2;
  }
  for (const name of wanted.length > 0 ? wanted : names()) {
    const benchmark = benchmarks[name];
    if (!benchmark) continue;
    io.err(`${name}: ${benchmark.about} …`);
    printResult(await benchmark.run(io.err, options), io.out);
  }
  return 0;
}
