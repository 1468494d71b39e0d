/**
 * The operator's socket: a Unix socket in the data folder, for its owner only. It also says that a server runs there, so it is taken before
 * anything else is opened; what it is asked before the server is ready is told to come again.
 */
import { chmodSync, closeSync, lstatSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { OffhookError } from '../errors';
import type { Logger } from '../log';
import { longestPath, operatorAddress, operatorFolder, OPERATOR_SOCKET } from '../operator-path';
import { HttpListener, type Listener } from './listener';

export interface OperatorSocketDeps {
  log: Logger;
  /** Default: this one. */
  platform?: NodeJS.Platform;
}

export interface OperatorSocket {
  /** Requests are answered by this from now on. */
  serve(listener: Listener): void;
  upgrades: HttpListener['upgrades'];
  /** Idempotent. */
  close(): Promise<void>;
}

/** A lock is held for as long as it takes to look at a socket and listen. */
const LOCK_MS = 3000;
const LOOK_MS = 20;

/** `data` must exist. Undefined: there can be none in this folder, and the log says why. Errors: `server.running`. */
export async function openOperatorSocket(data: string, { log, platform = process.platform }: OperatorSocketDeps): Promise<OperatorSocket | undefined> {
  const folder = operatorFolder(data);
  const without = (reason: string): undefined => void log.warn(`the operator's socket cannot be opened, so that offhook stats and offhook ladder have nobody to ask: ${reason}`);
  try {
    makeFolder(folder);
    const address = operatorAddress(folder, platform);
    if (!address) return without(`the path of the data folder is too long; with /run/${OPERATOR_SOCKET} it may have ${longestPath(platform)} bytes`);
    try {
      return await open(data, address.path, address.release);
    } catch (err) {
      address.release();
      throw err;
    }
  } catch (err) {
    if (err instanceof OffhookError) throw err;
    return without((err as Error).message);
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, 0o700);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
  }
  chmodSync(folder, 0o700);
}

async function open(data: string, path: string, release: () => void): Promise<OperatorSocket> {
  const listener = new HttpListener();
  await claim(listener, path, data);
  chmodSync(path, 0o600);
  let closing: Promise<void> | undefined;
  return {
    serve: (next) => listener.serve(next),
    upgrades: (take) => listener.upgrades(take),
    close: () => (closing ??= listener.close().finally(release)),
  };
}

/** Listens there, also where the socket of a server that was killed is in the way. Errors: `server.running`. */
async function claim(listener: HttpListener, path: string, data: string): Promise<void> {
  try {
    return await listener.listen({ path });
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw err;
  }
  await alone(`${path}.lock`, async () => {
    if (await answers(path)) throw new OffhookError('server.running', { folder: data });
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) throw new Error(`${path} is no socket`);
    rmSync(path, { force: true });
    await listener.listen({ path }).catch((err: NodeJS.ErrnoException) => {
      // by one who came when there was nothing in the way
      throw err.code === 'EADDRINUSE' ? new OffhookError('server.running', { folder: data }) : err;
    });
  });
}

/** Of several servers that find the same socket abandoned, one at a time: or the second would take away what the first has just made. */
async function alone(lock: string, work: () => Promise<void>): Promise<void> {
  while (!taken(lock)) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function taken(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600));
    return true;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
    // whoever had it was killed meanwhile
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
    if (since !== undefined && Date.now() - since > LOCK_MS) rmSync(lock, { force: true });
    return false;
  }
}

/** Somebody listens on it: also one who is too busy, or not ours to ask. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
