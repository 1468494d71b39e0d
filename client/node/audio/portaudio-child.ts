/**
 * The program that holds the sound card: naudiodon in a process of its own, a stream in each direction. It prints to stdout from C, parks threads
 * in C and may hang at the end when the sound server dies: whatever happens, the parent kills this process and starts another.
 *
 *   card ──► naudiodon ──► heard ──────────────► parent          one socket pair (CHANNEL_FD), messages of child-messages.ts
 *   card ◄── naudiodon ◄── sound ◄── (wanted) ── parent
 *
 * The card sets the pace: whenever naudiodon has taken a buffer the next one is asked for. The parent answers within a millisecond; when it is
 * busy for longer than the card has sound, silence goes out, since PortAudio's callback would block. Two streams, not one in both directions: there, a speaker that waits
 * would hold up the microphone.
 */
import { Module } from 'node:module';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { errorText } from '../../error-text';
import { bytesOf, jsonMessage, Kind, message, MessageReader, samplesOf } from './child-messages';
import { chooseDevice } from './choose';
import type { Side } from './backend';
import { AudioDeviceError, DEVICE_RATE, type DeviceInfo } from './device';
import { CHANNEL_FD, type Failure, type Opened, type StreamSettings } from './portaudio-settings';

interface RawDevice {
  id: number;
  name: string;
  maxInputChannels: number;
  maxOutputChannels: number;
  defaultSampleRate: number;
  hostAPIName: string;
}

interface Naudiodon {
  getDevices(): RawDevice[];
  getHostAPIs(): { defaultHostAPI: number; HostAPIs: Array<{ defaultInput: number; defaultOutput: number }> };
  AudioIO(options: Record<string, unknown>): (Readable & Writable) & { start(): void; quit(): Promise<void> };
}

const SAMPLE_16_BIT = 16;
/** PortAudio has filled four buffers of the card and plays them while its callback waits for ours: so long the parent may take, less a margin. */
const PATIENCE_BUFFERS = 2.5;
/** Blocks from the microphone that may wait for this program; they do not as long as it runs. */
const INPUT_QUEUE = 20;

const channel = new Socket({ fd: CHANNEL_FD, readable: true, writable: true });
// Without the parent there is nothing to do here. Not process.exit(): naudiodon may never let it end.
channel.on('close', () => process.kill(process.pid, 'SIGKILL'));
channel.on('error', () => undefined);

/** naudiodon has it write crash.log into the working folder. A program that crashes is started anew, and nobody reads what it wrote. */
function withoutCrashHandler(): void {
  const file = require.resolve('segfault-handler', { paths: [dirname(require.resolve('naudiodon'))] });
  const quiet = new Module(file);
  quiet.exports = { registerHandler: () => undefined };
  require.cache[file] = quiet;
}

function load(): Naudiodon {
  try {
    withoutCrashHandler();
    return require('naudiodon') as Naudiodon;
  } catch (err) {
    const why = err instanceof Error ? (err.message.split('\n')[0] as string) : String(err);
    throw new AudioDeviceError('not-installed', `the package naudiodon does not load (${why}): npm install naudiodon (it needs a C++ compiler and ALSA's headers), or use another back end`);
  }
}

function devicesOf(portaudio: Naudiodon): Array<DeviceInfo & { raw: RawDevice }> {
  const hosts = portaudio.getHostAPIs();
  const host = hosts.HostAPIs[hosts.defaultHostAPI];
  return portaudio.getDevices().map((raw) => ({
    number: raw.id,
    name: raw.name,
    inputs: raw.maxInputChannels,
    outputs: raw.maxOutputChannels,
    isDefaultInput: raw.id === host?.defaultInput,
    isDefaultOutput: raw.id === host?.defaultOutput,
    backend: 'portaudio',
    raw,
  }));
}

/** A device may know no mono, or not our rate. Errors: of the first try. */
function openStream(portaudio: Naudiodon, raw: RawDevice, settings: StreamSettings): { io: ReturnType<Naudiodon['AudioIO']>; rate: number; channels: number; frames: number } {
  const input = settings.side === 'input';
  const most = input ? raw.maxInputChannels : raw.maxOutputChannels;
  let first: unknown;
  for (const rate of new Set([DEVICE_RATE, raw.defaultSampleRate || DEVICE_RATE])) {
    for (const channels of most > 1 ? [1, 2] : [1]) {
      const frames = Math.round((rate * settings.bufferMs) / 1000);
      const options = {
        deviceId: raw.id,
        sampleRate: rate,
        channelCount: channels,
        sampleFormat: SAMPLE_16_BIT,
        framesPerBuffer: frames,
        maxQueue: input ? INPUT_QUEUE : settings.queue,
        // With a small w: what Node reads at once, too
        highwaterMark: frames * channels * 2,
        // Else the first underrun would be the last
        closeOnError: false,
      };
      try {
        const io = portaudio.AudioIO(input ? { inOptions: options } : { outOptions: options });
        return { io, rate, channels, frames };
      } catch (err) {
        first ??= err;
      }
    }
  }
  throw first;
}

function mono(pcm: Int16Array, channels: number): Int16Array {
  if (channels === 1) return pcm;
  const out = new Int16Array(pcm.length / channels);
  for (let i = 0; i < out.length; i++) out[i] = ((pcm[2 * i] as number) + (pcm[2 * i + 1] as number)) >> 1;
  return out;
}

function spread(pcm: Int16Array, channels: number): Int16Array {
  if (channels === 1) return pcm;
  const out = new Int16Array(pcm.length * channels);
  for (let i = 0; i < out.length; i++) out[i] = pcm[Math.floor(i / channels)] as number;
  return out;
}

function record(io: Readable, channels: number): void {
  io.on('data', (chunk: Buffer) => channel.write(message(Kind.heard, bytesOf(mono(samplesOf(chunk), channels)))));
}

/** Keeps naudiodon fed for ever; see above. */
class Feeder {
  private readonly ready: Int16Array[] = [];
  private patience: NodeJS.Timeout | undefined;
  /** Asked of the parent and not come yet: what is late is played late once, not asked for again. */
  private asked = 0;
  private last = 0;
  private hungry = false;
  private stopped = false;

  constructor(
    private readonly io: Writable,
    private readonly frames: number,
    private readonly channels: number,
    private readonly patienceMs: number,
  ) {
    this.next();
  }

  take(pcm: Int16Array): void {
    this.asked--;
    this.ready.push(pcm);
    if (this.hungry) this.feed();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.patience);
  }

  private next(): void {
    if (this.stopped) return;
    this.hungry = true;
    if (this.ready.length > 0) return this.feed();
    if (this.asked === 0) {
      const count = Buffer.alloc(2);
      count.writeUInt16LE(this.frames);
      this.asked++;
      channel.write(message(Kind.wanted, count));
    }
    this.patience = setTimeout(() => this.feed(), this.patienceMs);
  }

  private feed(): void {
    clearTimeout(this.patience);
    this.hungry = false;
    const pcm = this.ready.shift() ?? this.silence();
    this.last = pcm[pcm.length - 1] ?? 0;
    const samples = spread(pcm, this.channels);
    this.io.write(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength), () => this.next());
  }

  /** From where the sound broke off down to nothing. */
  private silence(): Int16Array {
    const out = new Int16Array(this.frames);
    for (let i = 0; i < out.length && this.last !== 0; i++) out[i] = Math.round(this.last * (1 - (i + 1) / out.length));
    return out;
  }
}

let portaudio: Naudiodon | undefined;
let feeder: Feeder | undefined;
const streams = new Map<Side, ReturnType<Naudiodon['AudioIO']>>();

function open(settings: StreamSettings): void {
  portaudio ??= load();
  const { side } = settings;
  const device = chooseDevice(devicesOf(portaudio), side, settings.device);
  const { io, rate, channels, frames } = openStream(portaudio, device.raw, settings);
  streams.set(side, io);
  if (side === 'input') record(io, channels);
  io.start();
  channel.write(jsonMessage(Kind.opened, { side, device: device.name, rate } satisfies Opened));
  if (side === 'output') feeder = new Feeder(io, frames, channels, settings.bufferMs * PATIENCE_BUFFERS);
}

/** As well as it can be: it may wait for a dead sound server for ever. */
function close(side: Side): void {
  if (side === 'output') feeder?.stop();
  else streams.get(side)?.removeAllListeners('data');
  streams.get(side)?.quit().catch(() => undefined); // the stream is lost in any case
  streams.delete(side);
}

function list(): void {
  portaudio ??= load();
  channel.write(jsonMessage(Kind.devices, devicesOf(portaudio).map(({ raw: _, ...device }) => device)));
}

function orTell(side: Side | null, task: () => void): void {
  try {
    task();
  } catch (err) {
    const code = err instanceof AudioDeviceError ? err.code : 'failed';
    channel.write(jsonMessage(Kind.failed, { side, code, message: errorText(err) } satisfies Failure));
  }
}

const reader = new MessageReader((kind, payload) => {
  if (kind === Kind.sound) return feeder?.take(samplesOf(payload));
  if (kind === Kind.list) return orTell(null, list);
  const told: unknown = JSON.parse(payload.toString());
  if (kind === Kind.open) orTell((told as StreamSettings).side, () => open(told as StreamSettings));
  else if (kind === Kind.close) close(told as Side);
});
channel.on('data', (chunk: Buffer) => reader.take(chunk));
