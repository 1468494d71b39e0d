/**
 * Two network namespaces joined by a veth pair, for as long as a benchmark runs: one holds the relay, the other the load.
 * Where namespaces cannot be made, both are this machine's loopback.
 */
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { randomBytes } from 'node:crypto';

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

/**
 * Each side in a session of its own (`detached`): Linux shares a full machine out by session, and in one session the load would take
 * from the relay what it lacks.
 */
const options = (): SpawnOptions => ({ stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });

function inNamespace(name: string, address: string): Site {
  return { address, fork: (file) => spawn('ip', ['netns', 'exec', name, process.execPath, file], options()) };
}

function onLoopback(address: string): Site {
  return { address, fork: (file) => spawn(process.execPath, [file], options()) };
}

export function makeSites(): Sites {
  const unique = randomBytes(3).toString('hex');
  const relay = `offhook-r-${unique}`;
  const load = `offhook-l-${unique}`;
  const remove = (): void => {
    process.off('exit', remove).off('SIGINT', interrupted).off('SIGTERM', interrupted);
    for (const name of [relay, load]) {
      try {
        ip('netns', 'delete', name); // the veth pair goes with it
      } catch {
        // was not made, or is gone
      }
    }
  };
  // A namespace outlives everybody who does not remove it.
  const interrupted = (): never => process.exit(130);
  process.on('exit', remove).on('SIGINT', interrupted).on('SIGTERM', interrupted);
  try {
    for (const name of [relay, load]) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    ip('-n', relay, 'link', 'add', 'media0', 'type', 'veth', 'peer', 'name', 'media0', 'netns', load);
    const net = '10.253.17'; // nobody else sees it
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
