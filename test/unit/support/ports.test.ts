/** Port claims: never the same port twice, never one that is taken. */
import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';
import { claimPorts, isFree, LARGE_BLOCKS, type PortBlock, type PortRange, TEST_PORTS } from '../../support/ports';

// A corner of the test range of its own, so that the "range is full" case is quick.
const RANGE: PortRange = { min: 29900, max: 29939 };

const blocks: PortBlock[] = [];
async function claim(count: number, start?: number): Promise<PortBlock> {
  const block = await claimPorts(count, RANGE, start);
  blocks.push(block);
  return block;
}
afterEach(() => {
  for (const block of blocks.splice(0)) block.release();
});

test('blocks start even and never overlap', async () => {
  const taken = new Set<number>();
  for (let i = 0; i < 4; i++) {
    const block = await claim(5);
    expect(block.first % 2).toBe(0);
    for (let port = block.first; port <= block.last; port++) {
      expect(taken.has(port)).toBe(false);
      taken.add(port);
    }
  }
  expect(taken.size).toBe(20);
});

test('a full range says so, and a released block can be had again', async () => {
  const all = await claim(40, 29900);
  await expect(claim(1)).rejects.toThrow('no 1 free consecutive ports in 29900-29939');
  all.release();
  expect((await claim(40)).count).toBe(40);
});

test('a large block is had however the small ones lie', async () => {
  for (let start = TEST_PORTS.min; start < TEST_PORTS.max; start += 400) blocks.push(await claimPorts(1, TEST_PORTS, start));
  const large = await claimPorts(700);
  blocks.push(large);
  expect(large.first).toBeGreaterThanOrEqual(LARGE_BLOCKS.min);
  expect(large.last).toBeLessThanOrEqual(LARGE_BLOCKS.max);
});

test('a port bound by anyone, over UDP or TCP, is passed over', async () => {
  const udp = await bound(29904);
  const tcp = createServer();
  await new Promise<void>((resolve) => tcp.listen(29910, '127.0.0.1', resolve));
  try {
    expect(await isFree(29904)).toBe(false);
    expect(await isFree(29910)).toBe(false);
    const block = await claim(8, 29900);
    expect(block.first).toBe(29912);
  } finally {
    udp.close();
    tcp.close();
  }
});

function bound(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', () => resolve(socket));
  });
}
