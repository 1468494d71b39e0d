/**
 * Which programs other than ours a suite needs, and skipping it with a reason where one is missing.
 *
 * `peers.json` is the one list: `test/run.mjs` installs from it what it may, the suites look again for themselves, so a suite run
 * directly with jest skips for the same reasons. The reason travels in the suite's title as `[skipped: …]`, where the reporter
 * (`test/support/reporter.cjs`) picks it up.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import table from './peers.json';

export type PeerProgram = keyof typeof table;

/** A program to look for in the path; or, of a package without one, a file (`*`: the folder that Debian names after the machine). */
type Peer = { package: string; what: string } & ({ binary: string } | { file: string });

const peers: Readonly<Record<PeerProgram, Peer>> = table;

/** `netns`: this process may make network namespaces. */
export type PeerName = PeerProgram | 'netns';

export interface Probe {
  /** Full path of an executable, or undefined. */
  find(binary: string): string | undefined;
  /** Full path of a file, in which one folder may be `*`; or undefined. */
  file(pattern: string): string | undefined;
  /** Why network namespaces cannot be made here; undefined when they can. */
  netnsRefusal(): string | undefined;
}

export const systemProbe: Probe = {
  find(binary) {
    const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin'];
    return folders.filter(Boolean).map((folder) => join(folder, binary)).find(executable);
  },
  file(pattern) {
    const [before = '', after] = pattern.split('*');
    if (after === undefined) return readable(before) ? before : undefined;
    return foldersIn(before).map((name) => before + name + after).find(readable);
  },
  netnsRefusal() {
    const ip = this.find('ip');
    if (!ip) return 'network namespaces need the program ip (Debian package iproute2)';
    const name = `offhook-probe-${process.pid}`;
    const made = spawnSync(ip, ['netns', 'add', name], { encoding: 'utf8', timeout: 5000 });
    if (made.status === 0) {
      spawnSync(ip, ['netns', 'delete', name], { timeout: 5000 });
      return undefined;
    }
    const why = (made.stderr || made.error?.message || '').trim().split('\n')[0];
    return `network namespaces cannot be made here${why ? ` (${why})` : ''}`;
  },
};

/** The path of a peer's program; throws when it is missing, which a suite guarded by `need` never sees. */
export function peerPath(name: PeerProgram, probe: Probe = systemProbe): string {
  const path = found(name, probe);
  if (!path) throw new Error(notInstalled(name));
  return path;
}

/** Why a suite that needs `names` cannot run here; undefined when it can. */
export function missing(names: PeerName[], probe: Probe = systemProbe): string | undefined {
  const reasons = names.map((name) => {
    if (name === 'netns') return probe.netnsRefusal();
    return found(name, probe) ? undefined : notInstalled(name);
  });
  const given = reasons.filter((reason) => reason !== undefined);
  return given.length ? given.join('; ') : undefined;
}

function found(name: PeerProgram, probe: Probe): string | undefined {
  const peer = peers[name];
  return 'binary' in peer ? probe.find(peer.binary) : probe.file(peer.file);
}

function notInstalled(name: PeerProgram): string {
  const peer = peers[name];
  return `${'binary' in peer ? peer.binary : peer.what} is not installed (Debian package ${peer.package})`;
}

export type Suite = (title: string, body: () => void) => void;

/** `need('linphone', 'baresip')('calls by ear', () => { … })`: a describe that is skipped, with its reason, where a peer is missing. */
export function need(...names: PeerName[]): Suite {
  return unless(missing(names));
}

/** A describe that is skipped when there is a reason to, for conditions that are not peers. */
export function unless(reason: string | undefined): Suite {
  if (reason === undefined) return (title, body) => describe(title, body);
  return (title, body) => describe.skip(`${title} [skipped: ${reason}]`, body);
}

const executable = (path: string): boolean => accessible(path, constants.X_OK);
const readable = (path: string): boolean => accessible(path, constants.R_OK);

function accessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
