/** A stream that is a program with sound in its stdin or stdout (parec, pacat, arecord, aplay). */
import type { CardStream, Side, StreamEvents } from './backend';
import { bytesOf } from './child-messages';
import { AudioProcess } from './child-process';
import type { Variables } from './child-environment';
import { AudioDeviceError } from './device';
import { OutputPump } from './output-pump';
import { Watchdog } from './watchdog';

const START_MS = 6000;

export interface ProgramStreamOptions {
  side: Side;
  program: string;
  args: readonly string[];
  variables: Variables;
  /** The device, for people. */
  device: string;
  rate: number;
  /** Output: see OutputPump. */
  aheadMs: number;
  /** In what it says on stderr: it runs. Input runs when sound comes. */
  running: RegExp;
  /** Output: tells the pump what was played. Returns how to stop. */
  follow?(child: AudioProcess, consumed: (samples: number) => void): () => void;
  /** In what it says on stderr: the server gave it another device. Whether the one that was asked for is gone is then looked up. */
  moved?: { says: RegExp; isGone(): Promise<boolean> } | undefined;
  /** Which Debian package it is in. */
  package: string;
}

export async function openProgramStream(options: ProgramStreamOptions, events: StreamEvents): Promise<CardStream> {
  const { side, program, args, variables, device, rate } = options;
  const input = side === 'input';
  const child = new AudioProcess(program, args, input ? ['ignore', 'pipe', 'pipe'] : ['pipe', 'ignore', 'pipe'], { LC_ALL: 'C', ...variables });
  let told = false;
  let closing = false;
  let isOpen = false;
  const lost = (why: string): void => {
    if (isOpen && !told && !closing) {
      told = true;
      events.lost(why);
    }
  };
  const watchdog = new Watchdog(() => lost(`"${device}" ${input ? 'gives no sound' : 'takes no sound'} any more`));
  const ends: Array<() => void> = [() => watchdog.stop()];
  const close = (): Promise<void> => {
    closing = true;
    for (const end of ends.splice(0)) end();
    return child.kill();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new AudioDeviceError('failed', `"${device}" does not begin (within ${START_MS / 1000} s); is the sound server well?`)), START_MS);
      void child.ended.then((why) => {
        clearTimeout(timer);
        reject(child.missing ? new AudioDeviceError('not-installed', `the program ${program} is not installed: install the package ${options.package}, or use another back end`) : new AudioDeviceError('failed', `"${device}" cannot be opened: ${why}`));
        lost(why);
      });
      if (input) {
        child.child.stdout?.on('data', samplesFrom((pcm) => {
          resolve();
          watchdog.alive();
          events.heard(pcm);
        }));
      } else {
        child.child.stderr?.on('data', (text: string) => {
          if (options.running.test(text)) resolve();
        });
      }
      child.child.once('close', () => clearTimeout(timer));
      ends.push(() => clearTimeout(timer));
      // pacat begins when it has sound, and says so then
      if (!input) {
        const pump = new OutputPump({
          rate,
          aheadMs: options.aheadMs,
          watchdog,
          wanted: (pcm) => events.wanted(pcm),
          write: (pcm) => void child.child.stdin?.write(bytesOf(pcm)),
        });
        ends.push(() => pump.stop());
        const unfollow = options.follow?.(child, (samples) => pump.consumed(samples));
        if (unfollow) ends.push(unfollow);
      }
    });
    isOpen = true;
    watchdog.alive();
    const { moved } = options;
    if (moved) {
      child.child.stderr?.on('data', (text: string) => {
        if (moved.says.test(text)) moved.isGone().then((gone) => gone && lost(`"${device}" was unplugged`), () => undefined); // a server that does not answer is noticed by the stream itself
      });
    }
    return { device, rate, close };
  } catch (err) {
    await close();
    throw err;
  }
}

/** Bytes as they come to whole samples. */
function samplesFrom(take: (pcm: Int16Array) => void): (chunk: Buffer) => void {
  let odd: number | undefined;
  return (chunk) => {
    const bytes = odd === undefined ? chunk : Buffer.concat([Buffer.from([odd]), chunk]);
    odd = bytes.length % 2 === 1 ? bytes[bytes.length - 1] : undefined;
    const pcm = new Int16Array(bytes.length >> 1);
    new Uint8Array(pcm.buffer).set(bytes.subarray(0, pcm.length * 2));
    if (pcm.length > 0) take(pcm);
  };
}
