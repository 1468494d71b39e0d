/**
 * Somebody at a sound card, in a process of its own, since a test's is too busy to be in time every 20 ms: says a tone into it and writes down
 * what the microphone gives, as a phone in a call does. See talker.ts, which starts it, and ends it by a word on its stdin.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { DEVICE_FRAME, DEVICE_RATE, type DeviceRequest, type DeviceStats } from '../../client/node/audio/device';
import { openDevice, systemBackends } from '../../client/node/audio/open';
import { DgramNet } from '../../media/net/udp-dgram';
import { Metronome } from '../../media/metronome';

export interface TalkerTask {
  request: DeviceRequest;
  /** What it says. */
  hz: number;
  /** Samples (16-bit, 48 kHz) of what it hears. */
  file: string;
  variables: Readonly<Record<string, string>>;
  /** See PortAudioOptions. */
  childArgs: readonly string[];
}

/** One a line on stdout. */
export type TalkerNews =
  | { event: 'open'; backend: string; input: string | null; output: string | null }
  | { event: 'failed'; problem: string }
  | { event: 'problem'; problem: string; input: string | null; output: string | null }
  | { event: 'recovered'; input: string | null; output: string | null }
  | { event: 'closed'; stats: DeviceStats & { lateTicks: number; skippedTicks: number; worstMs: number } };

const AMPLITUDE = 12_000;

const tell = (news: TalkerNews): void => void process.stdout.write(`${JSON.stringify(news)}\n`);

async function talk({ request, hz, file, variables, childArgs }: TalkerTask): Promise<void> {
  const events = {
    problem: (problem: string) => tell({ event: 'problem', problem, input: device.input, output: device.output }),
    recovered: (input: string | null, output: string | null) => tell({ event: 'recovered', input, output }),
  };
  const device = await openDevice(request, events, { backends: systemBackends({ variables, childArgs }) });
  const recording = createWriteStream(file);
  const said = new Int16Array(DEVICE_FRAME);
  const heard = new Int16Array(DEVICE_FRAME);
  let sample = 0;
  const metronome = new Metronome(performance.now(), (err) => tell({ event: 'failed', problem: String(err) }));
  const person = {
    tick: (): void => {
      device.capture(heard);
      recording.write(Buffer.from(heard.slice().buffer));
      for (let i = 0; i < DEVICE_FRAME; i++, sample++) said[i] = Math.round(AMPLITUDE * Math.sin((2 * Math.PI * hz * sample) / DEVICE_RATE));
      device.play(said);
    },
  };
  metronome.add(person, performance.now());
  const net = new DgramNet(() => performance.now());
  net.setBeat(metronome);
  tell({ event: 'open', backend: device.backend, input: device.input, output: device.output });
  // Also when whoever started it is gone
  await Promise.race([once(process.stdin, 'data'), once(process.stdin, 'end')]);
  process.stdin.destroy();
  net.close();
  const stats = { ...device.stats(), lateTicks: metronome.late, skippedTicks: metronome.skipped, worstMs: metronome.takeWorst() };
  await device.close();
  tell({ event: 'closed', stats });
}

talk(JSON.parse(process.argv[2] as string) as TalkerTask).catch((err: unknown) => {
  tell({ event: 'failed', problem: err instanceof Error ? err.message : String(err) });
});
