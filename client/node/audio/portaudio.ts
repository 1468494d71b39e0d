/** The back end `portaudio`: naudiodon in a child process, which both streams share as long as both are well (portaudio-process.ts). */
import { join } from 'node:path';
import type { Backend, CardStream, Side, StreamEvents } from './backend';
import type { Variables } from './child-environment';
import { AudioProcess } from './child-process';
import type { DeviceInfo } from './device';
import { PortAudioProcess } from './portaudio-process';

export interface PortAudioOptions {
  /** What Node is started with: the child's file, and what that needs. Default: the built one beside this file. */
  childArgs?: readonly string[] | undefined;
  variables?: Variables | undefined;
  /** See `StreamSettings`. */
  bufferMs?: number | undefined;
  queue?: number | undefined;
}

/** PortAudio fills four of them for the speaker: 20 ms. */
const BUFFER_MS = 5;
const OUTPUT_QUEUE = 1;

/**
 * Each write and each read of naudiodon parks a thread of libuv's pool. PULSE_LATENCY_MSEC: where ALSA is PulseAudio, it moves sound in pieces as
 * small as the buffers then, and not in some of them at once (measured: 20 ms less from ear to mouth; with 10 it breaks off).
 */
const CHILD_VARIABLES: Variables = { UV_THREADPOOL_SIZE: '8', PULSE_LATENCY_MSEC: '20' };
/** A small heap: the child holds next to nothing. */
const NODE_OPTIONS = ['--max-semi-space-size=1', '--max-old-space-size=32'];

export class PortAudio implements Backend {
  readonly name = 'portaudio';
  private latest: PortAudioProcess | undefined;

  constructor(private readonly options: PortAudioOptions = {}) {}

  list(): Promise<DeviceInfo[]> {
    return this.start().list();
  }

  open(side: Side, device: string | undefined, events: StreamEvents): Promise<CardStream> {
    const { bufferMs = BUFFER_MS, queue = OUTPUT_QUEUE } = this.options;
    if (!this.latest?.canOpen(side)) this.latest = this.start();
    return this.latest.open({ side, device, bufferMs, queue }, events);
  }

  private start(): PortAudioProcess {
    const childArgs = this.options.childArgs ?? [join(__dirname, 'portaudio-child.js')];
    return new PortAudioProcess(new AudioProcess(process.execPath, [...NODE_OPTIONS, ...childArgs], ['ignore', 'ignore', 'pipe', 'pipe'], { ...CHILD_VARIABLES, ...this.options.variables }));
  }
}
