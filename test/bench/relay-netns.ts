/**
 * Two network namespaces joined by a veth pair, for as long as a benchmark runs: one holds the relay, the other the load.
 * Where namespaces cannot be made, both are this machine's loopback.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';

export interface Site {
  /** IPv4 address of this side. */
  address: string;
  /** Runs node on a file in this site, with an IPC channel. */
  fork(file: string): ChildProcess;
}

export interface Sites {
  relay: Site;
  load: Site;
  /** Why this is not two namespaces; undefined when it is. */
  note: string | undefined;
  remove(): void;
}

const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 10_000 });

const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;

function inNamespace(name: string, address: string): Site {
  return { address, fork: (file) => spawn('ip', ['netns', 'exec', name, process.execPath, file], { stdio: [...stdio] }) };
}

function onLoopback(address: string): Site {
  return { address, fork: (file) => spawn(process.execPath, [file], { stdio: [...stdio] }) };
}

export function makeSites(): Sites {
  const relay = `offhook-r-${process.pid}`;
  const load = `offhook-l-${process.pid}`;
  const remove = (): void => {
    for (const name of [relay, load]) {
      try {
        ip('netns', 'delete', name); // the veth pair goes with it
      } catch {
        // was not made, or is gone
      }
    }
  };
  try {
    for (const name of [relay, load]) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    ip('-n', relay, 'link', 'add', 'media0', 'type', 'veth', 'peer', 'name', 'media0', 'netns', load);
    const net = `10.${200 + (process.pid % 50)}.${(process.pid >> 6) % 250}`;
    ip('-n', relay, 'address', 'add', `${net}.1/24`, 'dev', 'media0');
    ip('-n', load, 'address', 'add', `${net}.2/24`, 'dev', 'media0');
    ip('-n', relay, 'link', 'set', 'media0', 'up');
    ip('-n', load, 'link', 'set', 'media0', 'up');
    return { relay: inNamespace(relay, `${net}.1`), load: inNamespace(load, `${net}.2`), note: undefined, remove };
  } catch (err) {
    remove();
    const why = (err as { stderr?: Buffer }).stderr?.toString().trim() || String(err);
    return {
      relay: onLoopback('127.0.0.1'),
      load: onLoopback('127.0.0.2'),
      note: `measured over loopback: network namespaces cannot be made here (${why.split('\n')[0]})`,
      remove: () => undefined,
    };
  }
}
