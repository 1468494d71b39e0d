/** The back end `alsa`: Linux's sound cards through arecord and aplay, one for each stream. */
import type { Backend, CardStream, Side, StreamEvents } from './backend';
import type { AudioProcess } from './child-process';
import type { Variables } from './child-environment';
import { chooseDevice, type KnownDevice } from './choose';
import { DEVICE_RATE, type DeviceInfo } from './device';
import { openProgramStream } from './program-stream';
import { outputOf } from './run-program';

export interface AlsaOptions {
  variables?: Variables | undefined;
  /** The card's ring, and how much of it is moved at once, ms. */
  bufferMs?: number | undefined;
  periodMs?: number | undefined;
  /** Written and not taken by aplay, ms. */
  aheadMs?: number | undefined;
}

const BUFFER_MS = 20;
const PERIOD_MS = 5;
const AHEAD_MS = 10;
const PACKAGE = 'alsa-utils';
/** What libasound2-plugins lists whether there is a card or not: ways to one, for which there is none behind them. */
const NO_CARD = /^(?:null|lavrate|samplerate|speexrate|speex|upmix|vdownmix|usbstream|oss|jack)(?::|$)/;

export class Alsa implements Backend {
  readonly name = 'alsa';

  constructor(private readonly options: AlsaOptions = {}) {}

  async list(): Promise<DeviceInfo[]> {
    return (await this.devices()).map(({ id: _, ...device }) => device);
  }

  async open(side: Side, wanted: string | undefined, events: StreamEvents): Promise<CardStream> {
    const { bufferMs = BUFFER_MS, periodMs = PERIOD_MS, aheadMs = AHEAD_MS } = this.options;
    const device = chooseDevice(await this.devices(), side, wanted);
    const args = ['-D', device.id, '-t', 'raw', '-f', 'S16_LE', '-r', String(DEVICE_RATE), '-c', '1', `--period-time=${periodMs * 1000}`, `--buffer-time=${bufferMs * 1000}`];
    return openProgramStream(
      {
        side,
        program: side === 'input' ? 'arecord' : 'aplay',
        args: side === 'input' ? args : [...args, '--vumeter=mono'],
        variables: this.variables,
        device: device.name,
        rate: DEVICE_RATE,
        aheadMs,
        running: /Playing raw data/,
        package: PACKAGE,
        follow: (child, consumed) => followMeter(child, (DEVICE_RATE * periodMs) / 1000, consumed),
      },
      events,
    );
  }

  private get variables(): Variables {
    return this.options.variables ?? {};
  }

  private async devices(): Promise<KnownDevice[]> {
    const [inputs, outputs] = await Promise.all(['arecord', 'aplay'].map((program) => outputOf(program, ['-L'], this.variables, PACKAGE)));
    return mergeDevices(parseNames(inputs as string), parseNames(outputs as string));
  }
}

/**
 * aplay does not say what it has played, but it can draw a level meter, one carriage return for each period that it has handed to the card:
 * it hands one over whenever the ring has room.
 */
function followMeter(child: AudioProcess, period: number, consumed: (samples: number) => void): () => void {
  let periods = 0;
  const onText = (text: string): void => {
    const drawn = text.split('\r').length - 1;
    if (drawn === 0) return;
    periods += drawn;
    consumed(periods * period);
  };
  child.child.stderr?.on('data', onText);
  return () => void child.child.stderr?.off('data', onText);
}

/** What `-L` prints: names at the start of a line, what they are in the indented lines below. */
export function parseNames(text: string): Array<{ id: string; description: string }> {
  return text
    .split(/^(?=\S)/m)
    .map((part) => part.split('\n').map((line) => line.trim()))
    .filter((lines) => lines[0] !== undefined && lines[0] !== '' && !NO_CARD.test(lines[0]))
    .map((lines) => ({ id: lines[0] as string, description: lines.slice(1).filter(Boolean).join(', ') }));
}

export function mergeDevices(inputs: ReadonlyArray<{ id: string }>, outputs: ReadonlyArray<{ id: string }>): KnownDevice[] {
  const ids = [...new Set([...outputs, ...inputs].map(({ id }) => id))];
  const has = (list: ReadonlyArray<{ id: string }>, id: string): boolean => list.some((entry) => entry.id === id);
  return ids.map((id, number) => ({
    number,
    id,
    name: id,
    inputs: has(inputs, id) ? 1 : 0,
    outputs: has(outputs, id) ? 1 : 0,
    isDefaultInput: id === 'default' && has(inputs, id),
    isDefaultOutput: id === 'default' && has(outputs, id),
    backend: 'alsa',
  }));
}
