/** The back end `portaudio`: naudiodon in child processes, one for each stream (portaudio-child.ts). */
import { join } from 'node:path';
import type { Socket } from 'node:net';
import type { Backend, CardStream, Side, StreamEvents } from './backend';
import type { Variables } from './child-environment';
import { bytesOf, Kind, message, MessageReader, samplesOf } from './child-messages';
import { AudioProcess } from './child-process';
import { AudioDeviceError, type DeviceInfo } from './device';
import { CHANNEL_FD, type ChildTask } from './portaudio-settings';
import { Watchdog } from './watchdog';

export interface PortAudioOptions {
  /** What Node is started with: the child's file, and what that needs. Default: the built one beside this file. */
  childArgs?: readonly string[] | undefined;
  variables?: Variables | undefined;
  /** See `StreamSettings`. */
  bufferMs?: number | undefined;
  queue?: number | undefined;
}

const BUFFER_MS = 10;
const OUTPUT_QUEUE = 1;
/** Until a stream runs, or the list is there. A sound server that is starting takes about one. */
const START_MS = 6000;

/** Each write and each read of naudiodon parks a thread of libuv's pool. A small heap: the child holds next to nothing. */
const NODE_VARIABLES: Variables = { UV_THREADPOOL_SIZE: '8' };
const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=32'];

export class PortAudio implements Backend {
  readonly name = 'portaudio';

  constructor(private readonly options: PortAudioOptions = {}) {}

  async list(): Promise<DeviceInfo[]> {
    const child = this.start({ list: true });
    try {
      return await new Promise<DeviceInfo[]>((resolve, reject) => {
        const reader = new MessageReader((kind, payload) => {
          if (kind === Kind.devices) resolve(JSON.parse(payload.toString()) as DeviceInfo[]);
          else if (kind === Kind.failed) reject(failure(payload));
        });
        channelOf(child).on('data', (chunk: Buffer) => reader.take(chunk));
        void child.ended.then((why) => reject(new AudioDeviceError('failed', `the sound devices cannot be listed: ${why}`)));
        startLimit(child, reject);
      });
    } finally {
      await child.kill();
    }
  }

  async open(side: Side, device: string | undefined, events: StreamEvents): Promise<CardStream> {
    const { bufferMs = BUFFER_MS, queue = OUTPUT_QUEUE } = this.options;
    const child = this.start({ open: { side, device, bufferMs, queue } });
    const channel = channelOf(child);
    let watchdog: Watchdog | undefined;
    let lost = (_why: string): void => undefined;
    try {
      const opened = await new Promise<{ device: string; rate: number }>((resolve, reject) => {
        const reader = new MessageReader((kind, payload) => {
          watchdog?.alive();
          if (kind === Kind.heard) events.heard(samplesOf(payload));
          else if (kind === Kind.wanted) {
            const pcm = new Int16Array(payload.readUInt16LE());
            events.wanted(pcm);
            channel.write(message(Kind.sound, bytesOf(pcm)));
          } else if (kind === Kind.opened) resolve(JSON.parse(payload.toString()) as { device: string; rate: number });
          else if (kind === Kind.failed) reject(failure(payload));
        });
        channel.on('data', (chunk: Buffer) => reader.take(chunk));
        void child.ended.then((why) => {
          reject(new AudioDeviceError('failed', `the sound card cannot be opened: ${why}`));
          lost(why);
        });
        startLimit(child, reject);
      });
      let told = false;
      let closing = false;
      lost = (why) => {
        if (!told && !closing) events.lost(why);
        told = true;
      };
      watchdog = new Watchdog(() => lost(`"${opened.device}" ${side === 'input' ? 'gives no sound' : 'takes no sound'} any more`));
      return {
        ...opened,
        close: () => {
          closing = true;
          watchdog?.stop();
          return child.kill();
        },
      };
    } catch (err) {
      await child.kill();
      throw err;
    }
  }

  private start(task: ChildTask): AudioProcess {
    const childArgs = this.options.childArgs ?? [join(__dirname, 'portaudio-child.js')];
    return new AudioProcess(process.execPath, [...NODE_OPTIONS, ...childArgs, JSON.stringify(task)], ['ignore', 'ignore', 'pipe', 'pipe'], { ...NODE_VARIABLES, ...this.options.variables });
  }
}

const channelOf = (child: AudioProcess): Socket => child.child.stdio[CHANNEL_FD] as Socket;

function failure(payload: Buffer): AudioDeviceError {
  const { code, message: text } = JSON.parse(payload.toString()) as { code: AudioDeviceError['code']; message: string };
  return new AudioDeviceError(code, text);
}

function startLimit(child: AudioProcess, reject: (err: Error) => void): void {
  const timer = setTimeout(() => reject(new AudioDeviceError('failed', `the sound card does not answer (within ${START_MS / 1000} s); is the sound server well?`)), START_MS);
  void child.ended.then(() => clearTimeout(timer));
}
