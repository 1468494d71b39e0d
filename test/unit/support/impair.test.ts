/** The proxy on real sockets: both directions, each with its line, and nothing rewritten. */
import { createSocket, type Socket } from 'node:dgram';
import { ImpairedPath, type ImpairedOptions } from '../../support/impair';
import { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';

let stage: Stage;
beforeEach(() => (stage = new Stage()));
afterEach(() => stage.close());

interface End {
  socket: Socket;
  port: number;
  got: Array<{ text: string; at: number; from: number }>;
}

async function end(): Promise<End> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const got: End['got'] = [];
  socket.on('message', (data, from) => got.push({ text: data.toString('latin1'), at: performance.now(), from: from.port }));
  stage.own({ close: () => void socket.close() });
  return { socket, port: socket.address().port, got };
}

async function scene(options: Omit<ImpairedOptions, 'far' | 'near'>): Promise<{ near: End; far: End; path: ImpairedPath }> {
  const [near, far] = await Promise.all([end(), end()]);
  return { near, far, path: await ImpairedPath.open(stage, { ...options, far: { address: '127.0.0.1', port: far.port } }) };
}

const send = (from: End, port: number, count: number): void => {
  for (let i = 0; i < count; i++) from.socket.send(`\u0000packet ${i}\u00ff`, port, '127.0.0.1');
};

test('carries what it gets both ways, from the port that the other end knows', async () => {
  const { near, far, path } = await scene({});
  near.socket.send(Buffer.from([0, 255, 128]), path.frontPort, '127.0.0.1');
  await eventually('the packet', () => far.got.length === 1);
  expect(Buffer.from(far.got[0]!.text, 'latin1')).toEqual(Buffer.from([0, 255, 128]));
  expect(far.got[0]!.from).toBe(path.backPort);
  far.socket.send('back', path.backPort, '127.0.0.1');
  await eventually('the answer', () => near.got.length === 1);
  expect(near.got[0]).toMatchObject({ text: 'back', from: path.frontPort });
});

test('loses in one direction only, and counts', async () => {
  const { near, far, path } = await scene({ forward: { loss: 0.3, seed: 5 } });
  // in portions that a socket's buffer holds
  for (let sent = 0; sent < 500; sent += 50) {
    send(near, path.frontPort, 50);
    await eventually('this portion', () => path.counts().forward.packets === sent + 50);
  }
  const { lost } = path.counts().forward;
  expect(lost).toBeGreaterThan(110);
  expect(lost).toBeLessThan(190);
  await eventually('the rest', () => far.got.length === 500 - lost);
  send(far, path.backPort, 50);
  await eventually('all of the way back', () => near.got.length === 50);
  expect(path.counts().back).toEqual({ packets: 50, lost: 0, duplicated: 0, heldBack: 0 });
});

test('delays, and a packet that is held back comes after the next', async () => {
  const { near, far, path } = await scene({ forward: { delayMs: 30, reordered: 0.5, heldBackMs: 40, seed: 3 }, back: { duplicates: 1 } });
  const sentAt = performance.now();
  send(near, path.frontPort, 20);
  await eventually('all of them', () => far.got.length === 20);
  expect(Math.min(...far.got.map(({ at }) => at)) - sentAt).toBeGreaterThan(28);
  const order = far.got.map(({ text }) => Number(/\d+/.exec(text)![0]));
  expect(order).not.toEqual([...order].sort((a, b) => a - b));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  far.socket.send('twice', path.backPort, '127.0.0.1');
  await eventually('both copies', () => near.got.length === 2);
});

test('what is on its way when it is closed does not arrive, and nothing is left open', async () => {
  const { near, far, path } = await scene({ forward: { delayMs: 50 } });
  send(near, path.frontPort, 1);
  await eventually('the packet to be on its way', () => path.counts().forward.packets === 1);
  path.close();
  path.close();
  await new Promise((resolve) => setTimeout(resolve, 80));
  expect(far.got).toEqual([]);
});
