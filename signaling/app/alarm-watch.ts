/** Looks every few seconds at what may be wrong, and says so to the alarms. Nobody who serves calls has to know of it. */
import type { PlaneLoad } from '../../media/plane';
import type { Clock, Timer } from '../clock';
import { every } from '../every';
import type { Logger } from '../log';
import type { Alarms, Level } from './alarms';
import type { TrunkStatus } from './trunks/trunks';

export interface AlarmWatchDeps {
  alarms: Pick<Alarms, 'see' | 'keep'>;
  /** Whether the engine can be reached. */
  connected(): boolean;
  trunks(): readonly Pick<TrunkStatus, 'name' | 'enabled' | 'state' | 'problem'>[];
  records(): { failing: boolean; waiting: number; dropped: number };
  load(): Promise<Pick<PlaneLoad, 'ports'> & { workers: ReadonlyArray<{ sound: { ticks: number; late: number; skipped: number } }> }>;
  /** Of the last minute; undefined: nobody measures it. */
  lateness(): { p99Ms: number } | undefined;
  /** Bytes that are free where the data folder is. */
  freeBytes(): Promise<number>;
  clock: Clock;
  log: Logger;
}

const EVERY_MS = 5000;
/** What is sampled goes up and down: it is over when it was good for so long. */
const CALM_MS = 30_000;
/** Shares of all port pairs. */
const PORTS = { bad: 0.05, good: 0.1 };
const DISK = { bad: 500e6, good: 1e9 };
/** 99 of 100 looks in a minute. A call that is set up waits for the application some ten times. */
const LATE_MS = { bad: 250, good: 100 };
/** Shares of the pieces of sound that were made since the last look, of at least so many: two parties for five seconds. */
const TICKS = { bad: 0.05, good: 0.01, least: 500 };

export class AlarmWatch {
  private timer: Timer | undefined;
  private ticks = { made: 0, late: 0 };
  private closed = false;

  constructor(private readonly deps: AlarmWatchDeps) {}

  start(): void {
    this.timer = every(this.deps.clock, EVERY_MS, () => this.look());
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
  }

  /** Never rejects: what cannot be looked at is said in the log. */
  async look(): Promise<void> {
    const { deps } = this;
    this.seeTrunks();
    deps.alarms.see({ name: 'engine', severity: 'critical', level: deps.connected() ? 'good' : 'bad', text: 'The SIP engine cannot be reached: no calls can be made. Look whether it runs, and at its log.' });
    const { failing, waiting, dropped } = deps.records();
    const lost = dropped > 0 ? `, ${dropped} are lost` : '';
    deps.alarms.see({ name: 'records', severity: 'critical', level: failing ? 'bad' : 'good', text: `Records of calls cannot be written: ${waiting} wait${lost}. Look at the log, and whether the disk is full or read-only.` });
    const late = deps.lateness();
    if (late) {
      this.sampled('event-loop', 'warning', levelOf(late.p99Ms, LATE_MS), `The application comes up to ${Math.round(late.p99Ms)} ms late to what it has to do: calls are set up slowly. The machine is too busy, or too small.`);
    }
    await this.attempt('the media plane', async () => this.seeMedia(await deps.load()));
    await this.attempt('the disk', async () => {
      const free = await deps.freeBytes();
      this.sampled('disk', 'critical', levelOf(-free, { bad: -DISK.bad, good: -DISK.good }), `${Math.floor(free / 1e6)} MB are free on the disk of the data folder: recordings, voicemail and call records will fail. Remove what is not needed, or make it larger.`);
    });
  }

  private seeTrunks(): void {
    const { alarms, trunks } = this.deps;
    const on = trunks().filter(({ enabled }) => enabled);
    alarms.keep('trunk', new Set(on.map(({ name }) => name)));
    for (const { name, state, problem } of on) {
      const level = state === 'up' ? 'good' : state === 'starting' ? 'fair' : 'bad';
      const advice = state === 'refused' ? 'Check its user name and password' : 'Check its hosts and the way there';
      alarms.see({ name: 'trunk', subject: name, severity: 'critical', level, text: `No calls go over the trunk ${name}: ${problem ?? 'it does not answer'}. ${advice} (offhook trunk status).` });
    }
  }

  private seeMedia({ ports, workers }: Awaited<ReturnType<AlarmWatchDeps['load']>>): void {
    const share = ports.free / ports.total;
    this.sampled('ports', 'critical', levelOf(-share, { bad: -PORTS.bad, good: -PORTS.good }), `${ports.free} of ${ports.total} pairs of RTP ports are free: calls are refused when there is none. Widen media.portMin and media.portMax.`);
    const sum = (of: (sound: { ticks: number; late: number; skipped: number }) => number): number => workers.reduce((all, { sound }) => all + of(sound), 0);
    const now = { made: sum(({ ticks, skipped }) => ticks + skipped), late: sum(({ late, skipped }) => late + skipped) };
    const made = now.made - this.ticks.made;
    // a worker that died takes its counters along
    const part = made < TICKS.least ? 0 : Math.max(0, now.late - this.ticks.late) / made;
    this.ticks = now;
    this.sampled('media-late', 'warning', levelOf(part, TICKS), `${Math.round(part * 100)} % of the sound that is made here came too late: people hear gaps. The machine is too busy, or too small; see media.workers.`);
  }

  private sampled(name: 'ports' | 'disk' | 'event-loop' | 'media-late', severity: 'critical' | 'warning', level: Level, text: string): void {
    this.deps.alarms.see({ name, severity, level, text, calmMs: CALM_MS });
  }

  private async attempt(what: string, look: () => Promise<void>): Promise<void> {
    await look().catch((err: unknown) => {
      if (!this.closed) this.deps.log.warn({ error: String(err) }, `${what} could not be looked at`);
    });
  }
}

const levelOf = (value: number, { bad, good }: { bad: number; good: number }): Level => (value >= bad ? 'bad' : value <= good ? 'good' : 'fair');
