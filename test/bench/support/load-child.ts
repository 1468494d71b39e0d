/** A load as a process of its own: commands come and answers go over the IPC channel (`CommandedChild` is the other end). */
import { setPriority } from 'node:os';
import * as L from '../../../media/net/libc';
import { pinned } from '../../../media/native';
import { sockaddr } from './mmsg';

/** What a load can be told; `aim` takes whatever the load's own kind of aim is. */
export interface Load<Aim> {
  aim(aim: Aim): void;
  /** Runs for that long, without giving the event loop a turn. */
  run(seconds: number): unknown;
  close(): void;
}

type Command<Plan, Aim> = { id: number } & ({ do: 'open'; plan: Plan } | { do: 'aim'; aim: Aim } | { do: 'run'; seconds: number });

export function serveLoad<Plan, Aim>(open: (plan: Plan) => Load<Aim>): void {
  try {
    setPriority(-15); // the world outside does not wait for whoever is measured
  } catch {
    // not allowed: then late ticks tell
  }
  let load: Load<Aim> | undefined;
  process.on('message', (command: Command<Plan, Aim>) => {
    try {
      let value: unknown = null;
      if (command.do === 'open') {
        load?.close();
        load = open(command.plan);
      } else if (command.do === 'aim') load?.aim(command.aim);
      else value = load?.run(command.seconds);
      process.send?.({ id: command.id, value });
    } catch (err) {
      process.send?.({ id: command.id, error: String(err) });
    }
  });
  process.on('disconnect', () => process.exit(0));
}

/** A socket with room for what comes while the load is busy sending. */
export function openSocket(libc: L.Libc, address: string, port: number): number {
  const fd = libc.socket(L.AF_INET, L.SOCK_DGRAM | L.SOCK_NONBLOCK | L.SOCK_CLOEXEC, 0);
  const at = pinned(16);
  sockaddr(address, port, at, 0);
  const size = pinned(4);
  new DataView(size.buffer).setUint32(0, 4 << 20, true);
  libc.setsockopt(fd, L.SOL_SOCKET, L.SO_RCVBUF, size, 4);
  if (fd < 0 || libc.bind(fd, at, 16) < 0) throw new Error(`the load cannot bind ${address}:${port}, errno ${libc.errno()}`);
  return fd;
}

/** Sleeps until absolute times on the monotonic clock. */
export class Pace {
  private readonly time = pinned(16);
  private readonly view = new DataView(this.time.buffer);

  constructor(private readonly libc: L.Libc) {}

  /** @param due ns, as process.hrtime.bigint() counts. Returns the time it is then. */
  until(due: bigint): bigint {
    this.view.setBigUint64(0, due / 1_000_000_000n, true);
    this.view.setBigUint64(8, due % 1_000_000_000n, true);
    this.libc.sleepUntil(L.CLOCK_MONOTONIC, 1, this.time, null);
    return process.hrtime.bigint();
  }
}
