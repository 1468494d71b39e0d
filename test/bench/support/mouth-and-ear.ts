/**
 * Clicks said into one sink and heard on another, and how long each was on its way. Both are recorded alike, so what recording costs is in
 * neither: the n-th sample of a recording was there when the least delayed of the chunks around it says so.
 *
 *   clicks ─► sink "mouth" ─► phone … phone ─► sink "ear"
 *                  └─► recorder                     └─► recorder
 */
import { writeFileSync } from 'node:fs';
import { Child } from '../../support/child';
import { peerPath } from '../../support/peers';
import type { Pulse } from '../../support/pulse';
import type { Stage } from '../../support/stage';
import { sleep } from './process';

const RATE = 48_000;
/** No multiple of 20 ms: clicks fall anywhere in a frame. */
const EVERY_MS = 517;
/** A burst of 1 kHz, full waves: a single sample would not survive a codec. */
const CLICK_MS = 5;
const CLICK_PEAK = 16_000;
/** Louder than this it is a click that comes. */
const HEARD = 2000;
/** It began where it was first this much of what it became. */
const ONSET = 0.25;
/** Chunks so far around a sample tell when it was there: the clock of a sink need not be ours. */
const AROUND_MS = 2000;
const ARGS = ['--raw', `--rate=${RATE}`, '--channels=1', '--format=s16le'];

const monotonicMs = (): number => performance.now();

class Recorder {
  private readonly chunks: Buffer[] = [];
  /** Bytes so far, and when the last of them came. */
  private readonly arrivals: Array<{ bytes: number; at: number }> = [];
  private bytes = 0;

  constructor(stage: Stage, pulse: Pulse, source: string) {
    const child = new Child(`parec ${source}`, peerPath('parec'), [...ARGS, '--latency-msec=10', `--device=${source}`], {
      env: pulse.variables,
      onStdout: (chunk) => {
        this.chunks.push(chunk);
        this.bytes += chunk.length;
        this.arrivals.push({ bytes: this.bytes, at: monotonicMs() });
      },
    });
    stage.own({ close: () => child.stop('SIGKILL'), report: () => child.tail(5) });
  }

  /** When each click began, ms. */
  clicks(): number[] {
    const data = Buffer.concat(this.chunks);
    const pcm = new Int16Array(data.length >> 1);
    for (let i = 0; i < pcm.length; i++) pcm[i] = data.readInt16LE(2 * i);
    const found: number[] = [];
    const length = (2 * CLICK_MS * RATE) / 1000;
    for (let i = 0; i < pcm.length; i++) {
      if (Math.abs(pcm[i]!) < HEARD) continue;
      const from = Math.max(0, i - length);
      const peak = pcm.subarray(from, i + length).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      const onset = from + pcm.subarray(from, i + length).findIndex((sample) => Math.abs(sample) >= ONSET * peak);
      found.push(this.timeOf(onset));
      i = onset + ((EVERY_MS / 4) * RATE) / 1000;
    }
    return found;
  }

  private timeOf(sample: number): number {
    const lengthMs = (bytes: number): number => (bytes / 2 / RATE) * 1000;
    const when = lengthMs(2 * sample);
    const offset = this.arrivals.reduce((least, { bytes, at }) => (Math.abs(lengthMs(bytes) - when) < AROUND_MS ? Math.min(least, at - lengthMs(bytes)) : least), Infinity);
    return when + offset;
  }
}

export interface Delays {
  said: number;
  /** ms, of those that were heard, the shortest first. */
  delaysMs: number[];
}

/** So many clicks are said and listened for. The sinks are there, and who is to carry them is ready. */
export async function mouthToEar(stage: Stage, pulse: Pulse, sinks: { mouth: string; ear: string }, clicks: number): Promise<Delays> {
  const said = new Recorder(stage, pulse, `${sinks.mouth}.monitor`);
  const heard = new Recorder(stage, pulse, `${sinks.ear}.monitor`);
  await sleep(1000);
  const file = stage.path('clicks.raw');
  writeFileSync(file, sound(clicks));
  const player = new Child('pacat', peerPath('pacat'), ['--playback', ...ARGS, '--latency-msec=100', `--device=${sinks.mouth}`, file], { env: pulse.variables });
  stage.own({ close: () => player.stop('SIGKILL'), report: () => player.tail(5) });
  await player.waitExit(clicks * EVERY_MS + 15_000);
  await sleep(1000);
  const from = said.clicks();
  const to = heard.clicks();
  const delaysMs = from.flatMap((at) => {
    const ear = to.find((time) => time > at && time < at + EVERY_MS);
    return ear === undefined ? [] : [ear - at];
  });
  return { said: from.length, delaysMs: delaysMs.sort((a, b) => a - b) };
}

function sound(clicks: number): Buffer {
  const spacing = (EVERY_MS * RATE) / 1000;
  const pcm = new Int16Array(clicks * spacing);
  for (let click = 0; click < clicks; click++) {
    const begin = Math.round((click + 0.5) * spacing);
    for (let i = 0; i < (CLICK_MS * RATE) / 1000; i++) pcm[begin + i] = Math.round(CLICK_PEAK * Math.sin((2 * Math.PI * i) / (RATE / 1000)));
  }
  return Buffer.from(pcm.buffer);
}
