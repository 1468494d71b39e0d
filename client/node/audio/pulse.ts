/** The back end `pulse`: PulseAudio (or PipeWire in its place) through its own programs, parec and pacat, one for each stream. */
import type { Backend, CardStream, Side, StreamEvents } from './backend';
import type { Variables } from './child-environment';
import { chooseDevice, type KnownDevice } from './choose';
import { AudioDeviceError, DEVICE_RATE, type DeviceInfo } from './device';
import { openProgramStream } from './program-stream';
import { outputOf } from './run-program';

export interface PulseOptions {
  variables?: Variables | undefined;
  /** Asked of the server, ms. */
  inputLatencyMs?: number | undefined;
  outputLatencyMs?: number | undefined;
  /** Written and not played, ms. */
  aheadMs?: number | undefined;
}

const INPUT_LATENCY_MS = 10;
const OUTPUT_LATENCY_MS = 20;
const AHEAD_MS = 25;
const PACKAGE = 'pulseaudio-utils';

export class PulseAudio implements Backend {
  readonly name = 'pulse';

  constructor(private readonly options: PulseOptions = {}) {}

  async list(): Promise<DeviceInfo[]> {
    return (await this.devices()).map(({ id: _, ...device }) => device);
  }

  async open(side: Side, wanted: string | undefined, events: StreamEvents): Promise<CardStream> {
    const { inputLatencyMs = INPUT_LATENCY_MS, outputLatencyMs = OUTPUT_LATENCY_MS, aheadMs = AHEAD_MS } = this.options;
    const device = chooseDevice(await this.devices(), side, wanted);
    const latency = side === 'input' ? inputLatencyMs : outputLatencyMs;
    const args = ['--raw', `--rate=${DEVICE_RATE}`, '--channels=1', '--format=s16le', `--latency-msec=${latency}`, '--client-name=offhook', '--property=media.role=phone', `--device=${device.id}`];
    return openProgramStream(
      {
        side,
        program: side === 'input' ? 'parec' : 'pacat',
        args: side === 'input' ? ['--verbose', ...args] : ['--playback', '--verbose', ...args],
        variables: this.variables,
        device: device.name,
        rate: DEVICE_RATE,
        aheadMs,
        running: /Stream started/,
        package: PACKAGE,
        // Of a device that is unplugged, the server moves streams to another. That is right for who took what there was; whoever named one wants
        // it back. (A person who moves the stream while the device is there is obeyed.)
        moved: wanted === undefined ? undefined : { says: /Stream moved to device/, isGone: async () => !(await this.devices()).some(({ id }) => id === device.id) },
        // "Time: 1.234 sec; Latency: 20000 usec.": what was played, twenty times a second
        follow: (child, consumed) => {
          let rest = '';
          const onText = (text: string): void => {
            rest += text;
            for (;;) {
              const found = /Time: (\d+\.\d+) sec;[^\r\n]*[\r\n]/.exec(rest);
              if (!found) break;
              consumed(Number(found[1]) * DEVICE_RATE);
              rest = rest.slice(found.index + found[0].length);
            }
            rest = rest.slice(-200);
          };
          child.child.stderr?.on('data', onText);
          return () => void child.child.stderr?.off('data', onText);
        },
      },
      events,
    );
  }

  private get variables(): Variables {
    return this.options.variables ?? {};
  }

  private async devices(): Promise<KnownDevice[]> {
    const ask = (...args: string[]): Promise<string> => outputOf('pactl', args, this.variables, PACKAGE);
    const [info, sinks, sources] = await Promise.all([ask('info'), ask('list', 'sinks'), ask('list', 'sources')]).catch(noServer);
    return parseDevices(info, sinks, sources);
  }
}

function noServer(err: unknown): never {
  if (err instanceof AudioDeviceError && /connection refused|no such file/i.test(err.message)) throw new AudioDeviceError('no-device', 'no PulseAudio server runs here: start one, or use another back end');
  throw err;
}

/** What pactl prints with LC_ALL=C. Speakers first; a sink's monitor is a microphone too. */
export function parseDevices(info: string, sinks: string, sources: string): KnownDevice[] {
  const defaults = { sink: /^Default Sink: (.*)$/m.exec(info)?.[1], source: /^Default Source: (.*)$/m.exec(info)?.[1] };
  const parts = (text: string): Array<{ id: string; description: string; channels: number }> =>
    text
      .split(/^(?=\S)/m)
      .map((part) => ({
        id: /^\s+Name: (.*)$/m.exec(part)?.[1] ?? '',
        description: /^\s+Description: (.*)$/m.exec(part)?.[1] ?? '',
        channels: Number(/^\s+Sample Specification: \S+ (\d+)ch/m.exec(part)?.[1] ?? 1),
      }))
      .filter(({ id }) => id !== '');
  const found = [
    ...parts(sinks).map((part) => ({ ...part, output: true })),
    ...parts(sources).map((part) => ({ ...part, output: false })),
  ];
  const times = (description: string): number => found.filter((other) => other.description === description).length;
  return found.map(({ id, description, channels, output }, number) => ({
    number,
    id,
    name: description !== '' && times(description) === 1 ? description : id,
    inputs: output ? 0 : channels,
    outputs: output ? channels : 0,
    isDefaultInput: !output && id === defaults.source,
    isDefaultOutput: output && id === defaults.sink,
    backend: 'pulse',
  }));
}
