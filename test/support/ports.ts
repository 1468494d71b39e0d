/**
 * Ports for tests. Several jest workers (and several people's runs) share one machine, so a port is ours only when
 * two things hold: nobody else *claimed* it (a file per port, created exclusively, that names the claimant's pid and is
 * void once that process is gone) and nobody else *bound* it (tried, on UDP and TCP, on every address).
 *
 * The range lies below Linux's ephemeral ports (32768…), so an outgoing connection never lands on a claimed one.
 */
import { createSocket } from 'node:dgram';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PortRange {
  min: number;
  max: number;
}

export const TEST_PORTS: PortRange = { min: 26000, max: 29899 };
/** Where blocks of more than `LARGE` ports are: among small ones that lie anywhere there is soon no gap wide enough. */
export const LARGE_BLOCKS: PortRange = { min: 20000, max: 25899 };
const LARGE = 200;
/** Where there is still room when suites of many servers meet. */
const SPARE: PortRange = { min: 30000, max: 32767 };

const CLAIMS = join(tmpdir(), 'offhook-test-ports');

/** Consecutive ports, the first even (RTP wants that), released together. */
export class PortBlock {
  private released = false;

  constructor(
    readonly first: number,
    readonly count: number,
  ) {}

  get last(): number {
    return this.first + this.count - 1;
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    for (let port = this.first; port <= this.last; port++) rmSync(join(CLAIMS, String(port)), { force: true });
  }
}

/** Claims `count` consecutive free ports: in the range given, or in its own, or else wherever there is room. */
export async function claimPorts(count: number, range?: PortRange, start?: number): Promise<PortBlock> {
  const ranges = range ? [range] : count > LARGE ? [LARGE_BLOCKS, SPARE] : [TEST_PORTS, SPARE, LARGE_BLOCKS];
  const wide = ranges.filter(({ min, max }) => count >= 1 && count <= max - min + 1);
  if (wide.length === 0) throw new RangeError(`cannot claim ${count} ports in ${ranges.map(({ min, max }) => `${min}-${max}`).join(', ')}`);
  for (const one of wide) {
    const block = await claimIn(one, count, start);
    if (block) return block;
  }
  throw new Error(`no ${count} free consecutive ports in ${wide.map(({ min, max }) => `${min}-${max}`).join(', ')}`);
}

/** @param start where to begin looking; random by default so that parallel runs rarely meet */
async function claimIn(range: PortRange, count: number, start?: number): Promise<PortBlock | undefined> {
  mkdirSync(CLAIMS, { recursive: true });
  const room = range.max - range.min + 1 - count;
  let first = even(start ?? range.min + Math.floor(Math.random() * (room + 1)));
  // One lap over the range, whatever the block size: step past the port that was in the way.
  for (let looked = 0; looked <= range.max - range.min; ) {
    if (first + count - 1 > range.max) first = even(range.min);
    const obstacle = await firstObstacle(first, count);
    if (obstacle === undefined) return new PortBlock(first, count);
    looked += obstacle + 1 - first;
    first = even(obstacle + 1);
  }
  return undefined;
}

/** The first port of the block that cannot be ours, with everything claimed so far given back; undefined when all are. */
async function firstObstacle(first: number, count: number): Promise<number | undefined> {
  for (let port = first; port < first + count; port++) {
    if (claim(port)) {
      if (await isFree(port)) continue;
      rmSync(join(CLAIMS, String(port)), { force: true });
    }
    new PortBlock(first, port - first).release();
    return port;
  }
  return undefined;
}

function claim(port: number): boolean {
  const file = join(CLAIMS, String(port));
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const fd = openSync(file, 'wx');
      writeSync(fd, String(process.pid));
      closeSync(fd);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (isAlive(claimant(file))) return false;
      rmSync(file, { force: true });
    }
  }
  return false;
}

/** The pid in a claim; our own (so: alive) when the file is just being written or was just removed. */
function claimant(file: string): number {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return pid > 0 ? pid : process.pid;
  } catch {
    return process.pid;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether UDP and TCP can both be bound to this port on all addresses (which fails if any address has it). */
export async function isFree(port: number): Promise<boolean> {
  return (await bindsUdp(port)) && (await bindsTcp(port));
}

function bindsUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, address: '0.0.0.0', exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

function bindsTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function even(port: number): number {
  return port % 2 === 0 ? port : port + 1;
}
