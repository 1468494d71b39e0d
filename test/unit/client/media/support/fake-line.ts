/** Hubs in calls with each other over a network and a clock of memory: seconds of it take milliseconds, and nothing depends on the machine. */
import { setImmediate as breathe } from 'node:timers/promises';
import { FakeClock } from '../../../../support/fake-clock';
import { mark } from '../../../../support/ears';
import { cutOut, judge, type Hearing } from '../../../../support/tone';
import { eventually } from '../../../../support/wait';
import { seeded } from '../../../media/port/line';
import { FakeNet } from '../../../media/support/fake-net';
import { call, newEnd, type End, type Side } from './two-hubs';
import type { HubSettings } from '../../../../../client/node/media/hub-types';

const TONES = [700, 1100, 1500];

export class FakeLine {
  readonly clock = new FakeClock();
  readonly nets: FakeNet[];
  /** Each speaks a tone of its own: 700, 1100, 1500 Hz. */
  readonly ends: End[];
  /** Packets that are lost on their way. */
  lose: (data: Buffer) => boolean = () => false;

  /** @param settings of each hub; of one for two */
  constructor(...settings: HubSettings[]) {
    const each = settings.length > 1 ? settings : [settings[0] ?? {}, settings[0] ?? {}];
    this.nets = each.map(() => new FakeNet(() => this.clock.now()));
    this.ends = each.map((one, i) =>
      newEnd('abc'[i]!, TONES[i]!, one, {
        clock: this.clock,
        chance: seeded(7 + i),
        net: this.nets[i],
        towards: () => Promise.resolve({ address: hostOf(i), family: 4 }),
      }),
    );
  }

  /** Between two of the ends. */
  async call(from = 0, to = 1): Promise<{ from: Side; to: Side; offer: string; answer: string }> {
    return call(this.ends[from]!, this.ends[to]!);
  }

  /** So much time goes by, packets arrive at once. Files and whatever awaits get their turns. */
  async run(ms: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += 2) {
      this.clock.advance(2);
      for (const net of this.nets) if (net.beat && net.beat.nextAt <= this.clock.now()) net.beat.run(this.clock.now());
      this.nets.forEach((net, i) => this.carry(net, hostOf(i)));
      if (gone % 20 === 0) await breathe();
    }
  }

  /** Time goes by until it is so: for what waits for a disk, which has a clock of its own. */
  async until(what: string, so: () => boolean): Promise<void> {
    await eventually(what, async () => {
      await this.run(20);
      return so();
    }, 5000, 1);
  }

  /** What an end hears in so much time from now on. */
  async hear(end: number, ms: number): Promise<Hearing> {
    const { device } = this.ends[end]!;
    const from = mark(device);
    await this.run(ms);
    return judge(cutOut(device.heard(), from));
  }

  /** The last 100 ms that an end heard. */
  lately(end: number): Hearing {
    const { device } = this.ends[end]!;
    return judge(cutOut(device.heard(), mark(device) - 0.1));
  }

  private carry(net: FakeNet, host: string): void {
    for (const [port, socket] of net.sockets) {
      for (const { to, data } of socket.sent.splice(0)) {
        const [address, at] = to.split(':');
        const i = this.nets.findIndex((_, n) => hostOf(n) === address);
        const target = this.nets[i]?.sockets.get(Number(at));
        if (target && !target.closed && !this.lose(data)) this.nets[i]!.deliver(Number(at), `${host}:${port}`, data);
      }
    }
  }
}

const hostOf = (i: number): string => `192.0.2.${i + 1}`;
