/**
 * The audio child as its parent sees it: one process (portaudio-child.ts) that holds at most one stream in each direction. Who has lost a stream
 * opens it in another process: this one may hang in it, and it knows only devices that were there when it began. The other stream goes on here.
 */
import type { Socket } from 'node:net';
import type { CardStream, Side, StreamEvents } from './backend';
import { bytesOf, jsonMessage, Kind, message, MessageReader, samplesOf } from './child-messages';
import type { AudioProcess } from './child-process';
import { AudioDeviceError, type DeviceInfo } from './device';
import { CHANNEL_FD, type Failure, type Opened, type StreamSettings } from './portaudio-settings';
import { Watchdog } from './watchdog';

/** Until a stream runs, or the list is there. A sound server that is starting takes about one. */
const START_MS = 6000;

/** One stream, from the request on. */
interface Use {
  events: StreamEvents;
  watchdog: Watchdog | undefined;
  opened(opened: Opened): void;
  failed(err: AudioDeviceError): void;
  /** The process has ended. */
  ended(why: string): void;
}

export class PortAudioProcess {
  private readonly channel: Socket;
  private readonly uses = new Map<Side, Use>();
  private onDevices: ((devices: DeviceInfo[]) => void) | undefined;
  private onFailure: ((err: AudioDeviceError) => void) | undefined;
  private spent = false;

  constructor(private readonly child: AudioProcess) {
    this.channel = child.child.stdio[CHANNEL_FD] as Socket;
    const reader = new MessageReader((kind, payload) => this.take(kind, payload));
    this.channel.on('data', (chunk: Buffer) => reader.take(chunk));
    void child.ended.then((why) => {
      this.spent = true;
      this.onFailure?.(new AudioDeviceError('failed', `the sound devices cannot be listed: ${why}`));
      for (const use of [...this.uses.values()]) use.ended(why);
    });
  }

  /** There may be a new stream in this direction. */
  canOpen(side: Side): boolean {
    return !this.spent && !this.uses.has(side);
  }

  /** Ends the process. Errors: AudioDeviceError. */
  async list(): Promise<DeviceInfo[]> {
    const limit = new Limit();
    try {
      return await new Promise<DeviceInfo[]>((resolve, reject) => {
        this.onDevices = resolve;
        this.onFailure = reject;
        limit.start(reject);
        this.channel.write(jsonMessage(Kind.list, null));
      });
    } finally {
      limit.stop();
      await this.end();
    }
  }

  /** Errors: AudioDeviceError. */
  async open(settings: StreamSettings, events: StreamEvents): Promise<CardStream> {
    const { side } = settings;
    const limit = new Limit();
    let lost = (_why: string): void => undefined;
    try {
      const { device, rate } = await new Promise<Opened>((resolve, reject) => {
        const ended = (why: string): void => {
          reject(new AudioDeviceError('failed', `the sound card cannot be opened: ${why}`));
          lost(why);
        };
        this.uses.set(side, { events, watchdog: undefined, opened: resolve, failed: reject, ended });
        limit.start(reject);
        this.channel.write(jsonMessage(Kind.open, settings));
      });
      const use = this.uses.get(side) as Use;
      let over = false;
      lost = (why) => {
        if (!over) events.lost(why);
        over = true;
      };
      use.watchdog = new Watchdog(() => lost(`"${device}" ${side === 'input' ? 'gives no sound' : 'takes no sound'} any more`));
      return {
        device,
        rate,
        close: () => {
          over = true;
          return this.release(side);
        },
      };
    } catch (err) {
      await this.release(side);
      throw err;
    } finally {
      limit.stop();
    }
  }

  /** Resolves when the process has ended, if that was the last stream in it. */
  private async release(side: Side): Promise<void> {
    this.uses.get(side)?.watchdog?.stop();
    this.uses.delete(side);
    this.spent = true;
    if (this.uses.size === 0) return this.end();
    this.channel.write(jsonMessage(Kind.close, side));
  }

  private end(): Promise<void> {
    this.spent = true;
    return this.child.kill();
  }

  private take(kind: number, payload: Buffer): void {
    switch (kind) {
      case Kind.heard: {
        const use = this.uses.get('input');
        use?.watchdog?.alive();
        return use?.events.heard(samplesOf(payload));
      }
      case Kind.wanted: {
        const use = this.uses.get('output');
        if (!use) return;
        use.watchdog?.alive();
        const pcm = new Int16Array(payload.readUInt16LE());
        use.events.wanted(pcm);
        this.channel.write(message(Kind.sound, bytesOf(pcm)));
        return;
      }
      case Kind.devices:
        return this.onDevices?.(JSON.parse(payload.toString()) as DeviceInfo[]);
      case Kind.opened: {
        const opened = JSON.parse(payload.toString()) as Opened;
        return this.uses.get(opened.side)?.opened(opened);
      }
      case Kind.failed: {
        const { side, code, message: text } = JSON.parse(payload.toString()) as Failure;
        const err = new AudioDeviceError(code, text);
        if (side === null) this.onFailure?.(err);
        else this.uses.get(side)?.failed(err);
      }
    }
  }
}

class Limit {
  private timer: NodeJS.Timeout | undefined;

  start(reject: (err: Error) => void): void {
    this.timer = setTimeout(() => reject(new AudioDeviceError('failed', `the sound card does not answer (within ${START_MS / 1000} s); is the sound server well?`)), START_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
