/**
 * A sound server of the test's own, with sound cards that are none: PulseAudio with null sinks. What is played into `mic` is heard by whoever
 * records `mic.monitor` (a phone's microphone); what a phone plays into `spk` is recorded from `spk.monitor`.
 *
 * Programs reach it by `variables`: PulseAudio's own by PULSE_SERVER, ALSA's (and PortAudio) by a configuration that replaces the system's, so
 * that nobody looks for cards.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, run } from './child';
import { peerPath } from './peers';
import type { Stage } from './stage';
import { tone } from './tone';
import { eventually } from './wait';
import type { Recording } from './wav';

const RATE = 48_000;

export interface PulseOptions {
  /** Default spk and mic; the first is where sound goes by default, the last one's monitor where it comes from. */
  sinks?: readonly string[];
  /** Names for people, too, and a microphone `NAME_mic` for each sink, that is no monitor: some programs need those. */
  described?: boolean;
}

export class Pulse {
  /** For the environment of programs that are to use it. */
  readonly variables: Readonly<Record<string, string>>;
  private server: Child | undefined;
  private readonly script: string;
  private readonly socket: string;

  private constructor(
    private readonly stage: Stage,
    private readonly folder: string,
    { sinks = ['spk', 'mic'], described = false }: PulseOptions,
  ) {
    this.script = join(folder, 'default.pa');
    this.socket = join(folder, 'native');
    const alsa = join(folder, 'asound.conf');
    mkdirSync(folder, { recursive: true });
    this.variables = { PULSE_SERVER: `unix:${this.socket}`, PULSE_RUNTIME_PATH: folder, HOME: folder, XDG_RUNTIME_DIR: folder, ALSA_CONFIG_PATH: alsa, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' };
    writeFileSync(alsa, alsaConfiguration(sinks));
    writeFileSync(
      this.script,
      [
        `load-module module-native-protocol-unix auth-anonymous=1 socket=${this.socket}`,
        ...sinks.map((name) => `load-module ${nullSink(name)}${described ? ` sink_properties=device.description=${name}` : ''}`),
        ...(described ? sinks.map((name) => `load-module module-remap-source master=${name}.monitor source_name=${name}_mic source_properties=device.description=${name}_mic`) : []),
        `set-default-sink ${sinks[0]}`,
        `set-default-source ${sinks.at(-1)}.monitor`,
        '',
      ].join('\n'),
    );
  }

  static async start(stage: Stage, options: PulseOptions = {}): Promise<Pulse> {
    const pulse = stage.own(new Pulse(stage, stage.path('pulse'), options));
    await pulse.start();
    return pulse;
  }

  async start(): Promise<void> {
    // As on a desktop, where it goes before others; where that is not allowed it goes on without
    const args = ['-n', '-F', this.script, '--daemonize=no', '--exit-idle-time=-1', '--disallow-exit', '--use-pid-file=no', '--realtime=yes', '--high-priority=yes', '--log-target=stderr'];
    this.server = new Child('pulseaudio', peerPath('pulseaudio'), args, { cwd: this.folder, env: this.variables });
    await eventually(
      'PulseAudio to answer',
      async () => {
        if (this.server?.running !== true) throw new Error(`pulseaudio ended\n${this.server?.tail() ?? ''}`);
        return (await this.ask('info')).code === 0;
      },
      15_000,
      50,
    );
  }

  /** As a crash does: SIGKILL. */
  async kill(): Promise<void> {
    await this.server?.stop('SIGKILL');
    rmSync(this.socket, { force: true });
  }

  /** Plugs a null sink in. */
  async load(name: string): Promise<void> {
    await this.command('load-module', ...nullSink(name).split(' '));
  }

  /** Pulls it out, and its monitor. */
  async unload(name: string): Promise<void> {
    const { output } = await this.ask('list', 'short', 'modules');
    const line = output.split('\n').find((text) => text.includes(`sink_name=${name} `));
    if (!line) throw new Error(`there is no sink ${name}\n${output}`);
    await this.command('unload-module', line.split('\t')[0] as string);
  }

  /** Plays a tone into a sink until the end of the test, or until it is stopped. */
  play(sink: string, hz: number, seconds = 60): Child {
    const samples = tone(hz, seconds, RATE);
    const file = this.stage.path(`${hz}.raw`);
    writeFileSync(file, Buffer.from(Int16Array.from(samples, (value) => Math.round(value * 32767)).buffer));
    const child = new Child(`pacat ${sink}`, peerPath('pacat'), ['-p', '--raw', '--rate=48000', '--channels=1', '--format=s16le', '--latency-msec=200', `--device=${sink}`, file], { env: this.variables });
    return this.stage.own(owned(child));
  }

  /** Records what a source gives until the end of the test. */
  record(source: string): Ear {
    return this.stage.own(new Ear(source, this.variables));
  }

  /** pactl; throws what it says when it fails. */
  async command(...args: string[]): Promise<string> {
    const { code, output } = await this.ask(...args);
    if (code !== 0) throw new Error(`pactl ${args.join(' ')}: ${output}`);
    return output;
  }

  report(): string {
    return this.server?.tail(30) ?? '';
  }

  async close(): Promise<void> {
    await this.server?.stop('SIGKILL');
  }

  private ask(...args: string[]): ReturnType<typeof run> {
    return run(peerPath('pactl'), args, { env: this.variables, timeoutMs: 5000 });
  }
}

/** A recorder of a source. */
export class Ear {
  readonly name: string;
  private readonly child: Child;
  private readonly chunks: Buffer[] = [];

  constructor(source: string, variables: Readonly<Record<string, string>>) {
    this.name = source;
    this.child = new Child(`parec ${source}`, peerPath('parec'), ['--raw', '--rate=48000', '--channels=1', '--format=s16le', '--latency-msec=50', `--device=${source}`], {
      env: variables,
      onStdout: (chunk) => this.chunks.push(chunk),
    });
  }

  heard(): Recording {
    const data = Buffer.concat(this.chunks);
    const samples = new Float32Array(data.length >> 1);
    for (let i = 0; i < samples.length; i++) samples[i] = data.readInt16LE(2 * i) / 32768;
    return { samples, rate: RATE };
  }

  report(): string {
    return this.child.tail(5);
  }

  async close(): Promise<void> {
    await this.child.stop('SIGKILL');
  }
}

const owned = (child: Child): Child & { close(): Promise<void>; report(): string } => Object.assign(child, { close: async () => void (await child.stop('SIGKILL')), report: () => child.tail(5) });

/** Without norewinds an idle null sink renders two seconds in advance, and what is played then comes after that. */
const nullSink = (name: string): string => `module-null-sink sink_name=${name} rate=${RATE} channels=1 norewinds=1`;

/** Each becomes a device of PortAudio's; the hint is what makes it listed. */
function alsaConfiguration(sinks: readonly string[]): string {
  const device = (name: string, pulse: string): string => `pcm.${name} { type pulse device "${pulse}" hint { show on description "${name}" } }`;
  return [
    'pcm.!default { type pulse hint { show on description "default" } }',
    'ctl.!default { type pulse }',
    ...sinks.flatMap((name) => [device(`to_${name}`, name), device(`from_${name}`, `${name}.monitor`)]),
    '',
  ].join('\n');
}
