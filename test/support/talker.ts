/** Somebody at a sound card who says one tone all the time: a process of its own (talker-child.ts), what it hears in a file. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEVICE_RATE, type DeviceRequest } from '../../client/node/audio/device';
import { Child, describeExit } from './child';
import type { Pulse } from './pulse';
import type { Stage } from './stage';
import type { TalkerNews, TalkerTask } from './talker-child';
import { eventually } from './wait';
import type { Recording } from './wav';

const ROOT = join(__dirname, '../..');

/** For Node: runs a source of ours as it is, so that the suite does not depend on a build. */
const runs = (source: string): string[] => ['--require', join(ROOT, 'test/support/register-ts.cjs'), join(ROOT, source)];

/** The audio child from the sources. */
export const AUDIO_CHILD: readonly string[] = runs('client/node/audio/portaudio-child.ts');

type NewsOf<E extends TalkerNews['event']> = Extract<TalkerNews, { event: E }>;

export class Talker {
  readonly name = 'the microphone';
  private readonly child: Child;

  private constructor(
    private readonly folder: string,
    private readonly file: string,
    task: TalkerTask,
  ) {
    this.child = new Child('talker', process.execPath, [...runs('test/support/talker-child.ts'), JSON.stringify(task)], { cwd: folder, env: { TMPDIR: folder } });
  }

  /** Resolves when it talks. */
  static async open(stage: Stage, pulse: Pulse, hz: number, request: DeviceRequest): Promise<Talker> {
    const folder = stage.path('talker');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'heard.raw');
    const talker = stage.own(new Talker(folder, file, { request, hz, file, variables: pulse.variables, childArgs: AUDIO_CHILD }));
    const [begun] = await talker.news(1, 'open', 'failed');
    if (begun?.event === 'failed') throw new Error(`the talker cannot open its sound card: ${begun.problem}`);
    return talker;
  }

  all<E extends TalkerNews['event']>(event: E): Array<NewsOf<E>> {
    return this.lines().filter((news): news is NewsOf<E> => news.event === event);
  }

  /** Waits until so many of these have been told. */
  async news<E extends TalkerNews['event']>(count: number, ...events: E[]): Promise<Array<NewsOf<E>>> {
    return eventually(`the talker to tell ${count} ${events.join(' or ')}`, () => {
      const found = events.flatMap((event) => this.all(event));
      if (found.length < count && !this.child.running) throw new Error(`the talker has ended\n${this.child.tail(20)}`);
      return found.length >= count && found;
    }, 30_000);
  }

  /** A crash handler has been at work. */
  get crashed(): boolean {
    return existsSync(join(this.folder, 'crash.log'));
  }

  /** All that it printed that is no news: nothing may be. */
  get strays(): string[] {
    return this.child.output.split('\n').filter((line) => line !== '' && !line.startsWith('{"event":'));
  }

  heard(): Recording {
    const data = existsSync(this.file) ? readFileSync(this.file) : Buffer.alloc(0);
    const samples = new Float32Array(data.length >> 1);
    for (let i = 0; i < samples.length; i++) samples[i] = data.readInt16LE(2 * i) / 32768;
    return { samples, rate: DEVICE_RATE };
  }

  report(): string {
    return this.child.tail(30);
  }

  /** It hangs up by itself, and all its processes are gone then. */
  async close(): Promise<void> {
    this.child.write('\n');
    const exit = await this.child.waitExit(8000);
    if (exit.code !== 0) throw new Error(`the talker did not end well: ${describeExit(exit)}\n${this.child.tail(20)}`);
  }

  private lines(): TalkerNews[] {
    return this.child.output.split('\n').slice(0, -1).filter((line) => line.startsWith('{"event":')).map((line) => JSON.parse(line) as TalkerNews);
  }
}
