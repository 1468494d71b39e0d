/**
 * The relay under measurement, started inside its network namespace: our media plane in this process, or rtpengine as its child.
 * Commands come and answers go over the IPC channel.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMediaPlane, type MediaPlane, type PlaneLoad } from '../../media/plane';
import { start, until, type Started } from './support/process';
import { NgClient, setUpCall } from './rtpengine';
import type { CallPorts } from './relay-load';

export type RelayKind = 'native' | 'dgram' | 'rtpengine';

export type HostCommand =
  | { id: number; do: 'start'; kind: RelayKind; address: string }
  | { id: number; do: 'calls'; remote: string; ports: CallPorts[] }
  | { id: number; do: 'load' }
  | { id: number; do: 'stop' };

interface Relay {
  /** The process whose CPU time counts. */
  pid: number;
  call(index: number, remote: string, ports: CallPorts): Promise<CallPorts>;
  load(): Promise<PlaneLoad | null>;
  stop(): Promise<void>;
}

const NG_PORT = 22222;
const PORTS = { portMin: 20000, portMax: 31999 };

async function ours(address: string, backend: 'native' | 'dgram'): Promise<Relay> {
  const options = { ...PORTS, workers: 1, bind4: address, bind6: null, drainMs: 1000, silenceMs: 60_000, backend };
  const plane: MediaPlane = await createMediaPlane(options);
  return {
    pid: process.pid,
    async call(index, remote, ports) {
      const session = `call-${index}`;
      const [a, b] = await Promise.all([plane.allocate({ session, family: 4, label: 'a' }), plane.allocate({ session, family: 4, label: 'b' })]);
      await Promise.all([
        plane.setRemote(a.id, { address: remote, port: ports.a }),
        plane.setRemote(b.id, { address: remote, port: ports.b }),
        plane.connect(a.id, b.id, { aToB: { flow: true }, bToA: { flow: true } }),
      ]);
      return { a: a.rtpPort, b: b.rtpPort };
    },
    load: () => plane.load(),
    stop: () => plane.close(),
  };
}

async function rtpengine(address: string): Promise<Relay> {
  const dir = mkdtempSync(join(tmpdir(), 'offhook-bench-relay-'));
  const engine: Started = start('/usr/bin/rtpengine', [
    '--foreground', '--log-stderr', '--log-level=3', '--table=-1', `--interface=${address}`, `--listen-ng=127.0.0.1:${NG_PORT}`,
    `--port-min=${PORTS.portMin}`, `--port-max=${PORTS.portMax}`, '--timeout=60', '--config-file=none', `--pidfile=${join(dir, 'pid')}`,
  ]);
  const ng = new NgClient('127.0.0.1', NG_PORT);
  const stop = async (): Promise<void> => {
    ng.close();
    await engine.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await until('rtpengine answering', 5000, () => {
      if (engine.child.exitCode !== null) throw new Error(`rtpengine ended: ${engine.output().slice(-500)}`);
      return ng.request({ command: 'ping' }, 300).then(() => true, () => false);
    });
  } catch (err) {
    await stop();
    throw err;
  }
  return { pid: engine.pid, call: (index, remote, ports) => setUpCall(ng, `call-${index}`, remote, ports.a, ports.b), load: () => Promise.resolve(null), stop };
}

function serve(): void {
  // Our workers ask for this themselves where they may; so that the peer is not the worse for it, all start with it.
  try {
    setPriority(-10);
  } catch {
    // not allowed to anybody, then
  }
  let relay: Relay | undefined;
  const run = async (command: HostCommand): Promise<unknown> => {
    switch (command.do) {
      case 'start':
        relay = command.kind === 'rtpengine' ? await rtpengine(command.address) : await ours(command.address, command.kind);
        return relay.pid;
      case 'calls': {
        const placed: CallPorts[] = [];
        for (const [i, ports] of command.ports.entries()) placed.push((await relay?.call(i, command.remote, ports)) ?? { a: 0, b: 0 });
        return placed;
      }
      case 'load':
        return (await relay?.load()) ?? null;
      case 'stop':
        return relay?.stop();
    }
  };
  process.on('message', (command: HostCommand) => {
    run(command).then(
      (value) => process.send?.({ id: command.id, value: value ?? null }),
      (err: unknown) => process.send?.({ id: command.id, error: String(err) }),
    );
  });
  process.on('disconnect', () => {
    void Promise.resolve(relay?.stop()).finally(() => process.exit(0));
  });
}

if (require.main === module) serve();
