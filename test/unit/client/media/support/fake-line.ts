/** Two hubs in a call over a network and a clock of memory: seconds of it take milliseconds, and nothing depends on the machine. */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Clock } from '../../../../../client/clock';
import { FakeClock } from '../../../../support/fake-clock';
import { eventually } from '../../../../support/wait';
import { seeded } from '../../../media/port/line';
import { FakeNet } from '../../../media/support/fake-net';
import { call, newEnd, type End, type Side } from './two-hubs';
import type { HubSettings } from '../../../../../client/node/media/hub-types';

const HOSTS = ['192.0.2.1', '192.0.2.2'] as const;

export class FakeLine {
  readonly clock: Clock & FakeClock;
  readonly nets: readonly [FakeNet, FakeNet];
  readonly ends: readonly [End, End];
  /** Packets that are lost on their way, of those that the rule takes. */
  lose: (data: Buffer) => boolean = () => false;

  constructor(settings: HubSettings = {}) {
    this.clock = new FakeClock();
    const now = (): number => this.clock.now();
    this.nets = [new FakeNet(now), new FakeNet(now)];
    const deps = (i: 0 | 1): Parameters<typeof newEnd>[3] => ({
      clock: this.clock,
      chance: seeded(7 + i),
      net: this.nets[i],
      towards: () => Promise.resolve({ address: HOSTS[i], family: 4 }),
    });
    this.ends = [newEnd('a', 700, settings, deps(0)), newEnd('b', 1100, settings, deps(1))];
  }

  async call(): Promise<{ from: Side; to: Side }> {
    return call(...this.ends);
  }

  /** So much time goes by, packets arrive at once. Files and whatever awaits get their turns. */
  async run(ms: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += 2) {
      this.clock.advance(2);
      for (const net of this.nets) if (net.beat && net.beat.nextAt <= this.clock.now()) net.beat.run(this.clock.now());
      this.carry(0, 1);
      this.carry(1, 0);
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

  private carry(from: 0 | 1, to: 0 | 1): void {
    for (const [port, socket] of this.nets[from].sockets) {
      for (const { to: target, data } of socket.sent.splice(0)) {
        const at = Number(target.slice(target.lastIndexOf(':') + 1));
        const other = this.nets[to].sockets.get(at);
        if (other && !other.closed && !this.lose(data)) this.nets[to].deliver(at, `${HOSTS[from]}:${port}`, data);
      }
    }
  }
}
